"""How far a stream's timestamps leave the clock by which its messages arrive, over minutes and hours."""

from __future__ import annotations

from typing import Final

_WINDOW_S: Final = 10.0
_LEAST_MESSAGES: Final = 50
"""In a window: of fewer the quickest may have been late, too."""


class TimestampDrift:
    """Of one stream. A message can be late but never early, so the quickest of each ten seconds count."""

    def __init__(self) -> None:
        self._begun_s = 0.0
        self._window_end_s: float | None = None
        self._late_ms: list[float] = []
        self._first_ms: float | None = None
        self._worst_ms: float | None = None
        self._seconds = 0.0

    def note(self, timestamp_ms: int, arrived_s: float) -> None:
        """Take a message: its timestamp, and when it came by a clock that never jumps."""
        if self._window_end_s is None:
            self._begun_s, self._window_end_s = arrived_s, arrived_s + _WINDOW_S
        elif arrived_s >= self._window_end_s:
            self._end_window()
            self._seconds = arrived_s - self._begun_s
            self._window_end_s = arrived_s + _WINDOW_S
        self._late_ms.append(arrived_s * 1000 - timestamp_ms)

    def is_within(self, limit_ms: float) -> bool:
        """Whether it has been measured, and is no more than this."""
        return self._worst_ms is not None and self._worst_ms <= limit_ms

    def _end_window(self) -> None:
        if len(self._late_ms) >= _LEAST_MESSAGES:
            quickest_ms = min(self._late_ms)
            if self._first_ms is None:
                self._first_ms = quickest_ms
            else:
                self._worst_ms = max(self._worst_ms or 0.0, abs(quickest_ms - self._first_ms))
        self._late_ms.clear()

    def __str__(self) -> str:
        if self._worst_ms is None:
            return "too few to say how far they drift"
        return f"{self._worst_ms:.1f} ms from the clock at most, in {self._seconds:.0f} s"
