"""What a peer can take of H.264, and how to encode within it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

from media_bridge.h264.level import Level
from media_bridge.h264.profile_level import Profile

_MB = 16
_PIXELS_OF_MB = _MB * _MB
_LEAST_SIDE = 16
_LEAST_RATE_HZ: Final = 15.0
"""A picture is made smaller rather than shown less often than this."""
_BITS_PER_PIXEL: Final = 0.1
"""Good for a face, and enough for a screen."""
_LEAST_BIT_RATE_BPS: Final = 64_000
_MEDIA_SHARE: Final = 0.9
"""Of a bandwidth; the rest is for headers and for a key picture."""


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """The bounds of a decoder: macroblocks of a frame and a second, bits a second, the largest NAL unit."""

    profile: Profile
    max_fs: int
    max_mbps: int
    max_bit_rate_bps: int
    max_nal_bytes: int | None = None

    def least_interval_ms(self, width: int, height: int) -> float:
        """Return the time between pictures of this size at the highest rate."""
        return macroblocks(width, height) * 1000 / self.max_mbps


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How an encoder is to encode."""

    width: int
    height: int
    frame_rate_hz: float
    bit_rate_bps: int
    profile: Profile
    level: Level
    max_nal_bytes: int | None = None


def encoder_settings(limits: VideoLimits, width: int, height: int, frame_rate_hz: float) -> EncoderSettings:
    """Return the settings for pictures of this size, at so many a second at most: as they are, or smaller."""
    wanted_rate_hz = min(frame_rate_hz, _LEAST_RATE_HZ)
    width, height = _fitting_size(width, height, min(limits.max_fs, int(limits.max_mbps / wanted_rate_hz)))
    frame_mbs = macroblocks(width, height)
    rate_hz = min(frame_rate_hz, limits.max_mbps / frame_mbs)
    wanted_bps = max(_LEAST_BIT_RATE_BPS, int(width * height * rate_hz * _BITS_PER_PIXEL))
    bit_rate_bps = min(wanted_bps, int(limits.max_bit_rate_bps * _MEDIA_SHARE))
    level = _level(frame_mbs, rate_hz, bit_rate_bps)
    return EncoderSettings(width, height, rate_hz, bit_rate_bps, limits.profile, level, limits.max_nal_bytes)


def macroblocks(width: int, height: int) -> int:
    """Return how many macroblocks cover a picture."""
    return -(-width // _MB) * -(-height // _MB)


def _fitting_size(width: int, height: int, max_fs: int) -> tuple[int, int]:
    """Return the largest even size of the same shape that has at most so many macroblocks."""
    max_side = int(sqrt(8 * max_fs)) * _MB
    scale = min(1.0, sqrt(max_fs * _PIXELS_OF_MB / (width * height)), max_side / width, max_side / height)
    for fitting_width in range(int(width * scale), _LEAST_SIDE, -1):
        size = _even(fitting_width), _even(height * fitting_width / width)
        if macroblocks(*size) <= max_fs:
            return size
    return _LEAST_SIDE, _LEAST_SIDE


def _even(length: float) -> int:
    return max(_LEAST_SIDE, int(length) & ~1)


def _level(frame_mbs: int, rate_hz: float, bit_rate_bps: int) -> Level:
    """Return the least level that such a stream keeps to."""
    for level in Level:
        is_enough = level.max_fs >= frame_mbs and level.max_mbps >= frame_mbs * rate_hz
        if is_enough and level.max_br * 1000 >= bit_rate_bps:
            return level
    return Level.L6_2
