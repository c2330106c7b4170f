"""The largest of what was seen lately. It reads no clock: time is an argument."""

from __future__ import annotations

import math

_HALF_LIFE_S = 5.0


class DecayingPeak:
    """The largest of some values, of which an old one counts less: half after some seconds."""

    __slots__ = ("_at_s", "_peak")

    def __init__(self) -> None:
        self._peak = 0.0
        self._at_s = 0.0

    def note(self, value: float, now_s: float) -> None:
        """Take a value in."""
        self._peak = max(value, self.value(now_s))
        self._at_s = now_s

    def value(self, now_s: float) -> float:
        """Return what is left of the largest."""
        return self._peak * math.exp2((self._at_s - now_s) / _HALF_LIFE_S)
