"""How far the player of a recording has come, if it plays without a stop what it gets."""

from __future__ import annotations


class PlayClock:
    """A position (ms) that moves with the time (s), which is an argument, or stands still, as at first."""

    def __init__(self) -> None:
        self._position_ms = 0.0
        self._running_since_s: float | None = None

    def position_ms(self, now_s: float) -> float:
        """Return the position."""
        if self._running_since_s is None:
            return self._position_ms
        return self._position_ms + (now_s - self._running_since_s) * 1000

    def move(self, position_ms: float, now_s: float) -> None:
        """Go elsewhere, running or standing as before."""
        self._position_ms = position_ms
        if self._running_since_s is not None:
            self._running_since_s = now_s

    def run(self, now_s: float) -> None:
        """Move from now on."""
        self._position_ms = self.position_ms(now_s)
        self._running_since_s = now_s

    def stand(self, now_s: float) -> None:
        """Stand still."""
        self._position_ms = self.position_ms(now_s)
        self._running_since_s = None
