"""When something was due, from when it arrives. Time is an argument: no clock is read here."""

from __future__ import annotations

from typing import Final

_WINDOW_MS: Final = 4000.0
"""How long an arrival counts: the least delayed of the last one to two windows is the one on time."""
_SLEW_MS: Final = 1.0
_SLEW_SHARE: Final = 1 / 8
"""How far the mapping moves with one arrival, at least, and of what is left: it must follow a drifting clock,
and nobody should see it; but what came first has often waited for somebody to listen.
"""
_MAX_ERROR_MS: Final = 400.0
"""Beyond this it jumps: the source has paused, or has begun anew."""


class ArrivalClock:
    """Maps the times of a source, in ms, to those of ours.

    Every arrival is late by some queueing, the least late by least. So the smallest difference between
    arrival and source time counts, in a window that slides, and the mapping follows it slowly.
    """

    def __init__(self) -> None:
        self._offset_ms: float | None = None
        self._least_ms = self._least_before_ms = 0.0
        self._window_end_ms = 0.0

    def place(self, source_ms: float, now_ms: float) -> float:
        """Return the time of ours at which something with this time of the source was due, seen now."""
        late_ms = now_ms - source_ms
        if self._offset_ms is None or abs(late_ms - self._offset_ms) > _MAX_ERROR_MS:
            self._begin(late_ms, now_ms)
        elif now_ms >= self._window_end_ms:
            self._least_before_ms, self._least_ms = self._least_ms, late_ms
            self._window_end_ms = now_ms + _WINDOW_MS
        elif late_ms < self._least_ms:
            self._least_ms = late_ms
        return source_ms + self._follow()

    def _begin(self, late_ms: float, now_ms: float) -> None:
        self._offset_ms = self._least_ms = self._least_before_ms = late_ms
        self._window_end_ms = now_ms + _WINDOW_MS

    def _follow(self) -> float:
        assert self._offset_ms is not None
        least_ms, before_ms = self._least_ms, self._least_before_ms
        error_ms = (before_ms if before_ms < least_ms else least_ms) - self._offset_ms
        if -_SLEW_MS <= error_ms <= _SLEW_MS:  # as a rule
            self._offset_ms += error_ms
            return self._offset_ms
        step_ms = max(_SLEW_MS, abs(error_ms) * _SLEW_SHARE)
        self._offset_ms += max(-step_ms, min(step_ms, error_ms))
        return self._offset_ms
