"""Where in a file a player can begin."""

from __future__ import annotations

from bisect import bisect_right


class SeekPoints:
    """Times (ms, rising) and the file positions of the tags there, at most `capacity` of them.

    When there would be more, every second one is given up, and from then on every second new one.
    """

    def __init__(self, capacity: int) -> None:
        self.times_ms: list[int] = []
        self.positions: list[int] = []
        self._capacity = max(capacity, 2)
        self._stride = 1
        self._seen = 0

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def is_complete(self) -> bool:
        """Whether none was given up."""
        return self._stride == 1

    def add(self, time_ms: int, position: int) -> None:
        """Note a tag to begin at. One that goes back in time is no place to look for."""
        if self.times_ms and time_ms < self.times_ms[-1]:
            return
        wanted = self._seen % self._stride == 0
        self._seen += 1
        if not wanted:
            return
        if len(self) == self._capacity:
            del self.times_ms[1::2]
            del self.positions[1::2]
            self._stride *= 2
            if (self._seen - 1) % self._stride:
                return
        self.times_ms.append(time_ms)
        self.positions.append(position)

    def cut(self, position: int) -> None:
        """Forget the points at a position and beyond."""
        while self.positions and self.positions[-1] >= position:
            self.positions.pop()
            self.times_ms.pop()

    def at_or_before(self, time_ms: float) -> tuple[int, int] | None:
        """Return time and position of the last point not after `time_ms`, or the first; None if empty."""
        if not self.times_ms:
            return None
        index = max(bisect_right(self.times_ms, time_ms) - 1, 0)
        return self.times_ms[index], self.positions[index]
