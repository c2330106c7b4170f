"""One SIP call through pjsua2: commands in, events out to a `CallListener` on the loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from media_bridge.pj_module import pj
from media_bridge.pj_port import PcmPort

from . import pj_operations
from .call_descriptions import CallDescriptions
from .client_codecs import CodecPreference
from .errors import CapacityError, SipError
from .pj_call_audio import PjCallAudio
from .pj_call_object import PjCallLife, PjCallObject
from .pj_call_reports import CallReports
from .pj_context import PjContext
from .pj_events import AudioArrival, AudioProgress, CallListener, StreamStats, peer_text
from .pj_operations import (
    audio_call,
    operation,
    request_key_picture,
    unhold,
)
from .sdp import parse_audio
from .video_sdp import H264, X_FLV, VideoLine

logger = logging.getLogger(__name__)

_PJ_ETOOMANY: Final = 70010
_PJ_EINVALIDOP: Final = 70013
"""pjsip's answer to a re-INVITE while another is under way."""

REQUEST_PENDING: Final = 491


class PjCall:
    """A call of ours. `async` methods are for the asyncio loop; names with `_` run on the pjsip thread."""

    def __init__(self, context: PjContext, listener: CallListener | None, name: str) -> None:
        self._context = context
        self._reports = CallReports(context.poster, listener)
        self._name = name
        self._life = PjCallLife()
        self._descriptions = self._new_descriptions(answers_invite=False)
        self._lines = 1
        self._is_incoming = False
        self._is_described = False
        self._audio = PjCallAudio(context)

    @property
    def _call(self) -> PjCallObject | None:
        return self._life.call

    @property
    def name(self) -> str:
        """The call's id in the log."""
        return self._name

    # -- commands, from the asyncio loop ---------------------------------------------------------------

    async def make(
        self,
        account: Any,
        destination: str,
        preference: CodecPreference,
        local: str,
        video: VideoLine | None = None,
    ) -> None:
        """Send an INVITE; with `video`, that is offered. `local` is our address, "" for that of the account.

        Raises `SipError` if pjsip cannot, `CapacityError` if all call slots are taken.
        """
        await self._context.thread.run(lambda: self._make(account, destination, preference, local, video))

    async def ring(self, video: VideoLine | None = None) -> None:
        """Answer an incoming call with 180.

        If the INVITE has no offer, pjsip makes ours now, for the answer to come: with `video`, if that is
        given.
        """
        await self._run(lambda call: self._ring(call, video))

    async def accept(self, preference: CodecPreference, video: VideoLine | None = None) -> None:
        """Answer an incoming call with 200 and the best of `preference` that was offered, and with `video`.

        Raises `SipError` 488 if no audio was; the call still waits for its answer, then.
        """
        await self._run(lambda call: self._accept(call, preference, video))

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        """BYE, CANCEL, or the final answer `code` to an incoming call. Does nothing if the call is gone."""

        await self._context.thread.run(lambda: self.refuse(code, reason))

    async def hold(self, hold: bool) -> None:
        """Put the peer on hold or take it off; raises `SipError` 491 while a re-INVITE is under way."""
        await self._run(lambda call: self._hold(call, hold))

    async def offer_video(self, video: VideoLine) -> None:
        """Send a re-INVITE that offers video; raises as `hold`, and `CapacityError`."""
        await self._run(lambda call: self._offer_video(call, video))

    async def dial_dtmf(self, digits: str) -> None:
        """Send `digits` as telephone-events, or by SIP INFO if the peer did not agree to those.

        With x-flv by SIP INFO: nothing is in the bridge, and telephone-events go by its clock.
        """
        await self._run(lambda call: self._audio.dial(call, digits))

    async def request_key_picture(self) -> None:
        """Ask the peer for a key picture by SIP INFO."""
        await self._run(request_key_picture)

    async def wait_for_bridge(self) -> None:
        """Wait for the moment to `attach`: now, or if no call is in the bridge, when its clock can start."""

        def stop_clock() -> bool:
            return self._call is not None and self._audio.stop_clock()

        if await self._context.thread.run(stop_clock):
            await self._context.clock.wait_for_tag()

    async def attach(self, make_port: Callable[[], PcmPort]) -> None:
        """Make a port and connect it both ways with the call's audio, now and after each renegotiation.

        The port is closed when the call ends.
        """
        await self._run(lambda call: self._audio.attach(call, make_port()))

    async def detach(self) -> None:
        """Take the port out of the bridge again."""
        await self._run(lambda _: self._audio.leave_bridge())

    async def stats(self) -> StreamStats | None:
        """RTP counters, or None while no audio runs."""
        return await self._context.thread.run(lambda: self._audio.stats(self._call))

    async def audio_progress(self, count_ticks: Callable[[], int]) -> AudioProgress | None:
        """What is under way of the audio, None while none runs; `count_ticks` counts those of the bridge."""
        return await self._context.thread.run(lambda: self._audio.progress(self._call, count_ticks))

    def take_audio_arrivals(self) -> list[AudioArrival]:
        """Return what has come of the peer's audio since the last time, where the call has video."""
        return self._audio.take_arrivals()

    async def _run(self, command: Any) -> None:
        def execute() -> None:
            if self._call is None:
                raise SipError(481, "Call Does Not Exist")
            with self._life.command():
                try:
                    command(self._call)
                except pj.Error as error:
                    if error.status == _PJ_EINVALIDOP:
                        raise SipError(REQUEST_PENDING, "Request Pending") from None
                    raise SipError(500, str(error.reason).strip() or "pjsip error") from None

        await self._context.thread.run(execute)

    # -- on the pjsip thread -----------------------------------------------------------------------------

    def _make(
        self,
        account: Any,
        destination: str,
        preference: CodecPreference,
        local: str,
        video: VideoLine | None = None,
    ) -> None:
        self._lines = 1 if video is None else 2  # pjsip takes the second one for audio; ours takes its place
        if not self._context.media_budget.take(time.monotonic(), self._lines):
            raise CapacityError("too many calls at once")
        self._prefer(preference, video)
        call = self._life.call = PjCallObject(self, account, -1)
        parameters = audio_call(self._lines)
        parameters.txOption.localUri = local
        self._context.live_calls.add(self)
        offer = self._context.codecs.only(preference.sdp_codecs, events=preference.dtmf)
        with self._life.command(), offer:
            try:
                call.makeCall(destination, parameters)
            except pj.Error as error:
                self._release()
                if error.status == _PJ_ETOOMANY:
                    raise CapacityError("all calls of this process are in use") from None
                raise SipError(500, str(error.reason).strip() or "cannot send INVITE") from None

    def _take_incoming(self, account: Any, call_id: int) -> None:
        """Own the incoming call `call_id`; runs inside onIncomingCall, before the answer's SDP is made."""
        self._is_incoming = True
        self._descriptions = self._new_descriptions(answers_invite=True)
        self._life.call = PjCallObject(self, account, call_id)
        self._context.live_calls.add(self)

    def _new_descriptions(self, *, answers_invite: bool) -> CallDescriptions:
        return CallDescriptions(answers_invite=answers_invite, srtp=self._context.config.media.srtp)

    def info(self) -> Any:
        """pjsua2's CallInfo; on the pjsip thread, while the call lives."""
        assert self._call is not None
        return self._call.getInfo()

    def has_id(self, call_id: bytes) -> bool:
        """See `LiveCall`."""
        if self._call is None:
            return False
        return str(self.info().callIdString).encode("utf-8", "surrogateescape") == call_id

    @property
    def is_described(self) -> bool:
        """See `LiveCall`."""
        return self._is_described

    @property
    def offers_keys(self) -> bool:
        """See `LiveCall`."""
        return self._descriptions.offers_keys

    def key_picture_requested(self) -> None:
        """See `LiveCall`."""
        self._reports.tell(lambda listener: listener.on_key_picture_requested())

    def listen(self, listener: CallListener) -> None:
        """Set who hears of an incoming call; on the loop, in the turn that learns of the call."""
        self._reports.listener = listener

    def refuse(self, code: int, reason: str = "") -> None:
        """Hang up with `code` if the call still lives; on the pjsip thread."""
        if self._call is None:
            return
        with self._life.command():
            try:
                self._call.hangup(operation(code, reason))
            except pj.Error as error:
                self._vanished(error)

    def _ring(self, call: Any, video: VideoLine | None) -> None:
        parameters = operation(180)
        if video is not None and not self._is_described:
            self._prefer(CodecPreference.default(), video)
            self._lines = 2
            parameters = audio_call(self._lines)
            parameters.statusCode = 180
        call.answer(parameters)

    def _accept(self, call: Any, preference: CodecPreference, video: VideoLine | None) -> None:
        self._prefer(preference, video)
        parameters = operation(200)
        if self._descriptions.has_kept_answer:
            answer = self._descriptions.accepted_answer()
            if answer is None:
                raise SipError(488, "Not Acceptable Here")
            parameters.sdp.wholeSdp = answer
        call.answer(parameters)

    def _prefer(self, preference: CodecPreference, video: VideoLine | None) -> None:
        self._descriptions.prefer(preference, video)
        self._audio.watch_rtp(video is not None and any(each.name == H264 for each in video.formats))

    def transport_made(self, address: int) -> None:
        """See `CallOwner`."""
        self._audio.transport_made(address)

    def description_made(self, local: str, remote: str) -> str:
        """See `CallOwner`."""
        self._is_described = True
        offer = parse_audio(remote)
        if offer is not None:
            self._reports.hold(offer.holds)
        return self._descriptions.local_created(local, remote)

    def response_received(self, remote: str) -> None:
        """See `CallOwner`."""
        if remote:
            self.answer_received(remote)
        self._reports.answered()

    def offer_refused(self) -> None:
        """See `CallOwner`."""
        self._descriptions.offer_refused()

    def answer_received(self, remote: str) -> None:
        """See `LiveCall`."""
        self._descriptions.remote_answered(remote)
        self._hear_video()

    def _hear_video(self) -> None:
        video = self._descriptions.video
        if self._reports.video(video):
            self._audio.is_idle = video is not None and video.codec == X_FLV
            if self._call is not None:
                self._call.pause_audio(self._audio.is_idle)

    def state_changed(self, info: Any) -> None:
        """See `CallOwner`."""
        code, reason = info.lastStatusCode, peer_text(info.lastReason)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._release()
            self._reports.answered()
            self._reports.disconnected(code, reason)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._reports.note_answered()
            if self._is_incoming:  # else the answer follows, which says whether there is video
                self._reports.answered()
        elif info.state == pj.PJSIP_INV_STATE_EARLY and not self._is_incoming:
            self._reports.progress(code, reason)

    def media_changed(self, call: PjCallObject) -> None:
        """See `CallOwner`."""
        self._hear_video()
        codec = self._audio.streams_changed(call)
        if codec is not None:
            self._reports.tell(lambda listener: listener.on_audio(codec))

    def _offer_video(self, call: PjCallObject, video: VideoLine) -> None:
        _check_can_offer(call)
        if not self._context.media_budget.take(time.monotonic(), 1):
            raise CapacityError("too many calls at once")
        self._descriptions.offer_video(video)
        self._lines = 2
        call.reinvite(audio_call(self._lines))

    def _hold(self, call: PjCallObject, hold: bool) -> None:
        _check_can_offer(call)
        if hold:
            pj_operations.hold(call)
        else:
            unhold(call, self._lines)

    def cancelling(self) -> None:
        """See `CallOwner`: pjsip cancels our INVITE at our command, or by itself after an unusable 18x.

        In the latter case it must be told to hang up, or else it takes the next answer that crosses its
        CANCEL, for which it has no media any more (assertion).
        """
        if self._call is not None and not self._life.is_commanded:
            self.refuse(0)

    def _vanished(self, error: pj.Error) -> None:
        """End a call that pjsip cannot end: it has none in the slot, or does not let go of it."""
        logger.warning("%s: pjsip cannot hang up: %s", self.name, str(error.reason).strip())
        if self._call is not None:
            self._release()
            self._reports.disconnected(481, "Call Does Not Exist")

    def _release(self) -> None:
        """Let go of the pjsua2 objects as soon as the call has ended, see `PjCallObject`."""
        self._context.live_calls.discard(self)
        self._audio.leave_bridge()
        self._life.end()


def _check_can_offer(call: PjCallObject) -> None:
    if call.has_unanswered_offer:
        raise SipError(REQUEST_PENDING, "Request Pending")  # pjsip might assert
