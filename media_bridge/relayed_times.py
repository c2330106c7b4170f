"""The times of a stream that is passed on, on the stream that a client plays. No clock is read here.

The sender's steps from message to message are kept, as its sound and pictures go by them. Where its times
jump (it has begun anew, or another takes its place) they go on from the present of the stream played.
"""

from __future__ import annotations

from typing import Final

_MAX_BACK_MS: Final = 1000
"""How far sound and pictures of a sender may be apart; further back, it has begun anew."""
_MAX_AHEAD_MS: Final = 2000
"""How far a step may be longer than the wait for it."""
_HALF: Final = 1 << 31


class RelayedTimes:
    """Places the times of one sender, 32 bits of ms that may wrap around. What it returns never goes back."""

    def __init__(self) -> None:
        self.last_ms = 0
        """The time returned last."""
        self._source_ms: int | None = None
        self._now_ms = 0
        self._time_ms = 0

    def restart(self) -> None:
        """Note that the next message is of another stream, with times of its own."""
        self._source_ms = None

    def place(self, source_ms: int, now_ms: int) -> int:
        """Return the time of a message; `now_ms` is the present of the stream played."""
        step_ms = 0 if self._source_ms is None else _signed(source_ms - self._source_ms)
        is_jump = not -_MAX_BACK_MS <= step_ms <= now_ms - self._now_ms + _MAX_AHEAD_MS
        if self._source_ms is None or is_jump:
            self._time_ms = now_ms
        else:
            self._time_ms += step_ms
        self._source_ms, self._now_ms = source_ms, now_ms
        self.last_ms = max(self.last_ms, self._time_ms)
        return self.last_ms


def _signed(difference: int) -> int:
    return (difference + _HALF) % (2 * _HALF) - _HALF
