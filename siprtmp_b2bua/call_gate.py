"""Whether new calls and new clients are taken: not while those that there are would suffer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from .errors import CapacityError

RETRY_AFTER_S: Final = 10
"""When a caller that is refused may try again (RFC 3261 §20.33)."""
_STEP_S: Final = 0.25
_WINDOW: Final = 4
"""Steps that are remembered."""


class CallGate:
    """Watches how late the event loop is, counts calls, and knows whether the process is about to end.

    A loop that is later than `max_lag_s` is near to disturbing the calls it has; 0: it is not watched for
    that. `start` and `stop` it on the loop that it is to watch. There are `max_calls` at most; None: as many
    as pjsua2 can hold.
    """

    def __init__(self, max_lag_s: float, max_calls: int | None = None) -> None:
        self.is_draining = False
        self.calls = 0
        self.on_calls_changed: Callable[[], object] | None = None
        self._max_calls = max_calls
        self._shut_at: int | None = None
        """How many calls this process had when all had as many together as there may be."""
        self._max_lag_s = max_lag_s
        self._lags_s = [0.0] * _WINDOW
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0

    @property
    def lag_s(self) -> float:
        """By how much the loop was late in the last second, more than once."""
        return sorted(self._lags_s)[-2]

    @property
    def is_overloaded(self) -> bool:
        """Whether that is too much."""
        return 0 < self._max_lag_s < self.lag_s

    def check(self) -> None:
        """Raise `CapacityError` if nobody new is taken now."""
        if self.is_draining:
            raise CapacityError("this gateway takes no more calls: it is about to end")
        if self.is_overloaded:
            raise CapacityError("busy: this gateway is overloaded; try again later")
        if any(most is not None and self.calls >= most for most in (self._shut_at, self._max_calls)):
            raise CapacityError("busy: this gateway has as many calls as it may; try again later")

    def shut(self, is_shut: bool) -> None:
        """Hear from the supervisor whether all processes have as many calls together as there may be.

        If they have, a call of ours that ends leaves a place that is ours to fill, until it says otherwise.
        """
        self._shut_at = self.calls if is_shut else None

    def call_began(self) -> None:
        """Count a call."""
        self._count(1)

    def call_ended(self) -> None:
        """Count it no more."""
        self._count(-1)

    def _count(self, change: int) -> None:
        self.calls += change
        if self.on_calls_changed is not None:
            self.on_calls_changed()

    def start(self) -> None:
        """Begin to watch."""
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + _STEP_S
        self._timer = loop.call_at(self._due_s, self._tick, loop)

    def stop(self) -> None:
        """End that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.note_lag(loop.time() - self._due_s)
        self.start()

    def note_lag(self, lag_s: float) -> None:
        """Take a measurement into account for a second."""
        self._lags_s = [*self._lags_s[1:], max(lag_s, 0.0)]
