"""Where one play of a playlist ends and the next begins. Time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_GAP_MS: Final = 40
"""From the last frame to the first of what follows: about a frame, whose length nobody knows."""


@dataclass(frozen=True, slots=True)
class PlayEnd:
    """The time in the stream (ms) at which what follows begins.

    At `at_s` the client had still to play `ahead_ms` of what it was sent before.
    """

    time_ms: int = 0
    ahead_ms: float = 0.0
    at_s: float = 0.0

    @classmethod
    def after(cls, last_ms: int, ahead_ms: float = 0.0, at_s: float = 0.0) -> PlayEnd:
        """Return the end of what has its last frame at a time of the stream."""
        return cls(last_ms + _GAP_MS, ahead_ms, at_s)

    def left_ms(self, now_s: float) -> float:
        """Return how much it has still to play now."""
        return max(self.ahead_ms - (now_s - self.at_s) * 1000, 0.0)


START_OF_STREAM = PlayEnd()
"""Nothing was before."""
