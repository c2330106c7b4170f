"""One SIP call through pjsua2: commands in, events out to a `CallListener` on the loop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from media_bridge.pj_module import pj
from media_bridge.pj_port import PcmPort

from .client_codecs import CodecPreference
from .errors import CapacityError, SipError
from .pj_context import PjContext
from .pj_events import CallListener, StreamStats, guarded
from .sdp import SdpCodec, parse_audio, restrict_audio

logger = logging.getLogger(__name__)

_PJ_ETOOMANY: Final = 70010
_INVALID_SLOT: Final = -1


class _Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no type information
    """Receives pjsua2's callbacks (all on the pjsip thread) and hands them to its `PjCall`.

    pjsua2 deletes nothing itself: when the call has ended, the last reference to this object must go inside
    the DISCONNECTED callback, because its destructor hangs up whatever call then lives in the same slot.
    """

    def __init__(self, owner: PjCall, account: Any, call_id: int) -> None:
        super().__init__(account, call_id)
        self._owner = owner

    @guarded
    def onCallState(self, _prm: Any) -> None:  # noqa: N802 - pjsua2's name
        self._owner._state_changed(self.getInfo())

    @guarded
    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        self._owner._media_changed(self)

    @guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802
        local, remote = prm.sdp.wholeSdp, prm.remSdp.wholeSdp
        rewritten = self._owner._sdp_created(local, remote)
        if rewritten != local:
            prm.sdp.wholeSdp = rewritten

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        # Left alone, pjsua2 places the call that the peer asks for, at our cost and with no owner.
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        # Left alone, pjsua2 lets any INVITE with a matching Replaces header take this call over.
        prm.statusCode = pj.PJSIP_SC_DECLINE


class PjCall:
    """A call of ours. `async` methods are for the asyncio loop; names with `_` run on the pjsip thread."""

    def __init__(self, context: PjContext, listener: CallListener | None, name: str) -> None:
        self._context = context
        self._listener = listener
        self._name = name
        self._call: _Call | None = None
        self._preference = CodecPreference.default()
        self._is_incoming = False
        self._answer_sdp = ""
        self._offered: tuple[SdpCodec, ...] = ()
        self._port: PcmPort | None = None
        self._media_index = 0
        self._remote_hold = False
        self._last_progress: tuple[int, str] | None = None

    @property
    def name(self) -> str:
        """The call's id in the log."""
        return self._name

    # -- commands, from the asyncio loop ---------------------------------------------------------------

    async def make(self, account: Any, destination: str, preference: CodecPreference, local: str) -> None:
        """Send an INVITE. Raises `SipError` if pjsip cannot, `CapacityError` if all call slots are taken."""
        await self._context.thread.run(lambda: self._make(account, destination, preference, local))

    async def ring(self) -> None:
        """Answer an incoming call with 180."""
        await self._run(lambda call: call.answer(_operation(180)))

    async def accept(self, preference: CodecPreference) -> None:
        """Answer an incoming call with 200 and the best of `preference` that was offered.

        Raises `SipError` 488 if nothing was; the call still waits for its answer, then.
        """
        await self._run(lambda call: self._accept(call, preference))

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        """BYE, CANCEL, or the final answer `code` to an incoming call. Does nothing if the call is gone."""

        def command() -> None:
            if self._call is not None:
                self._call.hangup(_operation(code, reason))

        await self._context.thread.run(command)

    async def hold(self, hold: bool) -> None:
        """Put the peer on hold or take it off; raises `SipError` while another re-INVITE is under way."""
        await self._run(lambda call: _hold(call) if hold else _unhold(call))

    async def dial_dtmf(self, digits: str) -> None:
        """Send `digits` as telephone-events, or by SIP INFO if the peer did not agree to those."""
        await self._run(lambda call: self._dial_dtmf(call, digits))

    async def attach(self, make_port: Callable[[], PcmPort]) -> None:
        """Make a port and connect it both ways with the call's audio, now and after each renegotiation.

        The port is closed when the call ends.
        """
        await self._run(lambda call: self._attach(call, make_port()))

    async def stats(self) -> StreamStats | None:
        """RTP counters, or None while no audio runs."""
        return await self._context.thread.run(self._stats)

    async def _run(self, command: Any) -> None:
        def execute() -> None:
            if self._call is None:
                raise SipError(481, "Call Does Not Exist")
            try:
                command(self._call)
            except pj.Error as error:
                raise SipError(500, str(error.reason).strip() or "pjsip error") from None

        await self._context.thread.run(execute)

    # -- on the pjsip thread -----------------------------------------------------------------------------

    def _make(self, account: Any, destination: str, preference: CodecPreference, local: str) -> None:
        self._preference = preference
        self._call = _Call(self, account, -1)
        operation = pj.CallOpParam(True)
        operation.opt.audioCount = 1
        operation.opt.videoCount = 0
        operation.txOption.localUri = local
        self._context.live_calls.add(self)
        try:
            self._call.makeCall(destination, operation)
        except pj.Error as error:
            self._release()
            if error.status == _PJ_ETOOMANY:
                raise CapacityError("all calls of this process are in use") from None
            raise SipError(500, str(error.reason).strip() or "cannot send INVITE") from None

    def _take_incoming(self, account: Any, call_id: int) -> None:
        """Own the incoming call `call_id`; runs inside onIncomingCall, before the answer's SDP is made."""
        self._is_incoming = True
        self._call = _Call(self, account, call_id)
        self._context.live_calls.add(self)

    def info(self) -> Any:
        """pjsua2's CallInfo; on the pjsip thread, while the call lives."""
        assert self._call is not None
        return self._call.getInfo()

    def listen(self, listener: CallListener) -> None:
        """Set who hears of an incoming call; on the loop, in the turn that learns of the call."""
        self._listener = listener

    def refuse(self, code: int) -> None:
        """Hang up with `code` if the call still lives; on the pjsip thread."""
        if self._call is not None:
            self._call.hangup(_operation(code))

    def _accept(self, call: Any, preference: CodecPreference) -> None:
        self._preference = preference
        operation = _operation(200)
        if self._answer_sdp:
            chosen = self._narrow(self._answer_sdp, self._offered)
            if chosen is None:
                raise SipError(488, "Not Acceptable Here")
            operation.sdp.wholeSdp = chosen
        call.answer(operation)

    def _narrow(self, sdp: str, offered: tuple[SdpCodec, ...]) -> str | None:
        """Keep the one codec that both want and we like best, so that no codec lock re-INVITE is needed."""
        for codec in self._preference.sdp_codecs:
            if codec in offered:
                events = [e for e in self._preference.sdp_events if e.clock_rate_hz == _event_rate(codec)]
                narrowed = restrict_audio(sdp, [codec], events)
                if narrowed is not None:
                    return narrowed
        return None

    def _sdp_created(self, local: str, remote: str) -> str:
        audio = parse_audio(remote)
        if audio is None:
            # An offer of ours (or a remote description too long for pjsua2 to show): order and narrow it.
            return restrict_audio(local, self._preference.sdp_codecs, self._preference.sdp_events) or local
        self._hear_hold(audio.holds)
        if self._is_incoming and not self._answer_sdp:
            # The client has not answered yet, so its codecs are not known: `accept` narrows this.
            self._answer_sdp, self._offered = local, audio.codecs
            return local
        return self._narrow(local, audio.codecs) or local

    def _hear_hold(self, held: bool) -> None:
        if held != self._remote_hold:
            self._remote_hold = held
            self._tell(lambda listener: listener.on_remote_hold(held))

    def _tell(self, message: Callable[[CallListener], None]) -> None:
        """Post to the listener. Who that is is looked up on the loop: of an incoming call it is set there."""

        def deliver() -> None:
            if self._listener is not None:
                message(self._listener)

        self._context.poster.post(deliver)

    def _state_changed(self, info: Any) -> None:
        code, reason = info.lastStatusCode, info.lastReason
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._release()
            self._tell(lambda listener: listener.on_disconnected(code, reason))
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._tell(lambda listener: listener.on_answered())
        elif info.state == pj.PJSIP_INV_STATE_EARLY and not self._is_incoming:
            self._hear_progress(code, reason)

    def _hear_progress(self, code: int, reason: str) -> None:
        if (code, reason) != self._last_progress:
            self._last_progress = (code, reason)
            self._tell(lambda listener: listener.on_progress(code, reason))

    def _media_changed(self, call: _Call) -> None:
        index = _active_audio(call)
        if index is None:
            return
        self._media_index = index
        if self._port is not None:
            self._port.connect_both_ways(call.getAudioMedia(index))
        stream = call.getStreamInfo(index)
        codec = SdpCodec(stream.codecName, stream.codecClockRate)
        self._tell(lambda listener: listener.on_audio(codec))

    def _attach(self, call: _Call, port: PcmPort) -> None:
        self._port = port
        index = _active_audio(call)
        if index is not None:
            port.connect_both_ways(call.getAudioMedia(index))

    def _dial_dtmf(self, call: _Call, digits: str) -> None:
        if call.getStreamInfo(self._media_index).audTxEventPt >= 0:
            call.dialDtmf(digits)
            return
        parameters = pj.CallSendDtmfParam()
        parameters.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
        parameters.digits = digits
        call.sendDtmf(parameters)

    def _stats(self) -> StreamStats | None:
        call = self._call
        if call is None or _active_audio(call) is None:
            return None
        stats = call.getStreamStat(self._media_index)  # kept: see _active_audio
        received, sent = stats.rtcp.rxStat, stats.rtcp.txStat
        return StreamStats(received.pkt, received.loss, received.discard, sent.pkt)

    def _release(self) -> None:
        """Let go of the pjsua2 objects, on the pjsip thread and inside the last callback (see `_Call`)."""
        self._context.live_calls.discard(self)
        port, self._port = self._port, None
        if port is not None:
            port.close()
        self._call = None


def _operation(code: int, reason: str = "") -> Any:
    operation = pj.CallOpParam()
    operation.statusCode = code
    operation.reason = reason
    return operation


def _hold(call: _Call) -> None:
    call.setHold(pj.CallOpParam(True))


def _unhold(call: _Call) -> None:
    operation = pj.CallOpParam(True)
    operation.opt.audioCount = 1
    operation.opt.videoCount = 0
    operation.opt.flag = pj.PJSUA_CALL_UNHOLD
    call.reinvite(operation)


def _active_audio(call: _Call) -> int | None:
    """Index of the call's audio that has a place in the conference bridge."""
    if not call.isActive():
        return None
    info = call.getInfo()  # must live as long as what is taken out of it: SWIG does not see to that
    for media in info.media:
        if media.type == pj.PJMEDIA_TYPE_AUDIO and media.audioConfSlot != _INVALID_SLOT:
            return int(media.index)
    return None


def _event_rate(codec: SdpCodec) -> int:
    # RFC 4733 §2.1: telephone-event uses the clock rate of the audio it stands in for; G.722 counts 8000.
    return 8000 if codec.name.upper() == "G722" else codec.clock_rate_hz
