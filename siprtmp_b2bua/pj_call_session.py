"""One SIP call on the pjsip thread: pjsua2's object, what its callbacks tell, and what is asked of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from media_bridge.pj_module import pj

from . import pj_operations
from .call_descriptions import CallDescriptions
from .client_codecs import CodecPreference
from .errors import CapacityError, SipError
from .pj_call_audio import PjCallAudio
from .pj_call_object import PjCallLife, PjCallObject
from .pj_call_reports import CallReports
from .pj_context import PjContext
from .pj_events import CallListener, peer_text
from .pj_operations import audio_call, operation, unhold
from .sdp import parse_audio
from .video_sdp import H264, X_FLV, VideoLine

logger = logging.getLogger(__name__)

_PJ_ETOOMANY: Final = 70010
_PJ_EINVALIDOP: Final = 70013
"""pjsip's answer to a re-INVITE while another is under way."""

REQUEST_PENDING: Final = 491


class PjCallSession:
    """Holds the call in pjsip for its `PjCall`; a `CallOwner` and a `LiveCall`. On the pjsip thread only."""

    def __init__(self, context: PjContext, listener: CallListener | None, name: str) -> None:
        self.audio = PjCallAudio(context)
        self.reports = CallReports(context.poster, listener)
        self._context = context
        self._name = name
        self._life = PjCallLife()
        self._descriptions = self._new_descriptions(answers_invite=False)
        self._lines = 1
        self.is_incoming = False
        self._is_described = False

    @property
    def call(self) -> PjCallObject | None:
        """pjsua2's object, None before there is a call and when it has ended."""
        return self._life.call

    # -- commands ------------------------------------------------------------------------------------------

    def execute(self, command: Callable[[PjCallObject], None]) -> None:
        """Do something with the call. Raises `SipError`: 481 if it is gone, 491 if pjsip is at it, or 500."""
        if self.call is None:
            raise SipError(481, "Call Does Not Exist")
        with self._life.command():
            try:
                command(self.call)
            except pj.Error as error:
                if error.status == _PJ_EINVALIDOP:
                    raise SipError(REQUEST_PENDING, "Request Pending") from None
                raise SipError(500, str(error.reason).strip() or "pjsip error") from None

    def make(
        self,
        account: Any,
        destination: str,
        preference: CodecPreference,
        local: str,
        video: VideoLine | None = None,
    ) -> None:
        """See `PjCall.make`."""
        parameters = self._first_offer(preference, video)
        parameters.txOption.localUri = local
        call = self._life.call = PjCallObject(self, account, -1)
        self._context.live_calls.add(self)
        with self._life.command(), self._codecs_of(preference):
            try:
                call.makeCall(destination, parameters)
            except pj.Error as error:
                self._release()
                if error.status == _PJ_ETOOMANY:
                    raise CapacityError("all calls of this process are in use") from None
                raise SipError(500, str(error.reason).strip() or "cannot send INVITE") from None

    def take_incoming(self, account: Any, call_id: int) -> None:
        """Own the incoming call `call_id`; runs inside onIncomingCall, before the answer's SDP is made."""
        self.is_incoming = True
        self._descriptions = self._new_descriptions(answers_invite=True)
        self._life.call = PjCallObject(self, account, call_id)
        self._context.live_calls.add(self)

    def accept(self, call: Any, preference: CodecPreference, video: VideoLine | None) -> None:
        """See `PjCall.accept`."""
        if not self._is_described:
            self._accept_with_offer(call, preference, video)
            return
        self._prefer(preference, video)
        parameters = operation(200)
        if self._descriptions.has_kept_answer:
            answer = self._descriptions.accepted_answer()
            if answer is None:
                raise SipError(488, "Not Acceptable Here")
            parameters.sdp.wholeSdp = answer
        call.answer(parameters)

    def offer_video(self, call: PjCallObject, video: VideoLine) -> None:
        """See `PjCall.offer_video`."""
        _check_can_offer(call)
        if not self._context.media_budget.take(time.monotonic(), 1):
            raise CapacityError("too many calls at once")
        self._descriptions.offer_video(video)
        self._lines = 2
        call.reinvite(audio_call(self._lines))

    def hold(self, call: PjCallObject, hold: bool) -> None:
        """See `PjCall.hold`."""
        _check_can_offer(call)
        if hold:
            pj_operations.hold(call)
        else:
            unhold(call, self._lines)

    def refuse(self, code: int, reason: str = "") -> None:
        """Hang up with `code` if the call still lives."""
        if self.call is None:
            return
        with self._life.command():
            try:
                self.call.hangup(operation(code, reason))
            except pj.Error as error:
                self._vanished(error)

    # -- LiveCall ------------------------------------------------------------------------------------------

    def info(self) -> Any:
        """pjsua2's CallInfo, while the call lives."""
        assert self.call is not None
        return self.call.getInfo()

    def has_id(self, call_id: bytes) -> bool:
        """See `LiveCall`."""
        if self.call is None:
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
        self.reports.tell(lambda listener: listener.on_key_picture_requested())

    def answer_received(self, remote: str) -> None:
        """See `LiveCall`."""
        self._descriptions.remote_answered(remote)
        self._hear_video()

    # -- CallOwner -----------------------------------------------------------------------------------------

    def transport_made(self, address: int) -> None:
        """See `CallOwner`."""
        self.audio.transport_made(address)

    def description_made(self, local: str, remote: str) -> str:
        """See `CallOwner`."""
        self._is_described = True
        offer = parse_audio(remote)
        if offer is not None:
            self.reports.hold(offer.holds)
        return self._descriptions.local_created(local, remote)

    def response_received(self, remote: str) -> None:
        """See `CallOwner`."""
        if remote:
            self.answer_received(remote)
        self.reports.answered()

    def offer_refused(self) -> None:
        """See `CallOwner`."""
        self._descriptions.offer_refused()

    def state_changed(self, info: Any) -> None:
        """See `CallOwner`."""
        code, reason = info.lastStatusCode, peer_text(info.lastReason)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._release()
            self.reports.answered()
            self.reports.disconnected(code, reason)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.reports.note_answered()
            if self.is_incoming:  # else the answer follows, which says whether there is video
                self.reports.answered()
        elif info.state == pj.PJSIP_INV_STATE_EARLY and not self.is_incoming:
            self.reports.progress(code, reason)

    def media_changed(self, call: PjCallObject) -> None:
        """See `CallOwner`."""
        self._hear_video()
        codec = self.audio.streams_changed(call)
        if codec is not None:
            self.reports.tell(lambda listener: listener.on_audio(codec))

    def cancelling(self) -> None:
        """See `CallOwner`: pjsip cancels our INVITE at our command, or by itself after an unusable 18x.

        In the latter case it must be told to hang up, or else it takes the next answer that crosses its
        CANCEL, for which it has no media any more (assertion).
        """
        if self.call is not None and not self._life.is_commanded:
            self.refuse(0)

    # -- helpers -------------------------------------------------------------------------------------------

    def _new_descriptions(self, *, answers_invite: bool) -> CallDescriptions:
        return CallDescriptions(answers_invite=answers_invite, srtp=self._context.config.media.srtp)

    def _accept_with_offer(self, call: Any, preference: CodecPreference, video: VideoLine | None) -> None:
        """Answer an INVITE that has none (RFC 3261 §13.2.1). pjsip makes its media now, not when it rings."""
        try:
            parameters = self._first_offer(preference, video)
        except CapacityError:
            raise SipError(503, "Service Unavailable") from None
        parameters.statusCode = 200
        with self._codecs_of(preference):
            call.answer(parameters)

    def _first_offer(self, preference: CodecPreference, video: VideoLine | None) -> Any:
        """Parameters of the message that has it; raises `CapacityError`."""
        self._lines = 1 if video is None else 2  # pjsip takes the second one for audio; ours takes its place
        if not self._context.media_budget.take(time.monotonic(), self._lines):
            raise CapacityError("too many calls at once")
        self._prefer(preference, video)
        return audio_call(self._lines)

    def _codecs_of(self, preference: CodecPreference) -> AbstractContextManager[None]:
        return self._context.codecs.only(preference.sdp_codecs, events=preference.dtmf)

    def _prefer(self, preference: CodecPreference, video: VideoLine | None) -> None:
        self._descriptions.prefer(preference, video)
        self.audio.watch_rtp(video is not None and any(each.name == H264 for each in video.formats))

    def _hear_video(self) -> None:
        video = self._descriptions.video
        if self.reports.video(video):
            self.audio.is_idle = video is not None and video.codec == X_FLV
            if self.call is not None:
                self.call.pause_audio(self.audio.is_idle)

    def _vanished(self, error: pj.Error) -> None:
        """End a call that pjsip cannot end: it has none in the slot, or does not let go of it."""
        logger.warning("%s: pjsip cannot hang up: %s", self._name, str(error.reason).strip())
        if self.call is not None:
            self._release()
            self.reports.disconnected(481, "Call Does Not Exist")

    def _release(self) -> None:
        """Let go of the pjsua2 objects as soon as the call has ended, see `PjCallObject`."""
        self._context.live_calls.discard(self)
        self.audio.leave_bridge()
        self._life.end()


def _check_can_offer(call: PjCallObject) -> None:
    if call.has_unanswered_offer:
        raise SipError(REQUEST_PENDING, "Request Pending")  # pjsip might assert
