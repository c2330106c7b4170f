"""From video of any codec to H.264 that a peer takes: decode, scale, encode. No thread and no clock here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from media_bridge.codecs.h264_encoder import H264Encoder
from media_bridge.codecs.video_decoder import DecodedPicture, VideoDecoder
from media_bridge.errors import MediaError
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.stream_meter import StreamMeter, elapsed
from media_bridge.video_limits import EncoderSettings, VideoLimits, encoder_settings
from media_bridge.video_tag import VideoCodec, VideoTag, VideoTagKind

DEFAULT_FRAME_RATE_HZ: Final = 30.0
_KEY_INTERVAL_MS: Final = 5000
_RATE_TOLERANCE: Final = 1.3
"""How wrong the frame rate may be that the encoder counts on: its bit rate is wrong by as much."""


@dataclass(frozen=True, slots=True)
class TranscodedPicture:
    """A picture with the parameter sets that it needs."""

    access_unit: AccessUnit
    configuration: AvcConfiguration


@dataclass(slots=True)
class TranscodingCounters:
    """What has become of the pictures that came."""

    decoded: int = 0
    encoded: int = 0
    key_pictures: int = 0
    too_many: int = 0
    """Left out, as the peer takes fewer a second."""
    too_late: int = 0
    """Left out, as encoding is slower than they come."""
    without_key: int = 0
    """Not decoded, as they build on a picture that is missing."""
    errors: int = 0
    """Damaged ones."""


class TranscodingChain:
    """Transcodes one stream; it begins with a key picture, and again after each fault.

    `frame_rate_hz` is that of the stream if it is known; after two seconds it is measured.
    """

    def __init__(self, limits: VideoLimits, frame_rate_hz: float = 0.0) -> None:
        self._limits = limits
        self.counters = TranscodingCounters()
        self._decoder: VideoDecoder | None = None
        self._codec: VideoCodec | None = None
        self._configuration: bytes | None = None
        self._encoder: H264Encoder | None = None
        self._picture_size = (0, 0)
        self._frame_rate_hz = frame_rate_hz or DEFAULT_FRAME_RATE_HZ
        self._meter = StreamMeter()
        self._due_ms: int | None = None
        self._key_ms: int | None = None

    @property
    def needs_key_picture(self) -> bool:
        """Whether nothing comes out before the next key picture of the stream."""
        return self._decoder is None

    @property
    def settings(self) -> EncoderSettings | None:
        """How it encodes, once there was a picture."""
        return None if self._encoder is None else self._encoder.settings

    def force_key_picture(self) -> None:
        """Make the next picture a key picture."""
        self._key_ms = None

    def push(self, timestamp_ms: int, tag: VideoTag, *, encodes: bool = True) -> list[TranscodedPicture]:
        """Take a message, with its time of decoding; return what can be sent of it.

        Without `encodes` it is only decoded, which costs less: the next picture can be encoded all the same.
        Raises MediaError, which is counted already: nothing comes then before the next key picture.
        """
        if tag.kind is VideoTagKind.OTHER:
            return []
        if tag.kind is VideoTagKind.CONFIGURATION:
            self._configure(tag)
            return []
        try:
            pictures = self._decode(timestamp_ms, tag)
            return [out for picture in pictures for out in self._encode_if_due(picture, encodes)]
        except MediaError:
            self.counters.errors += 1
            self.begin_anew()
            raise

    def begin_anew(self) -> None:
        """Forget what was decoded and encoded: go on with the next key picture."""
        self._decoder = self._encoder = None

    def _configure(self, tag: VideoTag) -> None:
        configuration = bytes(tag.data)
        if tag.codec is not self._codec or configuration != self._configuration:
            self._codec, self._configuration, self._decoder = tag.codec, configuration, None

    def _decode(self, timestamp_ms: int, tag: VideoTag) -> list[DecodedPicture]:
        if tag.codec is not self._codec:
            self._codec, self._configuration, self._decoder = tag.codec, None, None
        if self._decoder is None:
            if not tag.is_key:
                self.counters.without_key += 1
                return []
            self._decoder = VideoDecoder(tag.codec, self._configuration)
        pictures = self._decoder.decode(tag.data, timestamp_ms + tag.composition_time_ms, is_key=tag.is_key)
        self.counters.decoded += len(pictures)
        return pictures

    def _encode_if_due(self, picture: DecodedPicture, encodes: bool) -> list[TranscodedPicture]:
        self._watch(picture)
        assert self._encoder is not None
        settings = self._encoder.settings
        if not self._is_due(
            picture.timestamp_ms, self._limits.least_interval_ms(settings.width, settings.height)
        ):
            self.counters.too_many += 1
            return []
        if not encodes:
            self.counters.too_late += 1
            return []
        return [self._encode(self._encoder, picture)]

    def _encode(self, encoder: H264Encoder, picture: DecodedPicture) -> TranscodedPicture:
        time_ms = picture.timestamp_ms
        is_key = self._key_ms is None or not 0 <= elapsed(self._key_ms, time_ms) < _KEY_INTERVAL_MS
        access_unit = encoder.encode(picture, is_key=is_key)
        if access_unit.is_key:
            self._key_ms = time_ms
            self.counters.key_pictures += 1
        self.counters.encoded += 1
        return TranscodedPicture(access_unit, encoder.configuration)

    def _watch(self, picture: DecodedPicture) -> None:
        """Make the encoder anew where the stream has become another one."""
        if self._meter.push(picture.timestamp_ms):
            ratio = self._meter.frame_rate_hz / self._frame_rate_hz
            if not 1 / _RATE_TOLERANCE < ratio < _RATE_TOLERANCE:
                self._frame_rate_hz = self._meter.frame_rate_hz
                self._picture_size = (0, 0)
        if self._encoder is None or picture.size != self._picture_size:
            settings = encoder_settings(self._limits, *picture.size, self._frame_rate_hz)
            self._picture_size = picture.size
            if self._encoder is None or settings != self._encoder.settings:
                self._encoder, self._key_ms = H264Encoder(settings), None

    def _is_due(self, time_ms: int, interval_ms: float) -> bool:
        """Whether the peer takes a picture at this time; their times may jitter by half an interval."""
        early_ms = 0 if self._due_ms is None else elapsed(time_ms, self._due_ms)
        if interval_ms / 2 < early_ms <= 2 * interval_ms:
            return False
        is_regular = self._due_ms is not None and abs(early_ms) <= 2 * interval_ms
        begin_ms = self._due_ms if is_regular and self._due_ms is not None else time_ms
        self._due_ms = int(begin_ms + interval_ms)
        return True
