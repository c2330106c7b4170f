"""One call: a SIP leg and an RTMP leg, kept in step by the table of `call_state`."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from media_bridge.errors import MediaError
from rtmp.messages import Payload

from .bridged_audio import BridgedAudio
from .call_state import CallEvent, CallState, next_state
from .call_video import CallVideo
from .client_codecs import CodecPreference, RtmpAudio
from .client_port import ClientPort
from .control.status import CallStatus
from .default_track import configures_default_track
from .errors import B2buaError, SipError
from .pj_call import PjCall
from .renegotiation import Renegotiation
from .rtp_watch import wait_for_silence
from .sdp import SdpCodec
from .services import Services
from .tasks import TaskGroup
from .video_agreement import VideoAgreement
from .video_sdp import H264, VideoLine

logger = logging.getLogger(__name__)


class Call:
    """The call of one line. It lives until SIP says that it is gone; `ended` is set then."""

    def __init__(
        self,
        sip: PjCall,
        client: ClientPort,
        services: Services,
        *,
        preference: CodecPreference,
        caller: str,
        called: str,
    ) -> None:
        self.state = CallState.IDLE
        self.ended = asyncio.Event()
        self._sip = sip
        self._client = client
        self._services = services
        self._preference = preference
        self._caller = caller
        self._called = called
        self._sip_codec: SdpCodec | None = None
        self._video: CallVideo | None = None
        self._accepted_sent = False
        self._is_outgoing = False
        self._renegotiation = Renegotiation(sip)
        self._remote_hold = False
        self._answered_s: float | None = None
        self._follows_audio = False
        self._tasks = TaskGroup(sip.name)
        self._audio = BridgedAudio(sip, client, services, self._tasks, self._play_audio)
        sip.listen(self)

    @property
    def name(self) -> str:
        """The call's id in the log."""
        return self._sip.name

    # -- from the RTMP client; IllegalTransitionError where the state does not allow it -------------------

    def began(self, event: CallEvent) -> None:
        """Enter the first state: INVITE or INVITED."""
        self._advance(event)
        self._is_outgoing = event is CallEvent.INVITE
        self._services.gate.call_began()
        logger.info("%s: %s from %s to %s", self.name, event.name.lower(), self._caller, self._called)

    async def ring(self) -> None:
        """Tell the caller that the client is alerted."""
        await self._sip.ring()

    async def accept(self, preference: CodecPreference) -> None:
        """Answer with 200. If none of the client's codecs was offered, both sides hear 488."""
        self._advance(CallEvent.ACCEPT)
        self._preference = preference
        try:
            await self._sip.accept(preference, self.open_video())
        except SipError as error:
            logger.info("%s: cannot be accepted: %s", self.name, error)
            if self.state is CallState.ANSWERING:
                self._advance(CallEvent.REJECT)
                self._client.rejected(str(error))
            await self._sip.hang_up(error.code)

    async def reject(self, code: int, reason: str) -> None:
        """Refuse an incoming call."""
        self._advance(CallEvent.REJECT)
        await self._sip.hang_up(code, reason)

    async def bye(self) -> None:
        """End the call, however far it is; SIP finds the right method. Nothing happens while it ends."""
        if self.state is not CallState.ENDING:
            self._advance(CallEvent.BYE)
            await self._sip.hang_up()

    async def hold(self, held: bool) -> None:
        """Put the peer on hold or take it off."""
        self._advance(CallEvent.HOLD)
        await self._renegotiation.hold(held)

    async def send_dtmf(self, digits: str) -> None:
        """Send digits to the peer."""
        self._advance(CallEvent.DTMF)
        await self._sip.dial_dtmf(digits)

    def push_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """Play an FLV audio tag of the client to the peer; before there is a peer it is dropped."""
        if self._video is not None and self._video.carries_audio:
            self._video.push_audio(timestamp_ms, tag)
            return
        self._services.endpoint.context.clock.hear_tag()
        self._audio.push_tag(timestamp_ms, tag)

    def push_video(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV video tag of the client to the peer; before there is a peer it is dropped."""
        if self._video is not None:
            self._video.push_tag(timestamp_ms, tag)
        if not self._preference.named and configures_default_track(tag):
            self._offer_published_video()

    def client_plays(self) -> None:
        """Note that the client begins to play: what it sees has to begin with a key picture."""
        if self._video is not None:
            self._video.client_plays()

    def open_video(self) -> VideoLine | None:
        """Make ready for video if the client wants any; return what to say of it in the description."""
        names = self._preference.video
        if not names:
            return None
        if self._video is None:
            try:
                self._video = CallVideo(
                    self.name,
                    self._services.config,
                    self._client,
                    lambda: self._tasks.start(self._ask_for_key_picture()),
                )
            except (MediaError, OSError) as error:
                logger.warning("%s: no video is possible: %s", self.name, error)
                return None
        return self._video.line(names)

    def _offer_published_video(self) -> None:
        """Offer H.264 for a client that names no codecs and begins to publish video during the call."""
        preference = self._preference
        if preference.named or H264 in preference.video or self.state is not CallState.ACTIVE:
            return
        if self._video is not None and self._video.carries_audio:
            return  # x-flv takes any video
        self._preference = replace(preference, video=(*preference.video, H264))
        line = self.open_video()
        if line is not None:
            self._tasks.start(self._offer_video(line))

    async def _offer_video(self, line: VideoLine) -> None:
        try:
            await self._renegotiation.offer_video(line)
        except B2buaError as error:
            logger.info("%s: video is not offered: %s", self.name, error)

    # -- CallListener, from SIP ----------------------------------------------------------------------------

    def on_progress(self, code: int, reason: str) -> None:
        """Pass a provisional response on."""
        self._advance(CallEvent.RINGING)
        if self.state is CallState.PROCEEDING:
            self._client.ringing(f"{code} {reason}")

    def on_answered(self) -> None:
        """Enter the call proper."""
        self._advance(CallEvent.ANSWERED)
        if self.state is CallState.ACTIVE:
            self._tell_accepted()
            self._tasks.start(self._watch_rtp())
            if self._client.video_configuration is not None:
                self._offer_published_video()

    def on_audio(self, codec: SdpCodec) -> None:
        """Connect the audio of both sides once SIP has agreed on a codec."""
        self._sip_codec = codec
        self._route_audio()
        self._tell_accepted()

    def on_video(self, video: VideoAgreement | None) -> None:
        """Begin, change or end the video, and the audio if that goes with it."""
        if self._video is None:
            return
        self._video.agree(video if self._preference.video else None)
        self._route_audio()
        if self._video.follows_audio and not self._follows_audio:
            self._follows_audio = True
            self._tasks.start(self._audio.keep_in_step(self._video))

    def on_key_picture_requested(self) -> None:
        """Pass on that the peer needs a key picture."""
        if self._video is not None:
            self._video.key_picture_requested()

    def on_remote_hold(self, held: bool) -> None:
        """Pass the peer's hold on."""
        self._remote_hold = held
        if self.state is CallState.ACTIVE:
            self._client.holded(held)

    def on_disconnected(self, code: int, reason: str) -> None:
        """Tell the client why, by how far the call had come, and let go of everything."""
        if self.ended.is_set():
            return  # pjsip reported the failure of our INVITE both ways
        state = self.state
        self._advance(CallEvent.DISCONNECTED)
        logger.info("%s: ended while %s: %d %s", self.name, state.name.lower(), code, reason)
        try:
            self._close_media()
        finally:
            self._tasks.cancel()
            self.ended.set()
            self._services.gate.call_ended()
            self._tell_ended(state, f"{code} {reason}")

    def _close_media(self) -> None:
        self._audio.close()
        if self._video is not None:
            logger.info("%s: %s", self.name, self._video.summary())
            self._video.close()
            self._video = None

    def _tell_ended(self, state: CallState, status: str) -> None:
        answered_in_vain = state is CallState.ACTIVE and not self._accepted_sent and self._is_outgoing
        if state in (CallState.OUTGOING, CallState.PROCEEDING) or answered_in_vain:
            self._client.rejected(status)
        elif state is CallState.INCOMING:
            self._client.cancelled(self._caller, self._called)
        elif state in (CallState.ANSWERING, CallState.ACTIVE):
            self._client.byed()

    # -- helpers -------------------------------------------------------------------------------------------

    def _advance(self, event: CallEvent) -> None:
        self.state = next_state(self.state, event)
        if self.state is CallState.ACTIVE and self._answered_s is None:
            self._answered_s = asyncio.get_running_loop().time()

    def _route_audio(self) -> None:
        """Connect the audio with the bridge, or take it out if it goes with the video."""
        codec = self._sip_codec
        if codec is None:
            return
        if self._video is not None and self._video.carries_audio:
            self._audio.disconnect()
        else:
            self._audio.connect(codec, self._rtmp_audio(codec))

    def _rtmp_audio(self, codec: SdpCodec) -> RtmpAudio:
        return self._preference.rtmp_audio(codec) or self._preference.audio[0][1]

    def _play_audio(self, timestamp_ms: int, tag: bytes) -> None:
        self._client.play_audio(timestamp_ms, tag)
        if self._video is not None:
            self._video.note_audio(timestamp_ms)

    def _tell_accepted(self) -> None:
        codec = self._sip_codec
        if self._accepted_sent or codec is None or self.state is not CallState.ACTIVE:
            return
        self._accepted_sent = True
        video = None if self._video is None else self._video.reported_name
        carries_audio = self._video is not None and self._video.carries_audio
        audio = video if carries_audio else self._rtmp_audio(codec).reported_name
        self._client.accepted(audio, video, named=self._preference.named)

    async def status(self, client: str) -> CallStatus:
        """What goes on in the call now; `client` is the client's id in the log."""
        now_s = asyncio.get_running_loop().time()
        status = CallStatus(
            call=self.name,
            client=client,
            caller=self._caller,
            called=self._called,
            state=self.state.name.lower(),
            duration_s=now_s - self._answered_s if self._answered_s is not None else None,
            video=self._video.reported_name if self._video is not None else None,
        )
        return self._audio.describe(status, await self._sip.stats())

    async def _ask_for_key_picture(self) -> None:
        try:
            await self._sip.request_key_picture()
        except SipError as error:
            logger.debug("%s: no key picture asked for: %s", self.name, error)

    async def _watch_rtp(self) -> None:
        """End the call when the peer has vanished: no RTP for the configured time, and nobody on hold."""
        timeout_s = self._services.config.media.rtp_timeout_s
        if not timeout_s:
            return
        await wait_for_silence(
            self._count_packets, lambda: self._renegotiation.is_held or self._remote_hold, timeout_s
        )
        logger.warning("%s: no RTP from the peer for %g s, hanging up", self.name, timeout_s)
        await self._sip.hang_up()

    async def _count_packets(self) -> int:
        stats = await self._sip.stats()
        audio = stats.packets_received if stats is not None else 0
        return audio + (self._video.packets_received if self._video is not None else 0)
