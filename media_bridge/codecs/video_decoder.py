"""The video codecs of RTMP that FFmpeg decodes, which are all of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from media_bridge.errors import CodecDataError, UnsupportedCodecError
from media_bridge.frames import Payload
from media_bridge.video_tag import VideoCodec

MAX_PICTURE_BYTES = 4 << 20
MAX_PIXELS = 4096 * 2304
"""A picture may say that it is of any size; memory is taken for no more than this."""

_V = VideoCodec
_NAMES = {
    _V.SORENSON_H263: "flv",
    _V.SCREEN: "flashsv",
    _V.VP6: "vp6f",
    _V.VP6_ALPHA: "vp6a",
    _V.SCREEN_2: "flashsv2",
    _V.AVC: "h264",
    _V.HEVC: "hevc",
    _V.VP8: "vp8",
    _V.VP9: "vp9",
    _V.AV1: "libdav1d",
}
_CONFIGURED = frozenset({_V.AVC, _V.HEVC})
"""Those whose pictures are nothing without a configuration."""
_WITH_CROPPING = frozenset({_V.VP6, _V.VP6_ALPHA})
"""Those of which a byte ahead of each picture says how much is cut off: extradata to the decoder."""
_MS = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture, and when it is shown."""

    frame: av.VideoFrame
    timestamp_ms: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frame.width, self.frame.height


class VideoDecoder:
    """One stream of `codec` to pictures, in the order in which they are shown.

    `configuration` is the record that the stream begins with: avcC, hvcC or av1C. Raises CodecDataError if it
    is damaged, or missing where the codec needs it, and UnsupportedCodecError if FFmpeg was built without the
    codec.
    """

    def __init__(self, codec: VideoCodec, configuration: bytes | None) -> None:
        if configuration is None and codec in _CONFIGURED:
            raise CodecDataError(f"{codec.value} before its configuration")
        self._codec = codec
        self._configuration = configuration if codec in _CONFIGURED or codec is VideoCodec.AV1 else None
        self._context: VideoCodecContext | None = None
        if codec not in _WITH_CROPPING:
            self._context = self._open(self._configuration)

    def decode(self, data: Payload, timestamp_ms: int, *, is_key: bool) -> list[DecodedPicture]:
        """Take a picture that is shown at `timestamp_ms`; return those that can be shown with it.

        Raises CodecDataError: nothing good follows then before a key picture, and a new decoder.
        """
        if not 0 < len(data) <= MAX_PICTURE_BYTES:
            raise CodecDataError(f"a picture of {len(data)} bytes")
        content = bytes(data)
        if self._codec in _WITH_CROPPING:
            if self._context is None:
                self._context = self._open(content[:1])
            content = content[1:]
        assert self._context is not None
        packet = av.Packet(content)
        packet.pts, packet.time_base = timestamp_ms, _MS
        packet.is_keyframe = is_key  # Screen video 2 does not say it itself
        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, ValueError) as reason:
            raise CodecDataError(f"a damaged picture of {self._codec.value}: {reason}") from reason
        return [
            DecodedPicture(frame, timestamp_ms if frame.pts is None else frame.pts)
            for frame in frames
            if not frame.is_corrupt
        ]

    def _open(self, extradata: bytes | None) -> VideoCodecContext:
        try:
            context = av.CodecContext.create(_NAMES[self._codec], "r")
        except (av.FFmpegError, ValueError) as reason:
            raise UnsupportedCodecError(f"{self._codec.value} cannot be decoded here") from reason
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1  # several would keep as many pictures back
        context.options = {"max_pixels": str(MAX_PIXELS)}
        if self._codec is VideoCodec.AV1:
            context.flags |= Flags.low_delay
        if extradata is not None:
            context.extradata = extradata
        try:
            context.open()
        except (av.FFmpegError, ValueError) as reason:
            raise CodecDataError(f"bad {self._codec.value} configuration: {reason}") from reason
        return context
