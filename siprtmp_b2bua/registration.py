"""The registration of an address of record, and who of its lines gets a call that comes in for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from .client_codecs import CodecPreference
from .credentials import Credentials
from .errors import CapacityError, SipError
from .pj_account import IncomingCall, PjAccount
from .pj_call import PjCall
from .pj_events import RegistrationState
from .services import Services
from .tasks import TaskGroup
from .video_sdp import VideoLine

logger = logging.getLogger(__name__)

_FIRST_RETRY_S: Final = 30.0
_LAST_RETRY_S: Final = 600.0
"""A lost registration is sent again after the first time; after each time that failed, twice as long, up to
the last."""

_TIMED_OUT: Final = RegistrationState(408, "Request Timeout", 0)
_BUSY, _NOBODY, _UNAVAILABLE = 486, 480, 503


class CallTaker(Protocol):
    """A line, as its registration sees it."""

    @property
    def is_free(self) -> bool:
        """Whether it can take a call now."""

    def take_call(self, incoming: IncomingCall) -> None:
        """Alert the client."""


class Registration:
    """One account at its registrar.

    A client's own lives as long as its line. A `standing` one belongs to the configuration: it is there
    before the first client and after the last, and all clients of its address share it.
    """

    def __init__(self, services: Services, credentials: Credentials, name: str, *, standing: bool) -> None:
        self._services = services
        self._credentials = credentials
        self._name = name
        self._standing = standing
        self._account = PjAccount(services.endpoint.context, credentials, self)
        self._takers: list[CallTaker] = []
        self._state: RegistrationState | None = None
        self._changed = asyncio.Event()
        self._retry_s = _FIRST_RETRY_S
        self._retry: asyncio.TimerHandle | None = None
        """The one that is due, if there is one: the REGISTER that failed may have been another's."""
        self._closing = False
        self._tasks = TaskGroup(name)

    async def start(self) -> None:
        """Send the first REGISTER. Raises what `PjAccount.open` raises."""
        await self._account.open()

    async def join(self, taker: CallTaker) -> None:
        """Return when the registrar knows us; `taker` gets calls from then on.

        Raises `SipError` with the registrar's refusal, 408 if it did not answer in time, and what `start`
        raises.
        """
        if not self._standing:
            await self.start()
        elif self._state is None or not self._state.is_registered:
            self._state = None
            await self._account.renew()
        state = await self._wait_for_answer()
        if not state.is_registered:
            raise SipError(state.code, state.reason)
        self._takers.append(taker)

    async def leave(self, taker: CallTaker) -> None:
        """Give `taker` no more calls; a registration that is not standing ends with it."""
        if taker in self._takers:
            self._takers.remove(taker)
        if not self._standing:
            await self.close()

    async def close(self) -> None:
        """Unregister; bounded in time by the configuration."""
        self._closing = True
        self._cancel_retry()
        await self._account.close(self._services.config.shutdown_timeout_s / 2)
        self._tasks.cancel()

    async def make_call(
        self, call: PjCall, destination: str, preference: CodecPreference, video: VideoLine | None = None
    ) -> None:
        """Send an INVITE from this address; see `PjCall.make`."""
        await self._account.make_call(call, destination, preference, video)

    async def _wait_for_answer(self) -> RegistrationState:
        timeout_s = self._services.config.sip.register_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                while self._state is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return _TIMED_OUT
        return self._state

    # -- AccountListener -----------------------------------------------------------------------------------

    def on_registration(self, state: RegistrationState) -> None:
        """Keep the registrar's answer; try again later if a registration failed that others count on."""
        was_registered = self._state is not None and self._state.is_registered
        self._state = state
        self._changed.set()
        self._cancel_retry()
        if state.is_registered:
            self._retry_s = _FIRST_RETRY_S
            if not was_registered:
                logger.info("%s: registered %s for %d s", self._name, self._credentials.aor, state.expires_s)
        elif not self._closing and (self._takers or self._standing):
            logger.warning(
                "%s: %s is not registered: %d %s; trying again in %g s",
                self._name, self._credentials.aor, state.code, state.reason, self._retry_s,
            )  # fmt: skip
            self._retry_later()

    def _retry_later(self) -> None:
        self._retry = asyncio.get_running_loop().call_later(self._retry_s, self._try_again)

    def _try_again(self) -> None:
        """Renew; the next time is set at once, for a REGISTER that cannot be sent gets no answer."""
        self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)
        self._retry_later()
        self._tasks.start(self._account.renew())

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def on_incoming_call(self, incoming: IncomingCall) -> None:
        """Give the call to the first free line; answer 486 if none is free, 480 if there is none.

        503 if no calls are taken now.
        """
        try:
            self._services.gate.check()
        except CapacityError as error:
            self._refuse(incoming, _UNAVAILABLE, f": {error}")
            return
        taker = next((taker for taker in self._takers if taker.is_free), None)
        if taker is not None:
            taker.take_call(incoming)
        else:
            self._refuse(incoming, _BUSY if self._takers else _NOBODY)

    def _refuse(self, incoming: IncomingCall, code: int, why: str = "") -> None:
        logger.info(
            "%s: %s from %s refused with %d%s", self._name, incoming.call.name, incoming.caller, code, why
        )
        self._tasks.start(incoming.call.hang_up(code))
