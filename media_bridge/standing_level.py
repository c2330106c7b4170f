"""When does a queue hold more than it needs?

After each pop, the bytes left in the queue are its level. The smallest level over a while is audio that
was never needed in that while: the *standing level*, pure delay. Levels come once a tick and need no
clock; a tick is one frame time.

Small surplus is watched for long and taken away only where nobody hears it; large surplus goes soon. When
an underrun shows that a reduction was wrong, all waits double: the queue has learned that its sender is
late now and then.
"""

from collections import deque
from dataclasses import dataclass

PERIOD_TICKS = 25
"""Levels are summed up in periods of 0.5 s."""

LARGE_PERIODS, MEDIUM_PERIODS, SMALL_PERIODS = 1, 4, 8
"""How long a large (over 5 frames), medium (over 1 frame) and small (1 frame) surplus must stand: 0.5, 2,
4 s. One late frame in a minute should not cost a frame time of delay for the rest of it; a sender that is
late more often soon has patience doubled against it.
"""

LARGE_FRAMES = 5
MAX_PATIENCE = 16
_MAX_PERIODS = 160
BLAME_PERIODS = 120
"""An underrun within a minute of a reduction is blamed on it."""
CALM_PERIODS = 240
"""After two minutes without underruns, patience halves."""

_NO_LEVEL = 1 << 30


@dataclass(frozen=True, slots=True)
class Surplus:
    """`size` bytes the queue could do without; `audible` if they are worth a cut in the middle of sound."""

    size: int
    audible: bool


class StandingLevel:
    """Watches the level of one queue whose reader takes `frame_bytes` a tick."""

    __slots__ = (
        "_calm",
        "_frame",
        "_high",
        "_low",
        "_lows",
        "_patience",
        "_reserve",
        "_since_cut",
        "_swings",
        "_ticks",
    )

    def __init__(self, frame_bytes: int) -> None:
        self._frame = frame_bytes
        # A quarter of a frame stays: it lets a push be so much later than the earliest one without a gap.
        self._reserve = frame_bytes // 8 * 2
        self._lows: deque[int] = deque(maxlen=_MAX_PERIODS)
        self._swings: deque[int] = deque(maxlen=MEDIUM_PERIODS * 2)
        self._patience = 1
        self._calm = 0
        self._since_cut = BLAME_PERIODS
        self._ticks = PERIOD_TICKS
        self._low, self._high = _NO_LEVEL, 0

    @property
    def swing(self) -> int:
        """How far, in bytes, arrivals made the level go up and down within a period lately: the jitter."""
        return max(self._swings, default=0)

    @property
    def standing(self) -> int:
        """The smallest level of the last whole period, in bytes."""
        return self._lows[-1] if self._lows else 0

    def observe(self, level: int) -> Surplus | None:
        """Note the level left by a pop; once a period, says what is too much."""
        if level < self._low:  # noqa: PLR1730 - a call of min costs more, every tick
            self._low = level
        if level > self._high:  # noqa: PLR1730
            self._high = level
        self._ticks -= 1
        return None if self._ticks else self._end_period()

    def note_underrun(self) -> None:
        """Late data came after the queue had run dry. Levels from before say nothing any more."""
        if self._since_cut < BLAME_PERIODS:
            self._patience = min(self._patience * 2, MAX_PATIENCE)
            self._since_cut = BLAME_PERIODS
        self._calm = 0
        self.restart()

    def note_cut(self) -> None:
        """A surplus was taken away."""
        self._since_cut = 0
        self.restart()

    def restart(self) -> None:
        """Forget the levels, keep what was learned about jitter."""
        self._lows.clear()
        self._start_period()

    def _start_period(self) -> None:
        self._ticks = PERIOD_TICKS
        self._low, self._high = _NO_LEVEL, 0

    def _end_period(self) -> Surplus | None:
        self._lows.append(self._low)
        self._swings.append(self._high - self._low)
        self._start_period()
        self._since_cut += 1
        self._calm += 1
        if self._calm >= CALM_PERIODS:
            self._calm = 0
            self._patience = max(1, self._patience // 2)
        return self._surplus()

    def _surplus(self) -> Surplus | None:
        large = self._low_over(LARGE_PERIODS)
        if large > LARGE_FRAMES * self._frame:
            return Surplus(large - self._frame, audible=True)
        medium = self._low_over(MEDIUM_PERIODS)
        if medium > self._frame:
            return Surplus(medium - self._reserve, audible=True)
        small = self._low_over(SMALL_PERIODS)
        if small >= self._frame:
            return Surplus(small - self._reserve, audible=False)
        return None

    def _low_over(self, periods: int) -> int:
        """The smallest level over the last `periods` × patience; 0 if they are not over yet."""
        periods = min(periods * self._patience, _MAX_PERIODS)
        if len(self._lows) < periods:
            return 0
        return min(self._lows[index] for index in range(-periods, 0))
