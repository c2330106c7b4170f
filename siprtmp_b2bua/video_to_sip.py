"""The client's video on its way to the peer: as it is where that is legal, transcoded otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from media_bridge.errors import MediaError, OversizeError
from media_bridge.h264.avc_tag import AvcTag
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.packet_type import PacketizationMode
from media_bridge.h264.packetizer import Packetizer
from media_bridge.picture_packetizer import PacketizedPicture
from media_bridge.stream_meter import StreamMeter
from media_bridge.video_limits import VideoLimits
from media_bridge.video_tag import VideoCodec, VideoTag, VideoTagKind, is_configuration
from media_bridge.video_transcoder import VideoTranscoder
from media_bridge.video_transcoding import TranscodingChain
from media_bridge.video_uplink import VideoUplink
from rtmp.messages import Payload

from .client_port import ClientPort
from .config import MediaConfig
from .transcoded_pictures import TranscodedPictures
from .video_agreement import VideoAgreement
from .video_decision import Decision, PublishedVideo, decide, limits_of

logger = logging.getLogger(__name__)

_INTER_PICTURE: Final = b"\x27\x01"
"""How one of H.264 begins."""


class VideoToSip:
    """Takes the tags that a client publishes, and gives pictures in payloads of RTP to `send`.

    What is to be done is decided when the peer or the client's configuration changes, when a picture does not
    fit, and at key pictures as long as pictures pass: another way can only begin with one.
    """

    def __init__(
        self, name: str, media: MediaConfig, client: ClientPort, send: Callable[[PacketizedPicture], None]
    ) -> None:
        self._name = name
        self._media = media
        self._client = client
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._agreement: VideoAgreement | None = None
        self._header: bytes | None = None
        self._video: PublishedVideo | None = None
        self._meter = StreamMeter()
        self._packetizer = Packetizer()
        self._uplink = VideoUplink(self._packetizer)
        self._decision: Decision | None = None
        self._limits: VideoLimits | None = None
        self._transcoder: VideoTranscoder | None = None
        self._transcoded = TranscodedPictures(self._packetizer)
        self._asked_s: float | None = None
        self._bad_tags = 0

    @property
    def configuration(self) -> AvcConfiguration | None:
        """The parameter sets of what the client publishes, if that is H.264."""
        return self._uplink.configuration

    def agree(self, agreement: VideoAgreement | None) -> None:
        """Go on as both sides have agreed on now."""
        before, self._agreement = self._agreement, agreement
        if agreement is not None:
            if before is None or before.packetization_mode != agreement.packetization_mode:
                self._packetize(PacketizationMode(agreement.packetization_mode))
            elif agreement.sends and not before.sends:
                self._wait_for_key_picture()
        self._decide()

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """Send a tag to the peer. What cannot be sent is counted, and logged once."""
        try:
            if is_configuration(tag):
                self._configure(tag)
            elif self._agreement is not None and self._agreement.sends:
                self._push(timestamp_ms, tag)
        except MediaError as error:
            self._count_bad(error)

    def key_picture_requested(self) -> None:
        """The peer needs a key picture: the transcoder makes one, else the client is asked."""
        if self._transcoder is not None:
            self._transcoder.force_key_picture()
            return
        if self._asked_s is None:
            self._asked_s = time.monotonic()
        self._client.key_picture_wanted()

    def close(self) -> None:
        """End the transcoder's thread; nothing is sent any more."""
        self._agreement = None
        self._stop_transcoding()

    def summary(self) -> str:
        """Some words for the log at the end of a call."""
        up, transcoded = self._uplink.stats(), self._transcoded
        output = transcoded.output
        pictures, key_pictures = up.pictures + output.pictures, up.key_pictures + output.key_pictures
        words = f"{pictures} pictures, {key_pictures} key, {self._bad_tags} bad tags"
        return words if transcoded.is_unused else f"{words}, transcoded: {transcoded.summary()}"

    # -- what the client sends -----------------------------------------------------------------------------

    def _configure(self, tag: Payload) -> None:
        if tag == self._header:
            return  # some encoders say it again with every key picture
        parsed = VideoTag.parse(tag)
        configuration = None
        if parsed.codec is VideoCodec.AVC:
            self._uplink.push(0, parsed.to_avc_body())
            configuration = self._uplink.configuration
        largest_nal = 0 if self._video is None else self._video.largest_nal
        self._header = bytes(tag)
        before = self._transcoder
        self._publish(PublishedVideo(parsed.codec, configuration, largest_nal), is_key=True)
        if before is not None and self._transcoder is before:
            before.push(0, parsed)

    def _push(self, timestamp_ms: int, tag: Payload) -> None:
        self._meter.push(timestamp_ms, len(tag))
        if self._passes_avc and tag[:2] == _INTER_PICTURE:
            self._pass(timestamp_ms, tag)  # as nearly all do, so nothing more is looked at
            return
        parsed = VideoTag.parse(tag)
        if parsed.kind is not VideoTagKind.PICTURE:
            return
        if self._video is None or parsed.codec is not self._video.codec:
            self._header = None
            self._publish(PublishedVideo(parsed.codec), is_key=parsed.is_key)
        if parsed.is_key and self._transcoder is None:
            self._look_again()
        if self._transcoder is not None:
            self._transcoder.push(timestamp_ms, parsed)
        else:
            self._pass(timestamp_ms, parsed.to_avc_body() if self._passes_avc and parsed.is_enhanced else tag)

    @property
    def _passes_avc(self) -> bool:
        return self._transcoder is None and self._video is not None and self._video.codec is VideoCodec.AVC

    def _pass(self, timestamp_ms: int, body: Payload) -> None:
        try:
            picture = self._uplink.push(timestamp_ms, body)
        except OversizeError as error:
            self._transcode_oversize(timestamp_ms, body, error)
            return
        if picture is not None:
            self._send(picture)

    def _transcode_oversize(self, timestamp_ms: int, body: Payload, error: OversizeError) -> None:
        """Begin to transcode with a picture that does not fit. Raises the error again if it is not to be."""
        assert self._video is not None
        tag = VideoTag.parse(body)
        self._video = replace(self._video, largest_nal=_largest_nal(body))
        self._decide(is_key=tag.is_key)
        if self._transcoder is None:
            raise error
        self._transcoder.push(timestamp_ms, tag)

    def _publish(self, video: PublishedVideo, *, is_key: bool) -> None:
        self._video, self._meter = video, StreamMeter()
        self._decide(is_key=is_key)

    def _look_again(self) -> None:
        """At a key picture: has the stream become too fast or too large, or was the key picture late?"""
        assert self._video is not None
        waited_s = 0.0 if self._asked_s is None else time.monotonic() - self._asked_s
        self._asked_s = None
        is_late = 0 < self._media.key_frame_wait_s <= waited_s
        seen = replace(
            self._video,
            frame_rate_hz=self._meter.frame_rate_hz,
            bit_rate_bps=self._meter.bit_rate_bps,
            withholds_key_pictures=self._video.withholds_key_pictures or is_late,
        )
        if seen != self._video:
            self._video = seen
            self._decide(is_key=True)

    # -- which way it goes ---------------------------------------------------------------------------------

    def _decide(self, *, is_key: bool = False) -> None:
        """Decide, and begin or end transcoding; `is_key` says whether a key picture comes next anyway."""
        agreement, video = self._agreement, self._video
        if agreement is None or not agreement.sends or video is None:
            self._stop_transcoding()
            return
        is_allowed = self._media.video_transcoding == "auto"
        decision = decide(video, agreement) if is_allowed else Decision()
        if decision != self._decision:
            logger.info("%s: %s", self._name, decision)
        self._decision = decision
        if decision.transcodes:
            self._transcode(limits_of(agreement), video, is_key=is_key)
        elif self._transcoder is not None:
            self._stop_transcoding()
            self._wait_for_key_picture()

    def _transcode(self, limits: VideoLimits, video: PublishedVideo, *, is_key: bool) -> None:
        if self._transcoder is not None and limits == self._limits:
            return
        self._stop_transcoding()
        self._limits = limits
        chain = TranscodingChain(limits, video.frame_rate_hz)
        transcoder = VideoTranscoder(chain, self._call_drain, self._name)
        self._transcoder = transcoder
        self._transcoded.add(transcoder)
        if self._header is not None:
            transcoder.push(0, VideoTag.parse(self._header))
        if not is_key:
            self._client.key_picture_wanted()

    def _stop_transcoding(self) -> None:
        if self._transcoder is not None:
            self._transcoder.close()
            self._transcoder = None

    def _wait_for_key_picture(self) -> None:
        self._uplink.wait_for_key_picture()
        self._client.key_picture_wanted()

    def _packetize(self, mode: PacketizationMode) -> None:
        configuration = self._uplink.configuration
        self._packetizer = Packetizer(mode)
        self._uplink = VideoUplink(self._packetizer, configuration)
        self._transcoded.output.packetizer = self._packetizer

    # -- what comes out of the transcoder ------------------------------------------------------------------

    def _call_drain(self) -> None:
        """In the transcoder's thread. The loop may have ended before the thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        transcoder = self._transcoder
        if transcoder is None:
            return
        for picture in transcoder.take():
            try:
                packetized = self._transcoded.packetize(picture)
            except MediaError as error:
                self._count_bad(error)
                transcoder.force_key_picture()
                continue
            if packetized is not None:
                self._send(packetized)
        if transcoder.takes_key_wish():
            self._client.key_picture_wanted()

    def _count_bad(self, error: MediaError) -> None:
        self._bad_tags += 1
        if self._bad_tags == 1:
            logger.warning("%s: video that cannot be sent: %s (more are only counted)", self._name, error)


def _largest_nal(body: Payload) -> int:
    tag = AvcTag.parse(body)
    if tag is None:
        return 0
    return max(map(len, tag.access_unit(0, 4).nal_units), default=0)
