"""One SIP account through pjsua2: registration, and incoming calls for its address."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from media_bridge.pj_build import installed_build
from media_bridge.pj_module import pj

from .credentials import Credentials
from .errors import CapacityError, SipError
from .pj_call import PjCall
from .pj_context import PjContext
from .pj_events import RegistrationState, guarded, peer_text
from .sip_address import name_addr, strip_parameters

if TYPE_CHECKING:
    from .client_codecs import CodecPreference
from .video_sdp import VideoLine

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE for an account: the call, and From and To as they are shown to a person."""

    call: PjCall
    caller: str
    called: str


class AccountListener(Protocol):
    """Hears of one account, on the asyncio loop."""

    def on_registration(self, state: RegistrationState) -> None:
        """Hear each answer of the registrar, and time-outs as 408."""

    def on_incoming_call(self, incoming: IncomingCall) -> None:
        """Hear of an INVITE; it must be answered (`ring`, `accept`, `hang_up`)."""


class _BaseAccount(pj.Account):  # type: ignore[misc]  # pjsua2 has no type information
    """Refuses what pjsua2 would accept by itself and we have no use for."""

    @guarded
    def onIncomingSubscribe(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Refuse presence subscriptions, each of which would cost memory for as long as the peer likes."""
        prm.code = pj.PJSIP_SC_BAD_EVENT


class _Account(_BaseAccount):
    """Receives pjsua2's callbacks, all on the pjsip thread.

    The destructor deletes whatever account lives in the slot at the time. So `delete` it as soon as it is no
    longer needed: a reference that went later (that of an exception's traceback, say, which the collector
    frees at any time, on any thread) would end somebody else's registration.
    """

    def __init__(self, owner: PjAccount) -> None:
        super().__init__()
        self._owner = owner

    def delete(self) -> None:
        """Delete pjsip's account, if there is one, and the C++ object; on the pjsip thread."""
        pj.Account.__swig_destroy__(self)

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        # A transport error or a time-out has no response: pjsip gives 408 or 503 as the code then.
        reason = peer_text(prm.reason) or "Request Timeout"
        self._owner._registration_changed(RegistrationState(prm.code, reason, prm.expiration))

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self._owner._incoming(prm.callId)


class PjAccount:
    """A registered address of record. Methods without `_` are for the asyncio loop."""

    def __init__(self, context: PjContext, credentials: Credentials, listener: AccountListener) -> None:
        self._context = context
        self._credentials = credentials
        self._listener = listener
        self._account: _Account | None = None
        self._registered = False
        self._gone = asyncio.Event()
        self.line_token = secrets.token_hex(6)
        """Parameter of our Contact by which an INVITE finds this account and no other of the same AOR."""

    async def open(self) -> None:
        """Create the account and send REGISTER; the listener hears the answer.

        Raises `CapacityError` past the process's number of accounts, `SipError` if pjsip cannot send.
        """
        await self._context.thread.run(self._open)

    async def renew(self) -> None:
        """Send another REGISTER now, unless one is under way."""
        await self._context.thread.run(self._renew)

    async def make_call(
        self, call: PjCall, destination: str, preference: CodecPreference, video: VideoLine | None = None
    ) -> None:
        """Send an INVITE from this account; see `PjCall.make`."""

        def command() -> None:
            if self._account is None:
                raise SipError(503, "Not Registered")
            call.session.make(self._account, destination, preference, "", video)

        await self._context.thread.run(command)

    async def close(self, timeout_s: float) -> None:
        """Unregister, wait at most `timeout_s` for the registrar's answer, and delete the account."""
        if self._account is None:
            return
        self._gone.clear()
        if self._registered and await self._context.thread.run(self._unregister):
            try:
                await asyncio.wait_for(self._gone.wait(), timeout_s)
            except TimeoutError:
                logger.warning("%s: the registrar did not answer our unregistration", self._credentials.aor)
        await self._context.thread.run(self._close)

    def answers_for(self, user: str) -> bool:
        """Whether a request for `user` at this host is for this account."""
        return user == self._credentials.aor.user

    # -- on the pjsip thread -----------------------------------------------------------------------------

    def _open(self) -> None:
        context = self._context
        if len(context.accounts) >= installed_build().registrations:
            # One more would be an assertion of pjsua and the end of the process.
            raise CapacityError("busy: all lines of this gateway are in use; try again later")
        account = _Account(self)
        try:
            account.create(self._settings())
        except pj.Error as error:
            account.delete()
            raise SipError(500, str(error.reason).strip() or "cannot register") from None
        self._account = account
        context.accounts[account.getId()] = self

    def _settings(self) -> Any:
        credentials = self._credentials
        config = self._context.account_config()
        config.idUri = name_addr(credentials.aor.uri, credentials.display_name)
        config.regConfig.registrarUri = credentials.aor.registrar_uri
        config.regConfig.timeoutSec = self._context.config.sip.register_expires_s
        config.regConfig.retryIntervalSec = 0  # `Registration` tries again, whatever the failure was
        config.sipConfig.contactUriParams = f";line={self.line_token}"
        config.sipConfig.authCreds.append(
            pj.AuthCredInfo("digest", "*", credentials.login, 0, credentials.password)
        )
        return config

    def _registration_changed(self, state: RegistrationState) -> None:
        self._registered = state.is_registered
        self._context.poster.post(self._hear_registration, state)

    def _hear_registration(self, state: RegistrationState) -> None:
        if not state.is_registered:
            self._gone.set()
        self._listener.on_registration(state)

    def _incoming(self, call_id: int) -> None:
        call = PjCall(self._context, None, self._context.next_call_name())
        call.session.take_incoming(self._account, call_id)
        info = call.session.info()
        caller, called = (strip_parameters(peer_text(uri)) for uri in (info.remoteUri, info.localUri))
        incoming = IncomingCall(call, caller, called)
        self._context.poster.post(self._listener.on_incoming_call, incoming)

    def _renew(self) -> None:
        if self._account is not None:
            try:
                self._account.setRegistration(True)
            except pj.Error as error:
                logger.debug("%s: not renewed now: %s", self._credentials.aor, error.reason)

    def _unregister(self) -> bool:
        """Send the un-REGISTER; False if pjsip cannot, because a REGISTER waits for its answer."""
        if self._account is None:
            return False
        try:
            self._account.setRegistration(False)
        except pj.Error as error:
            logger.warning("%s: cannot unregister: %s", self._credentials.aor, error.reason)
            return False
        return True

    def _close(self) -> None:
        account, self._account = self._account, None
        if account is not None:
            self._context.accounts.pop(account.getId(), None)
            account.delete()


class SystemAccount(_BaseAccount):
    """The account behind all others: it makes unregistered calls and refuses INVITEs for nobody.

    It is made first and stays, so that pjsua always has a valid default account; it asserts without one.
    """

    def __init__(self, context: PjContext) -> None:
        super().__init__()
        self._context = context

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Refuse an INVITE that no account answers for."""
        call = PjCall(self._context, None, self._context.next_call_name())
        call.session.take_incoming(self, prm.callId)
        logger.info(
            "%s: refused with 404, nobody here has the address %s", call.name, call.session.info().localUri
        )
        self._context.thread.submit(lambda: call.session.refuse(404))
