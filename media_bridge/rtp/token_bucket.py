"""A token bucket. It reads no clock: time is an argument."""

from __future__ import annotations


class TokenBucket:
    """Allows `rate` units a second, and `burst` at once after a rest."""

    __slots__ = ("_at_s", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at_s = now_s

    def take(self, amount: float, now_s: float) -> bool:
        """Whether `amount` units may be used now; if so, they are."""
        if now_s > self._at_s:
            self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
            self._at_s = now_s
        if self._left < amount:
            return False
        self._left -= amount
        return True
