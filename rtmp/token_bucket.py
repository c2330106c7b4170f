"""A token bucket that need not be asked each time. It reads no clock: time is an argument."""

from __future__ import annotations

import math


class TokenBucket:
    """Allows `rate` units a second, and `burst` units at once after a rest; a rate of 0 allows everything.

    The user keeps a running total of what it has used. As long as the total is not above `mark` there is
    nothing to ask, which is all that the ordinary path pays; above it, `wait` says how long to rest. What was
    saved up is counted only then, so that up to two bursts may pass at once.
    """

    __slots__ = ("_at_s", "_burst", "_rate", "mark")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._at_s = now_s
        self.mark = burst if rate else math.inf

    def wait(self, total: float, now_s: float) -> float:
        """Return the seconds to wait before more may be used, 0.0 if there is nothing to wait for."""
        if not self._rate:
            return 0.0
        left = min(self._burst, self.mark - total + self._rate * max(now_s - self._at_s, 0.0))
        self._at_s = now_s
        self.mark = total + left
        return max(-left / self._rate, 0.0)
