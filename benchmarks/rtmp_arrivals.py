"""What came of the numbered messages of one publisher at one player."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(slots=True)
class LatencyLog:
    """Times from sending to receiving, in ns, of messages sent at `since_ns` or later, of all players."""

    since_ns: int = 1 << 62
    values_ns: array[int] = field(default_factory=lambda: array("q"))

    def note(self, sent_ns: int, received_ns: int) -> None:
        """Take one message."""
        if sent_ns >= self.since_ns:
            self.values_ns.append(received_ns - sent_ns)


class Arrivals:
    """Tells from their numbers which messages are missing, came twice, or came after a later one."""

    __slots__ = ("_missing", "_next", "duplicated", "out_of_order")

    def __init__(self) -> None:
        self._next = 0
        self._missing: set[int] = set()
        self.duplicated = 0
        self.out_of_order = 0

    def note(self, number: int) -> None:
        """Take the number of a message; they begin at 0."""
        if number == self._next:
            self._next += 1
        elif number > self._next:
            self._missing.update(range(self._next, number))
            self._next = number + 1
        elif number in self._missing:
            self._missing.remove(number)
            self.out_of_order += 1
        else:
            self.duplicated += 1

    def lost(self, sent: int) -> int:
        """How many of so many messages have not come."""
        return len(self._missing) + sent - self._next
