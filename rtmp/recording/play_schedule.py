"""When which part of a recording is due to be sent. Time is an argument."""

from __future__ import annotations

from typing import Final

from rtmp.recording.play_clock import PlayClock
from rtmp.recording.play_end import PlayEnd

_FOREVER: Final = float("inf")
_MIN_BUFFER_MS: Final = 100


class PlaySchedule:
    """How far a client has come, how much it is sent ahead of that, and where it stops.

    Positions are times of the file (ms); `now_s` is the clock's. A `buffer_ms` of infinity sends all at once.
    """

    def __init__(self, end_ms: float, buffer_ms: float, max_buffer_ms: float) -> None:
        self.end_ms = end_ms
        self.buffer_ms = buffer_ms
        self.begun_ms: int | None = None
        """Where it began, or went to last; None before it has begun."""
        self._max_buffer_ms = max_buffer_ms
        self._clock = PlayClock()

    def set_buffer(self, length_ms: float) -> None:
        """Heed how much the client wants to be sent ahead."""
        if self.buffer_ms != _FOREVER:
            self.buffer_ms = min(max(length_ms, _MIN_BUFFER_MS), self._max_buffer_ms)

    def begin(self, time_ms: int, after: PlayEnd, now_s: float) -> None:
        """Have the client play from here on, once it has played what is left of what was before."""
        self.begun_ms = time_ms
        self._clock.move(time_ms - after.left_ms(now_s), now_s)

    def run(self, now_s: float) -> None:
        """Let it play."""
        self._clock.run(now_s)

    def stand(self, sent_ms: int, now_s: float) -> None:
        """Let it pause; one whose buffer ran dry has waited at what it was sent."""
        self._clock.stand(now_s)
        self._clock.move(min(self._clock.position_ms(now_s), sent_ms), now_s)

    def go_to(self, position_ms: float, now_s: float) -> None:
        """Note that it is elsewhere."""
        self._clock.move(position_ms, now_s)

    def ahead_ms(self, sent_ms: int, now_s: float) -> float:
        """Return how much of what it was sent it has still to play."""
        return max(sent_ms - self._clock.position_ms(now_s), 0.0)

    def until_ms(self, now_s: float) -> float:
        """Return up to where it may be sent now."""
        return min(self._clock.position_ms(now_s) + self.buffer_ms, self.end_ms)

    def wait_s(self, time_ms: int, now_s: float) -> float:
        """Return how long what has this time has to wait."""
        return (time_ms - self.buffer_ms - self._clock.position_ms(now_s)) / 1000
