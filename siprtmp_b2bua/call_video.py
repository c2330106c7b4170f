"""The m=video line of one call: its RTP, and which media travel over it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from media_bridge.playout_clock import PlayoutClock
from media_bridge.rtp.events import Event, KeyFrameRequested, SenderReportReceived, SourceChanged
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.rtp.srtp import SrtpContext
from media_bridge.rtp.udp import RtpEndpoint
from media_bridge.rtp.udp_ports import UdpPorts, bind_udp_ports
from rtmp.messages import Payload

from .client_port import ClientPort
from .config import GatewayConfig
from .drop_log import FIRST_PAUSE_S, DropLog, refused
from .h264_media import H264Media
from .lip_sync import WALL_CLOCK_OFFSET_S
from .pj_events import AudioArrival, AudioProgress
from .sdes import SrtpKeys
from .video_agreement import VideoAgreement
from .video_media import VideoMedia, counted
from .video_offer import video_formats
from .video_sdp import H264, X_FLV, VideoLine
from .x_flv_media import XFlvMedia

logger = logging.getLogger(__name__)

_REPORTED_NAMES: Final = {H264: "h264", X_FLV: "default"}


class CallVideo:
    """Video both ways between an RTMP client and one m=video line, by x-flv audio, too; on the loop's thread.

    It has its ports from the beginning, as a description has to name them. Until something is agreed on it
    takes what it is given for H.264. `ask_by_sip` asks the peer for a key picture where RTCP cannot.
    """

    def __init__(
        self,
        name: str,
        config: GatewayConfig,
        client: ClientPort,
        ask_by_sip: Callable[[], object],
    ) -> None:
        self._name = name
        self._client = client
        ports = config.media.rtp_ports
        self._ports: UdpPorts = bind_udp_ports(config.sip.int_ip or "0.0.0.0", ports.low, ports.high)
        self._bandwidth_bps = config.media.video_bandwidth_kbps * 1000 or None
        self._srtp: SrtpContext | None = None
        self._agreement: VideoAgreement | None = None
        self._endpoint: RtpEndpoint | None = None
        self._drop_log = DropLog(name)
        self._drop_timer: asyncio.TimerHandle | None = None
        self._h264 = H264Media(name, config.media, client, self, ask_by_sip)
        self._x_flv = XFlvMedia(name, client, self)
        self._media: VideoMedia = self._h264
        self._tell_h264()

    def line(self, names: Sequence[str]) -> VideoLine:
        """Our m=video section: where we receive, and what; `names` are those of the codecs in SDP."""
        return VideoLine(
            self._ports.rtp_port,
            video_formats(names, self._h264.configuration),
            rtcp_mux=True,
            bandwidth_bps=self._bandwidth_bps,
        )

    @property
    def reported_name(self) -> str | None:
        """The videoCodec argument of `accepted`."""
        return None if self._agreement is None else _REPORTED_NAMES[self._agreement.codec]

    @property
    def carries_audio(self) -> bool:
        """Whether the audio goes this way, too, and not by the bridge."""
        return self._agreement is not None and self._agreement.codec == X_FLV

    @property
    def follows_audio(self) -> bool:
        """Whether it has to be kept with audio that goes by the bridge."""
        return self._agreement is not None and self._agreement.codec == H264

    @property
    def packets_received(self) -> int:
        """How often the peer was heard, by RTP or RTCP."""
        if self._endpoint is None:
            return 0
        counters = self._endpoint.session.statistics().counters
        return counters.received + counters.rtcp_received

    def agree(self, agreement: VideoAgreement | None) -> None:
        """Begin, go on as both sides have agreed on now, or pause if there is no video any more."""
        self._agreement = agreement
        if agreement is None:
            self._media.agree(None)
            logger.info("%s: no video", self._name)
            return
        self._choose(self._x_flv if agreement.codec == X_FLV else self._h264)
        self._media.agree(agreement)
        what = "audio and video" if self.carries_audio else "video"
        logger.info("%s: %s %s", self._name, what, _in_words(agreement))
        self._srtp = _srtp_context(agreement.srtp, self._srtp)
        if self._endpoint is None:
            self._begin(agreement)
        else:
            self._endpoint.session.renegotiate(_negotiated(agreement), time.monotonic(), srtp=self._srtp)
            self._endpoint.flush()

    def push_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """Send a tag of the client's audio to the peer; only while `carries_audio`."""
        self._x_flv.push_audio(timestamp_ms, tag)

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """Send a tag of the client's video to the peer."""
        self._media.push_tag(timestamp_ms, tag)

    def note_audio(self, timestamp_ms: int) -> None:
        """Note that audio of the bridge with this time goes to the client now."""
        self._h264.note_audio(timestamp_ms)

    def note_audio_arrival(self, arrival: AudioArrival, rate_hz: int) -> None:
        """Note what has come of the peer's audio; `rate_hz` is of its timestamps."""
        self._h264.sync.note_audio_arrival(arrival, rate_hz)

    def note_audio_progress(self, progress: AudioProgress, playout: PlayoutClock) -> None:
        """Note how far the audio is, both ways; `playout` is of what the client sends."""
        self._h264.sync.note_audio_progress(progress, playout)

    def client_plays(self) -> None:
        """Let a client that begins to play see something soon."""
        self._media.client_plays()

    def key_picture_requested(self) -> None:
        """Answer the peer's wish for a key picture, or pass it on."""
        self._media.key_picture_requested()

    def close(self) -> None:
        """Say goodbye and free the ports."""
        self._h264.close()
        if self._drop_timer is not None:
            self._drop_timer.cancel()
        if self._endpoint is not None:
            self._endpoint.close()
        else:
            self._ports.close()

    def summary(self) -> str:
        """One line for the log at the end of a call."""
        if self._endpoint is None:
            return "video: none"
        media, rtp = self._media.summary(), self._endpoint.session.statistics()
        return (
            f"video to SIP: {media.sent}, {rtp.counters.sent} packets, {rtp.counters.resent} resent; "
            f"to RTMP: {media.received}, {rtp.counters.received} packets, {rtp.lost} lost, "
            f"dropped: {media.dropped or 'none'}; refused: {counted(refused(rtp.counters)) or 'none'}; "
            f"{rtp.counters.rtcp_received} RTCP packets"
        )

    # -- VideoRtp, for the media ---------------------------------------------------------------------------

    def send(self, payloads: Sequence[bytes], timestamp: int, *, marked: bool) -> None:
        """See `VideoRtp`."""
        if self._endpoint is not None:
            self._endpoint.send(payloads, timestamp, marked=marked)

    def map_timestamp(self, timestamp: int, at_s: float) -> None:
        """See `VideoRtp`."""
        if self._endpoint is not None:
            self._endpoint.session.map_timestamp(timestamp, at_s)

    def request_key_picture(self) -> bool:
        """See `VideoRtp`."""
        return self._endpoint is not None and self._endpoint.request_key_frame()

    def note_key_picture(self) -> None:
        """See `VideoRtp`."""
        if self._endpoint is not None:
            self._endpoint.session.note_key_frame()

    # -- helpers -------------------------------------------------------------------------------------------

    def _choose(self, media: VideoMedia) -> None:
        if media is self._media:
            return
        self._media.agree(None)
        self._media = media
        if media is self._h264:
            self._tell_h264()

    def _tell_h264(self) -> None:
        """Show what the client has published before, and does not say again."""
        if (configuration := self._client.video_configuration) is not None:
            self._h264.push_tag(0, configuration)

    def _begin(self, agreement: VideoAgreement) -> None:
        options = SessionOptions(cname=f"{self._name}@siprtmp", wall_clock_offset_s=WALL_CLOCK_OFFSET_S)
        session = RtpSession(_negotiated(agreement), options, time.monotonic(), srtp=self._srtp)
        self._endpoint = RtpEndpoint(session, self._ports, self._on_events)
        self._endpoint.flush()
        self._log_drops()

    def _log_drops(self) -> None:
        """Look once a second, rather than at each datagram: there may be thousands."""
        if self._endpoint is None:
            return
        counters = self._endpoint.session.statistics().counters
        self._drop_log.look({**refused(counters), **self._media.summary().bad}, time.monotonic())
        self._drop_timer = asyncio.get_running_loop().call_later(FIRST_PAUSE_S, self._log_drops)

    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, OrderedPacket):
                if self._agreement is not None and self._agreement.receives:
                    self._media.take(event)
            elif isinstance(event, KeyFrameRequested):
                self._media.key_picture_requested()
            elif isinstance(event, SenderReportReceived):
                self._h264.sync.note_video_report(event, time.monotonic())
            elif isinstance(event, SourceChanged):
                self._media.restart()
        self._media.ask_if_needed()


def _in_words(agreement: VideoAgreement) -> str:
    words = [agreement.codec, _direction(agreement)]
    words += ["rtcp-mux"] if agreement.rtcp_mux else []
    words += [] if agreement.srtp is None else [f"SRTP {agreement.srtp.ours.suite.value}"]
    return ", ".join(words)


def _direction(agreement: VideoAgreement) -> str:
    if agreement.sends and agreement.receives:
        return "both ways"
    return "to SIP" if agreement.sends else "to RTMP" if agreement.receives else "on hold"


def _srtp_context(keys: SrtpKeys | None, current: SrtpContext | None) -> SrtpContext | None:
    if keys is None:
        return None
    return SrtpContext(keys.ours, keys.theirs) if current is None else current.rekeyed(keys.ours, keys.theirs)


def _negotiated(agreement: VideoAgreement) -> Negotiated:
    return Negotiated(
        rtp_address=(agreement.address, agreement.port),
        payload_type=agreement.payload_type,
        receive_payload_types=agreement.received_payload_types,
        rtcp_address=(agreement.address, agreement.rtcp_port),
        rtcp_mux=agreement.rtcp_mux,
        nack="nack" in agreement.feedback,
        pli="nack pli" in agreement.feedback,
        fir="ccm fir" in agreement.feedback,
        bandwidth_bps=agreement.bandwidth_bps or 1_000_000,
    )
