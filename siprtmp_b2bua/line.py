"""A line: one RTMP connection as a SIP user agent, with one registration and at most one call."""

from __future__ import annotations

import asyncio
import logging

from rtmp.messages import Payload

from .call import Call
from .call_state import CallEvent
from .client_codecs import CodecPreference
from .client_port import ClientPort
from .errors import AddressError, CapacityError, IllegalTransitionError, RequestError, SipError
from .pj_account import Credentials, IncomingCall, PjAccount
from .pj_call import PjCall
from .pj_events import RegistrationState
from .services import Services
from .sip_address import name_addr, parse_destination
from .tasks import TaskGroup

logger = logging.getLogger(__name__)

_REGISTRATION_LOST_CODES = range(300, 700)


class Line:
    """The SIP side of one RTMP client.

    The methods named like the client API raise `RequestError` or `IllegalTransitionError` for what the
    client did wrong; what SIP refuses, the client hears through its `ClientPort`.
    """

    def __init__(
        self, services: Services, credentials: Credentials, client: ClientPort, rate: str, name: str
    ) -> None:
        self.name = name
        self._services = services
        self._credentials = credentials
        self.client = client
        self._rate = rate
        self._account: PjAccount | None = None
        self._registration: asyncio.Future[RegistrationState] | None = None
        self._last_call: Call | None = None
        self._closing = False
        self._tasks = TaskGroup(name)

    @property
    def registers(self) -> bool:
        """Whether the client gave a password: without one it only calls out."""
        return bool(self._credentials.password)

    @property
    def _call(self) -> Call | None:
        call = self._last_call
        return None if call is None or call.ended.is_set() else call

    async def open(self) -> None:
        """Register, if the client gave a password.

        Raises `SipError` with the registrar's refusal (408 if it did not answer in time) and
        `CapacityError` if the process has no account left.
        """
        if not self.registers:
            return
        self._account = PjAccount(self._services.endpoint.context, self._credentials, self)
        self._registration = asyncio.get_running_loop().create_future()
        try:
            await self._account.open()
            timeout_s = self._services.config.sip.register_timeout_s
            state = await asyncio.wait_for(self._registration, timeout_s)
        except TimeoutError:
            state = RegistrationState(408, "Request Timeout", 0)
        finally:
            self._registration = None
        if not state.is_registered:
            raise SipError(state.code, state.reason)
        logger.info("%s: registered %s for %d s", self.name, self._credentials.aor, state.expires_s)

    async def close(self) -> None:
        """Hang up, unregister and free everything; bounded in time by the configuration."""
        if self._closing:
            return
        self._closing = True
        call, timeout_s = self._call, self._services.config.shutdown_timeout_s / 2
        if call is not None:
            try:
                await call.bye()
                await asyncio.wait_for(call.ended.wait(), timeout_s)
            except TimeoutError:
                logger.warning("%s: the peer did not confirm the end of %s", self.name, call.name)
        if self._account is not None:
            await self._account.close(timeout_s)
        self._tasks.cancel()

    # -- the client API ------------------------------------------------------------------------------------

    async def invite(self, destination: str, codecs: list[str]) -> None:
        """Call `destination`."""
        if self._call is not None:
            raise IllegalTransitionError(f"invite is not possible while {self._call.name} goes on")
        try:
            preference = CodecPreference.parse(codecs, self._rate)
            target = parse_destination(destination, self._credentials.aor)
        except AddressError as error:
            logger.info("%s: invite refused: %s", self.name, error)
            self.client.rejected("404 Not Found")
            return
        except RequestError as error:
            logger.info("%s: invite refused: %s", self.name, error)
            self.client.rejected("488 Not Acceptable Here")
            return
        await self._place_call(target, preference)

    async def accept(self, codecs: list[str]) -> None:
        """Answer the incoming call."""
        call = self._require_call("accept")
        await call.accept(CodecPreference.parse(codecs, self._rate))

    async def reject(self, code: int, reason: str) -> None:
        """Refuse the incoming call."""
        await self._require_call("reject").reject(code, reason)

    async def bye(self) -> None:
        """End the call; without one, nothing is to be done (the peer may have been faster)."""
        if self._call is not None:
            await self._call.bye()

    async def hold(self, held: bool) -> None:
        """Put the peer on hold or take it off."""
        await self._require_call("hold").hold(held)

    async def send_dtmf(self, digits: str) -> None:
        """Send digits in the call."""
        await self._require_call("sendDTMF").send_dtmf(digits)

    def push_audio(self, tag: Payload) -> None:
        """Take an FLV audio tag from the client; without a call it is dropped."""
        if self._call is not None:
            self._call.push_audio(tag)

    # -- AccountListener -----------------------------------------------------------------------------------

    def on_registration(self, state: RegistrationState) -> None:
        """Resolve `open`, or log what became of a registration later; pjsip tries again by itself."""
        if self._registration is not None and not self._registration.done():
            self._registration.set_result(state)
        elif state.code in _REGISTRATION_LOST_CODES and not self._closing:
            logger.warning(
                "%s: the registration of %s was lost: %d %s; trying again",
                self.name, self._credentials.aor, state.code, state.reason,
            )  # fmt: skip

    def on_incoming_call(self, incoming: IncomingCall) -> None:
        """Alert the client, or answer 486 while it has a call."""
        if self._closing or self._call is not None:
            logger.info("%s: %s from %s refused with 486", self.name, incoming.call.name, incoming.caller)
            self._tasks.start(incoming.call.hang_up(486))
            return
        call = self._new_call(
            incoming.call, CodecPreference.default(self._rate), incoming.caller, incoming.called
        )
        call.began(CallEvent.INVITED)
        self._tasks.start(self._alert(call))
        self.client.invited(incoming.caller, incoming.called)

    # -- helpers -------------------------------------------------------------------------------------------

    async def _place_call(self, target: str, preference: CodecPreference) -> None:
        endpoint = self._services.endpoint
        context = endpoint.context
        sip = PjCall(context, None, context.next_call_name())
        own = name_addr(self._credentials.aor.uri, self._credentials.display_name)
        call = self._new_call(sip, preference, own, target)
        call.began(CallEvent.INVITE)
        try:
            if self._account is not None:
                await self._account.make_call(sip, target, preference)
            else:
                await sip.make(endpoint.system_account, target, preference, own)
        except SipError as error:
            call.on_disconnected(error.code, error.reason)
        except CapacityError as error:
            logger.warning("%s: %s", call.name, error)
            call.on_disconnected(503, "Service Unavailable")

    def _new_call(self, sip: PjCall, preference: CodecPreference, caller: str, called: str) -> Call:
        call = Call(sip, self.client, self._services, preference=preference, caller=caller, called=called)
        self._last_call = call
        return call

    async def _alert(self, call: Call) -> None:
        try:
            await call.ring()
        except SipError as error:
            logger.info("%s: gone before it could ring: %s", call.name, error)

    def _require_call(self, command: str) -> Call:
        call = self._call
        if call is None:
            raise IllegalTransitionError(f"{command} is not possible without a call")
        return call
