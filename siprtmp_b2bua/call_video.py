"""The video of one call: FLV tags of the client to RTP, and the peer's RTP to FLV tags."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from media_bridge.errors import MediaError
from media_bridge.h264.access_unit import rtp_timestamp
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.picture_packetizer import PacketizedPicture
from media_bridge.rtp.events import Event, KeyFrameRequested, SenderReportReceived, SourceChanged
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.rtp.srtp import SrtpContext
from media_bridge.rtp.udp import RtpEndpoint
from media_bridge.rtp.udp_ports import UdpPorts, bind_udp_ports
from media_bridge.video_downlink import VideoDownlink
from media_bridge.video_tag import is_configuration
from rtmp.messages import Payload

from .client_port import ClientPort
from .config import GatewayConfig
from .lip_sync import WALL_CLOCK_OFFSET_S, LipSync
from .pj_events import AudioArrival, SentAudio
from .sdes import SrtpKeys
from .video_agreement import VideoAgreement
from .video_offer import video_formats
from .video_sdp import H264, VideoLine
from .video_to_sip import VideoToSip

logger = logging.getLogger(__name__)

_REPORTED_NAMES: Final = {H264: "h264"}
_KEY_PICTURE_SPACING_S: Final = 1.0


class CallVideo:
    """Video both ways between an RTMP client and one m=video line; used on the loop's thread.

    It has its ports from the beginning, as a description has to name them. `ask_by_sip` asks the peer for a
    key picture where RTCP cannot.
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
        self._ask_by_sip = ask_by_sip
        ports = config.media.rtp_ports
        self._ports: UdpPorts = bind_udp_ports(config.sip.int_ip or "0.0.0.0", ports.low, ports.high)
        self._bandwidth_bps = config.media.video_bandwidth_kbps * 1000 or None
        self._loop = asyncio.get_running_loop()
        self._stream_begin_s = self._loop.time() - client.stream_time_ms / 1000
        self._agreement: VideoAgreement | None = None
        self._endpoint: RtpEndpoint | None = None
        self._srtp: SrtpContext | None = None
        self._to_sip = VideoToSip(name, config.media, client, self._send)
        self._downlink = VideoDownlink(Depacketizer())
        self._sync = LipSync()
        self._asked_s = float("-inf")

    def line(self) -> VideoLine:
        """Our m=video section: where we receive, and what."""
        return VideoLine(
            self._ports.rtp_port,
            video_formats(self._to_sip.configuration),
            rtcp_mux=True,
            bandwidth_bps=self._bandwidth_bps,
        )

    @property
    def reported_name(self) -> str | None:
        """The videoCodec argument of `accepted`."""
        agreement = self._agreement
        return None if agreement is None else _REPORTED_NAMES.get(agreement.codec, "default")

    @property
    def is_agreed(self) -> bool:
        """Whether both sides have agreed on video."""
        return self._agreement is not None

    def agree(self, agreement: VideoAgreement | None) -> None:
        """Begin, go on as both sides have agreed on now, or pause if there is no video any more."""
        self._agreement = agreement
        self._to_sip.agree(agreement)
        if agreement is None:
            logger.info("%s: no video", self._name)
            return
        logger.info("%s: video %s", self._name, _in_words(agreement))
        self._srtp = _srtp_context(agreement.srtp, self._srtp)
        if self._endpoint is None:
            self._begin(agreement)
        else:
            self._endpoint.session.renegotiate(_negotiated(agreement), time.monotonic(), srtp=self._srtp)
            self._endpoint.flush()

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """Send a tag of the client to the peer."""
        if self._endpoint is not None and not is_configuration(tag):
            moment_s = self._sync.moment_s(timestamp_ms, time.monotonic())
            self._endpoint.session.map_timestamp(rtp_timestamp(timestamp_ms), moment_s)
        self._to_sip.push_tag(timestamp_ms, tag)

    def _send(self, picture: PacketizedPicture) -> None:
        if self._endpoint is not None:
            self._endpoint.send(list(picture.payloads), picture.timestamp)

    def note_audio(self, timestamp_ms: int) -> None:
        """Note that audio with this time goes to the client now: video has to keep to its times."""
        self._sync.note_audio(timestamp_ms, self._stream_now_ms())
        self._downlink.delay_ms = self._sync.delay_ms

    def note_audio_arrival(self, arrival: AudioArrival, rate_hz: int) -> None:
        """Note what has come of the peer's audio; `rate_hz` is of its timestamps."""
        self._sync.note_audio_arrival(arrival, rate_hz)

    def note_sent_audio(self, sent: SentAudio) -> None:
        """Note how far the audio to the peer is."""
        self._sync.note_sent_audio(sent)

    def client_plays(self) -> None:
        """Let a client that begins to play see something soon."""
        if (tag := self._downlink.configuration_tag()) is not None:
            self._client.play_video(*tag)
            self._ask_for_key_picture()

    def key_picture_requested(self) -> None:
        """Answer the peer's wish for a key picture, or pass it on."""
        self._to_sip.key_picture_requested()

    def close(self) -> None:
        """Say goodbye and free the ports."""
        self._to_sip.close()
        if self._endpoint is not None:
            self._endpoint.close()
        else:
            self._ports.close()

    def summary(self) -> str:
        """One line for the log at the end of a call."""
        if self._endpoint is None:
            return "video: none"
        down, rtp = self._downlink.stats(), self._endpoint.session.statistics()
        dropped = ", ".join(f"{count} {reason.name.lower()}" for reason, count in down.dropped.items())
        return (
            f"video to SIP: {self._to_sip.summary()}, {rtp.counters.sent} packets, "
            f"{rtp.counters.resent} resent; "
            f"to RTMP: {down.access_units} pictures, {down.key_pictures} key, "
            f"{rtp.counters.received} packets, {rtp.lost} lost, dropped: {dropped or 'none'}; "
            f"{rtp.counters.rtcp_received} RTCP packets"
        )

    # -- helpers -------------------------------------------------------------------------------------------

    def _stream_now_ms(self) -> float:
        return (self._loop.time() - self._stream_begin_s) * 1000

    def _begin(self, agreement: VideoAgreement) -> None:
        sprop: tuple[bytes, ...] = ()
        if agreement.sprop_parameter_sets:
            try:
                sprop = AvcConfiguration.from_sprop(agreement.sprop_parameter_sets).parameter_sets
            except MediaError as error:
                logger.info("%s: the peer's parameter sets are passed over: %s", self._name, error)
        self._downlink = VideoDownlink(Depacketizer(sprop), delay_ms=self._sync.delay_ms)
        options = SessionOptions(cname=f"{self._name}@siprtmp", wall_clock_offset_s=WALL_CLOCK_OFFSET_S)
        session = RtpSession(_negotiated(agreement), options, time.monotonic(), srtp=self._srtp)
        self._endpoint = RtpEndpoint(session, self._ports, self._on_events)
        self._endpoint.flush()

    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, OrderedPacket):
                self._take(event)
            elif isinstance(event, KeyFrameRequested):
                self._to_sip.key_picture_requested()
            elif isinstance(event, SenderReportReceived):
                self._sync.note_video_report(event, time.monotonic())
            elif isinstance(event, SourceChanged):
                self._downlink.restart()
        if self._downlink.wants_key_picture():
            self._ask_for_key_picture()

    def _take(self, ordered: OrderedPacket) -> None:
        if self._agreement is None or not self._agreement.receives:
            return
        packet = ordered.packet
        tags = self._downlink.push(
            packet.payload,
            timestamp=packet.timestamp,
            marker=packet.marker,
            is_after_loss=ordered.missing > 0,
            now_ms=self._stream_now_ms(),
        )
        for tag in tags:
            self._client.play_video(*tag)
        if tags:
            self._sync.note_picture(packet.ssrc, self._downlink.decoding_timestamp, time.monotonic())

    def _ask_for_key_picture(self) -> None:
        if self._endpoint is None or self._agreement is None or not self._agreement.receives:
            return
        if self._endpoint.request_key_frame():
            return
        now_s = time.monotonic()
        if now_s - self._asked_s >= _KEY_PICTURE_SPACING_S:
            self._asked_s = now_s
            self._ask_by_sip()


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
