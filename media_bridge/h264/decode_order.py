"""When pictures are decoded. RTP has the times of presentation only (RFC 6184 5.1); FLV wants both.

Pictures come in decoding order. If at most n of them can precede one in decoding order and follow it when
shown, then no picture can be decoded later than the (n+1)th latest presentation time seen so far: that is
the decoding time taken here. It never goes back, is never after the presentation of a good stream, and needs
no picture held back. Without reordering, n is 0 and both times are the same.
"""

from __future__ import annotations

from bisect import insort
from fractions import Fraction
from typing import NamedTuple

from media_bridge.h264.access_unit import CLOCK_HZ, TICKS_PER_MS, TIMESTAMP_MASK
from media_bridge.h264.sps import SequenceParameterSet
from media_bridge.h264.vui import MAX_FRAMES

MAX_STEP = 10 * CLOCK_HZ
"""A step between pictures, in ticks, beyond which it is a pause or a new clock: reordering begins anew."""

_DEFAULT_FRAME_RATE_HZ = Fraction(30)


class PictureTime(NamedTuple):
    """Times in 90 kHz ticks, without the wrap of 32 bits."""

    decoding: int
    presentation: int

    @property
    def decoding_ms(self) -> int:
        """The time of the FLV tag."""
        return _to_ms(self.decoding)

    @property
    def composition_ms(self) -> int:
        """The composition time of the FLV tag; negative only where a stream contradicts its SPS."""
        return _to_ms(self.presentation) - _to_ms(self.decoding)


class DecodeOrder:
    """Finds the decoding times of the pictures of one RTP stream.

    `begin_sequence` tells it how far pictures can be reordered; without it, not at all. A stream that can
    have B pictures and does not say how many (no VUI) begins without reordering, which is right for most
    encoders; the depth grows when a picture proves it wrong.

    Times of presentation are those of the RTP timestamps, the first of them as it is, plus `shift`. The first
    pictures are decoded before the first time of presentation, which may be below 0.
    """

    __slots__ = ("_depth", "_frame_ticks", "_last", "_latest", "_max_depth", "shift")

    def __init__(self) -> None:
        self.shift = 0
        """Ticks added so far, because the clock went back by more than `MAX_STEP`: it is a new one."""
        self._depth = self._max_depth = 0
        self._frame_ticks = int(CLOCK_HZ / _DEFAULT_FRAME_RATE_HZ)
        self._latest: list[int] = []
        self._last: PictureTime | None = None

    def begin_sequence(self, sps: SequenceParameterSet) -> None:
        """Take the SPS of the pictures that follow."""
        self._depth, self._max_depth = sps.expected_reorder_frames, sps.max_reorder_frames
        frame_rate_hz = sps.frame_rate_hz or _DEFAULT_FRAME_RATE_HZ
        self._frame_ticks = min(int(CLOCK_HZ / frame_rate_hz), CLOCK_HZ)

    def next(self, timestamp: int) -> PictureTime:
        """Return the times of the next picture in decoding order, from its RTP timestamp."""
        presentation = self._unwrap(timestamp)
        insort(self._latest, presentation)
        del self._latest[0]
        decoding = self._latest[-1 - self._depth]
        while decoding > presentation and self._depth < self._max_depth:
            self._depth += 1
            decoding = self._latest[-1 - self._depth]
        if self._last is not None:
            decoding = max(decoding, self._last.decoding)
        self._last = PictureTime(decoding, presentation)
        return self._last

    def _unwrap(self, timestamp: int) -> int:
        """Return the time that is nearest to the one before, which may be a little earlier."""
        if self._last is None:
            self._forget(timestamp)
            return timestamp
        step = (timestamp + self.shift - self._last.presentation) & TIMESTAMP_MASK
        if step > TIMESTAMP_MASK >> 1:
            step -= TIMESTAMP_MASK + 1
        presentation = self._last.presentation + step
        if presentation < self._last.decoding - MAX_STEP:
            following = self._latest[-1] + self._frame_ticks
            self.shift += following - presentation
            presentation = following
        elif step <= MAX_STEP:
            return presentation
        self._forget(presentation)
        return presentation

    def _forget(self, presentation: int) -> None:
        """Begin anew, as if pictures had come at the frame rate up to this one."""
        ticks = self._frame_ticks
        self._latest = [presentation - ticks * number for number in range(MAX_FRAMES + 1, 0, -1)]


def _to_ms(ticks: int) -> int:
    return (ticks + TICKS_PER_MS // 2) // TICKS_PER_MS
