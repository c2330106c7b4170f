"""When the audio of an RTMP client is played, on the clock of the bridge. Time is an argument.

It is not always as long after it came: the queue to the bridge is longer after a client was late, and
shorter some seconds later, and what is invented in a gap moves all that follows. So this is told what goes
into the queue, and how far the queue is at each tick.

The clock of the bridge counts ticks. Each makes one RTP packet, so the timestamps of those count them as
well, however late a tick is.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from media_bridge.arrival_clock import ArrivalClock
from media_bridge.frames import FRAME_MS

_MAX_WAITING: Final = 512
"""Tags whose audio waits in the queue."""


class PlayoutClock:
    """Of one queue at `rate_hz`. A position is a sample's number among all that were pushed into it."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._waiting: deque[tuple[int, int]] = deque(maxlen=_MAX_WAITING)
        self._arrivals = ArrivalClock()
        self._begin_ms = 0.0
        self._played = 0
        self._offset_ms: float | None = None
        self._ticks = 0

    # -- what is told; ticks may come on another thread

    def note_push(self, position: int, timestamp_ms: int) -> None:
        """Note that the audio of a tag goes into the queue from this position on."""
        self._waiting.append((position, timestamp_ms))

    def note_tick(self, played: int, now_s: float) -> None:
        """Note that the bridge has taken a frame, and the position at which real audio has ended by then."""
        self._ticks += 1
        bridge_ms = self._ticks * FRAME_MS
        self._begin_ms = self._arrivals.place(bridge_ms, 1000 * now_s) - bridge_ms
        if played != self._played and self._waiting:  # else it was silence, or invented
            self._played = played
            self._offset_ms = bridge_ms + FRAME_MS - self._timestamp_ms(played)  # what follows is due next

    def count_ticks(self) -> int:
        """Return how many frames the bridge has taken, silence included."""
        return self._ticks

    # -- what comes of it, in ms on the bridge's clock

    def at(self, now_s: float) -> float:
        """Return what a moment of the clock of `note_tick` is there."""
        return 1000 * now_s - self._begin_ms

    def played_at(self, timestamp_ms: int) -> float | None:
        """Return when audio with this timestamp is played as long as the queue stays as it is.

        None before any was played.
        """
        return None if self._offset_ms is None else timestamp_ms + self._offset_ms

    def _timestamp_ms(self, position: int) -> float:
        waiting = self._waiting
        while len(waiting) > 1 and waiting[1][0] <= position:
            waiting.popleft()
        first, timestamp_ms = waiting[0]
        return timestamp_ms + 1000 * (position - first) / self._rate_hz
