"""Spreads the packets of a large picture over some milliseconds.

A key picture of 200 kB is 170 packets. Sent in one go they are 390 kB in a receiver's socket buffer as Linux
counts it, where 208 kB is the default: about half of them would be gone if the receiver is not waiting. Some
at a time, every few milliseconds, they pass, even if the receiver is slow or looks away for a moment, and
switches and radio links on the way queue less. A picture of up to a burst, as nearly all are, is not delayed
at all; a larger queue goes out faster, so that no packet waits longer than about `MAX_DELAY_S`.
"""

from __future__ import annotations

import math
from collections import deque

BURST_PACKETS = 16
"""What goes out at once when nothing waits."""
TURN_PACKETS = 8
"""What follows every `INTERVAL_S`, at least: 15 Mb/s."""
INTERVAL_S = 0.005
MAX_DELAY_S = 0.1
MAX_QUEUED = 4096
"""Packets that wait; what comes when so many do is dropped."""

_TURNS = MAX_DELAY_S / INTERVAL_S


class Pacer:
    """Packets on their way to the socket, in order."""

    def __init__(self) -> None:
        self._queue: deque[bytes] = deque()
        self._turn_ends_s = 0.0
        self._per_turn = TURN_PACKETS
        self._is_idle = True
        self._left = 0

    def push(self, data: bytes) -> bool:
        """Append a packet; returns False if it is dropped because too many wait."""
        if len(self._queue) == MAX_QUEUED:
            return False
        self._queue.append(data)
        return True

    def take(self, now_s: float) -> list[bytes]:
        """Return what is to be sent now."""
        queue = self._queue
        if now_s >= self._turn_ends_s:
            self._turn_ends_s = now_s + INTERVAL_S
            self._per_turn = max(self._per_turn, math.ceil(len(queue) / _TURNS))
            self._left = max(self._per_turn, BURST_PACKETS) if self._is_idle else self._per_turn
        count = min(self._left, len(queue))
        self._left -= count
        taken = [queue.popleft() for _ in range(count)]
        self._is_idle = not queue
        if self._is_idle:
            self._per_turn = TURN_PACKETS
        return taken

    def next_deadline_s(self) -> float | None:
        """Return when `take` has more, None if nothing waits."""
        return self._turn_ends_s if self._queue else None

    def clear(self) -> None:
        """Drop what waits, without counting it."""
        self._queue.clear()
