"""H.264 for a call, by x264: every picture is out as soon as it is in."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from media_bridge.codecs.video_decoder import DecodedPicture
from media_bridge.errors import CodecDataError, UnsupportedCodecError
from media_bridge.h264.access_unit import AccessUnit, rtp_timestamp
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.nal import split_annex_b
from media_bridge.h264.profile_level import Profile
from media_bridge.video_limits import EncoderSettings

_PIXELS = "yuv420p"
_PROFILE_NAMES = {
    Profile.MAIN: "main",
    Profile.HIGH: "high",
    Profile.HIGH_10: "high",
    Profile.HIGH_422: "high",
    Profile.HIGH_444: "high",
}
"""What x264 calls the widest profile that such a decoder takes; for all others it is Constrained Baseline."""
_BUFFER_S = 0.3
"""How much of the bit rate a key picture may take at once: more makes it better, and later."""
_NO_KEY_PICTURES_BY_ITSELF = 100_000
_SLICE_MARGIN = 100
"""x264 estimates the size of a slice while it writes it."""


class H264Encoder:
    """Encodes pictures of any size and format as `settings` say, without B-frames.

    Raises UnsupportedCodecError if there is no x264 in FFmpeg, or it does not take the settings.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self._reformatter = VideoReformatter()
        self._count = 0
        try:
            self._context = _open(settings)
            self.configuration = AvcConfiguration.of(split_annex_b(self._context.extradata or b""))
        except (av.FFmpegError, ValueError, CodecDataError) as reason:
            raise UnsupportedCodecError(f"no H.264 encoder for {settings}: {reason}") from reason

    def encode(self, picture: DecodedPicture, *, is_key: bool) -> AccessUnit:
        """Return the picture. Raises CodecDataError if x264 fails; a new encoder is needed then."""
        settings = self.settings
        try:
            frame = self._reformatter.reformat(picture.frame, settings.width, settings.height, _PIXELS)
            frame.pts, frame.time_base = self._count, self._context.time_base
            frame.pict_type = PictureType.I if is_key else PictureType.NONE
            packets = self._context.encode(frame)
        except (av.FFmpegError, ValueError) as reason:
            raise CodecDataError(f"a picture cannot be encoded: {reason}") from reason
        self._count += 1
        if len(packets) != 1:
            raise CodecDataError(f"{len(packets)} pictures from an encoder that got one")
        return AccessUnit(tuple(split_annex_b(bytes(packets[0]))), rtp_timestamp(picture.timestamp_ms))


def _open(settings: EncoderSettings) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    rate = Fraction(settings.frame_rate_hz).limit_denominator(1000)
    context.width, context.height, context.pix_fmt = settings.width, settings.height, _PIXELS
    context.framerate, context.time_base = rate, 1 / rate
    context.bit_rate = settings.bit_rate_bps
    context.gop_size = _NO_KEY_PICTURES_BY_ITSELF
    context.thread_count = 1
    context.flags |= Flags.global_header
    context.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": _PROFILE_NAMES.get(settings.profile, "baseline"),
        "forced-idr": "1",
        "x264-params": ":".join(_parameters(settings)),
    }
    context.open()
    return context


def _parameters(settings: EncoderSettings) -> list[str]:
    kbps = max(1, settings.bit_rate_bps // 1000)
    parameters = [f"level={settings.level.value}", "scenecut=0", "log-level=none"]
    parameters += [f"vbv-maxrate={kbps}", f"vbv-bufsize={max(1, int(kbps * _BUFFER_S))}"]
    if settings.max_nal_bytes is not None:
        parameters.append(f"slice-max-size={max(1, settings.max_nal_bytes - _SLICE_MARGIN)}")
    return parameters
