"""How often something may happen. Time is an argument: no clock is read here."""

from __future__ import annotations

from collections import deque


class RateLimit:
    """At most `count` events in any `window_s` seconds."""

    def __init__(self, count: int, window_s: float) -> None:
        self._count = count
        self._window_s = window_s
        self._times: deque[float] = deque()

    def take(self, now_s: float, events: int = 1) -> bool:
        """Whether `events` more are allowed now; if so, they count."""
        if self.recent(now_s) + events > self._count:
            return False
        self._times.extend([now_s] * events)
        return True

    def recent(self, now_s: float) -> int:
        """Return how many events of the last `window_s` seconds count."""
        while self._times and self._times[0] <= now_s - self._window_s:
            self._times.popleft()
        return len(self._times)
