"""Measures a stream of pictures: how many a second, and how many bits."""

from __future__ import annotations

_WINDOW_MS = 2000
_LARGEST_GAP_MS = 10_000


class StreamMeter:
    """Counts over windows of two seconds of the stream's own time, whose 32 bits of ms may wrap."""

    __slots__ = ("_begin_ms", "_bytes", "_pictures", "bit_rate_bps", "frame_rate_hz")

    def __init__(self) -> None:
        self.frame_rate_hz = 0.0
        """Of the last whole window; 0 before there was one."""
        self.bit_rate_bps = 0
        """Likewise."""
        self._begin_ms: int | None = None
        self._pictures = self._bytes = 0

    def push(self, timestamp_ms: int, size: int = 0) -> bool:
        """Count a picture of so many bytes; returns whether a window has ended with it."""
        elapsed_ms = 0 if self._begin_ms is None else elapsed(self._begin_ms, timestamp_ms)
        if self._begin_ms is None or not 0 <= elapsed_ms <= _LARGEST_GAP_MS:
            self._begin(timestamp_ms, size)
            return False
        if elapsed_ms < _WINDOW_MS:
            self._pictures += 1
            self._bytes += size
            return False
        self.frame_rate_hz = self._pictures * 1000 / elapsed_ms
        self.bit_rate_bps = self._bytes * 8000 // elapsed_ms
        self._begin(timestamp_ms, size)
        return True

    def _begin(self, timestamp_ms: int, size: int) -> None:
        self._begin_ms, self._pictures, self._bytes = timestamp_ms, 1, size


def elapsed(earlier_ms: int, later_ms: int) -> int:
    """Return the time between two times of 32 bits; negative if the later one comes first."""
    return (later_ms - earlier_ms + (1 << 31)) % (1 << 32) - (1 << 31)
