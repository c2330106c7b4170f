"""Video usability information: the part of an SPS that says how to show pictures (H.264 Annex E.1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from media_bridge.h264.bit_reader import BitReader

_EXTENDED_SAR = 255
_MAX_CPBS = 32
MAX_FRAMES = 16
"""No decoder keeps more frames (A.3.1)."""

_TICKS_PER_FRAME = 2  # a tick is a field's time (E.2.1)


@dataclass(frozen=True, slots=True)
class Vui:
    """What is read of it; None is what it does not say.

    `max_num_reorder_frames`: how many frames precede one in decoding order and follow it when shown.
    `max_dec_frame_buffering`: how many frames the decoder keeps.
    """

    frame_rate_hz: Fraction | None = None
    max_num_reorder_frames: int | None = None
    max_dec_frame_buffering: int | None = None

    @classmethod
    def parse(cls, reader: BitReader) -> Vui:
        """Raise CodecDataError if it is cut short or absurd."""
        _skip_picture(reader)
        frame_rate_hz = _timing(reader) if reader.flag() else None
        has_hrd = [_skip_hrd(reader) for _ in ("nal", "vcl")]
        if any(has_hrd):
            reader.flag()  # low_delay_hrd_flag
        reader.flag()  # pic_struct_present_flag
        if not reader.flag():
            return cls(frame_rate_hz)
        reader.flag()  # motion_vectors_over_pic_boundaries_flag
        for _ in ("bytes", "bits", "horizontal", "vertical"):
            reader.ue(16)
        reorder, buffering = reader.ue(MAX_FRAMES), reader.ue(MAX_FRAMES)
        return cls(frame_rate_hz, reorder, buffering)


def _skip_picture(reader: BitReader) -> None:
    """Shape of a sample, overscan, video signal and chroma location."""
    if reader.flag() and reader.bits(8) == _EXTENDED_SAR:
        reader.bits(32)
    if reader.flag():
        reader.flag()
    if reader.flag():
        reader.bits(4)
        if reader.flag():
            reader.bits(24)
    if reader.flag():
        reader.ue(5)
        reader.ue(5)


def _timing(reader: BitReader) -> Fraction | None:
    """Zeros are forbidden, but say no more than that there is no rate."""
    ticks, time_scale, _is_fixed = reader.bits(32), reader.bits(32), reader.flag()
    return Fraction(time_scale, ticks * _TICKS_PER_FRAME) if ticks and time_scale else None


def _skip_hrd(reader: BitReader) -> bool:
    """Parameters of the hypothetical reference decoder (E.1.2); whether there are any."""
    if not reader.flag():
        return False
    cpbs = reader.ue(_MAX_CPBS - 1) + 1
    reader.bits(8)
    for _ in range(cpbs):
        reader.ue()
        reader.ue()
        reader.flag()
    reader.bits(20)
    return True
