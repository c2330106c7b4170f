"""A line: one RTMP connection as a SIP user agent, with one registration and at most one call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace

from rtmp.messages import Payload

from .call import Call
from .call_state import CallEvent, CallState
from .client_codecs import CodecPreference
from .client_port import ClientPort
from .control.status import CallStatus
from .credentials import Credentials
from .errors import AddressError, CapacityError, IllegalTransitionError, RequestError, SipError
from .pj_account import IncomingCall
from .pj_call import PjCall
from .registration import Registration
from .services import Services
from .sip_address import name_addr, parse_destination
from .tasks import TaskGroup
from .video_sdp import H264

logger = logging.getLogger(__name__)

_ENDING_TIMEOUT_S = 2.0
_PLACE_TIMEOUT_S = 2.0
_PLACE_POLL_S = 0.05


class Line:
    """The SIP side of one RTMP client.

    The methods named like the client API raise `RequestError` or `IllegalTransitionError` for what the
    client did wrong; what SIP refuses, the client hears through its `ClientPort`.
    """

    def __init__(
        self,
        services: Services,
        credentials: Credentials,
        client: ClientPort,
        registration: Registration | None,
        *,
        rate: str,
        name: str,
    ) -> None:
        self.name = name
        self.client = client
        self._services = services
        self._credentials = credentials
        self._registration = registration
        self._rate = rate
        self._last_call: Call | None = None
        self._closing = False
        self._tasks = TaskGroup(name)

    @property
    def _call(self) -> Call | None:
        call = self._last_call
        return None if call is None or call.ended.is_set() else call

    @property
    def is_free(self) -> bool:
        """Whether the line can take a call now."""
        return not self._closing and self._call is None

    async def call_status(self) -> CallStatus | None:
        """What goes on in the call, None if there is none."""
        return await self._call.status(self.name) if self._call is not None else None

    async def wait_free(self) -> None:
        """Wait until there is no call."""
        while self._call is not None:
            await self._call.ended.wait()

    async def open(self) -> None:
        """Register, if the line has a registration; raises what `Registration.join` raises."""
        if self._registration is not None:
            await self._registration.join(self)

    async def close(self) -> None:
        """Hang up, unregister and free everything; bounded in time by the configuration."""
        if self._closing:
            return
        self._closing = True
        call = self._call
        if call is not None:
            try:
                await call.bye()
                await asyncio.wait_for(call.ended.wait(), self._services.config.shutdown_timeout_s / 2)
            except TimeoutError:
                logger.warning("%s: the peer did not confirm the end of %s", self.name, call.name)
        if self._registration is not None:
            await self._registration.leave(self)
        self._tasks.cancel()

    def take_call(self, incoming: IncomingCall) -> None:
        """Alert the client of an incoming call; the line must be free."""
        preference = self._with_published_video(CodecPreference.default(self._rate))
        call = self._new_call(incoming.call, preference, incoming.caller, incoming.called)
        call.began(CallEvent.INVITED)
        self._tasks.start(self._alert(call))
        self.client.invited(incoming.caller, incoming.called)

    # -- the client API ------------------------------------------------------------------------------------

    async def invite(self, destination: str, codecs: list[str]) -> None:
        """Call `destination`."""
        await self._wait_for_ending_call()
        if self._closing:
            return  # the client went away while its last call ended
        if self._call is not None:
            raise IllegalTransitionError(f"invite is not possible while {self._call.name} goes on")
        try:
            self._services.gate.check()
            preference = self._with_published_video(CodecPreference.parse(codecs, self._rate))
            target = parse_destination(destination, self._credentials.aor)
        except CapacityError as error:
            logger.info("%s: invite refused: %s", self.name, error)
            self.client.rejected("503 Service Unavailable")
            return
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
        await call.accept(self._with_published_video(CodecPreference.parse(codecs, self._rate)))

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

    def push_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """Take an FLV audio tag from the client; without a call, or in one that has ended, it is dropped."""
        call = self._last_call
        if call is not None:
            call.push_audio(timestamp_ms, tag)

    def push_video(self, timestamp_ms: int, tag: Payload) -> None:
        """Take an FLV video tag from the client; without a call, or in one that has ended, it is dropped."""
        call = self._last_call
        if call is not None:
            call.push_video(timestamp_ms, tag)

    def client_plays(self) -> None:
        """Note that the client begins to play the stream of its calls."""
        if self._call is not None:
            self._call.client_plays()

    # -- helpers -------------------------------------------------------------------------------------------

    async def _wait_for_ending_call(self) -> None:
        """A client may call again right after its `bye`, which the peer has yet to answer."""
        call = self._call
        if call is not None and call.state is CallState.ENDING:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(call.ended.wait(), _ENDING_TIMEOUT_S)

    async def _place_call(self, target: str, preference: CodecPreference) -> None:
        context = self._services.endpoint.context
        sip = PjCall(context, None, context.next_call_name())
        own = name_addr(self._credentials.aor.uri, self._credentials.display_name)
        call = self._new_call(sip, preference, own, target)
        call.began(CallEvent.INVITE)
        try:
            await self._send_invite(call, sip, target, own, preference)
        except SipError as error:
            call.on_disconnected(error.code, error.reason)
        except CapacityError as error:
            logger.warning("%s: %s", call.name, error)
            call.on_disconnected(503, "Service Unavailable")
        except Exception:
            call.on_disconnected(500, "Internal Server Error")
            raise

    async def _send_invite(
        self, call: Call, sip: PjCall, target: str, own: str, preference: CodecPreference
    ) -> None:
        """Send it, once pjsip has a place for it: an ended call has one until its BYE is answered."""
        endpoint, loop = self._services.endpoint, asyncio.get_running_loop()
        video = call.open_video()
        deadline_s = loop.time() + _PLACE_TIMEOUT_S
        while call.state is CallState.OUTGOING:
            try:
                if self._registration is not None:
                    await self._registration.make_call(sip, target, preference, video)
                else:
                    await sip.make(endpoint.system_account, target, preference, own, video)
                return
            except CapacityError:
                if len(endpoint.context.live_calls) >= endpoint.max_calls or loop.time() > deadline_s:
                    raise
            await asyncio.sleep(_PLACE_POLL_S)  # pjsua2 does not say when a place is free
        raise SipError(487, "Request Terminated")

    def _new_call(self, sip: PjCall, preference: CodecPreference, caller: str, called: str) -> Call:
        call = Call(sip, self.client, self._services, preference=preference, caller=caller, called=called)
        self._last_call = call
        return call

    def _with_published_video(self, preference: CodecPreference) -> CodecPreference:
        """A client that names no codecs wants H.264, too, if it publishes video."""
        if preference.named or self.client.video_configuration is None:
            return preference
        return replace(preference, video=(*preference.video, H264))

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
