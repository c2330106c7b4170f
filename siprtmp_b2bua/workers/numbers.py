"""Which number a worker that is started gets, and when one may be started. Time is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final

from .restarts import Restarts

_CREW: Final = 0
"""All numbers, which count from 1, together: in `Restarts`."""
_MANY: Final = 3
"""If the workers of so many numbers die one after the other, it is not for the port of one of them."""
_PACE_S: Final = 1.0
"""If they do, they are started one at a time: how long after another."""


class Numbers:
    """Each number has to wait if its workers die, and all have to if any worker that is started dies.

    Say that a library is broken. Number 1 dies young and is started again at once; so is what else is started
    for who waits: 2 and 3 die as well. That makes a row of three numbers. From then on one worker is started
    at a time, and each that dies young makes all of them wait for twice as long as the one before, up to half
    a minute. One that lives that long, or dies only then, ends the row. If but the port of number 1 is taken,
    2 and 3 live, there is no row, and 1 alone waits.
    """

    def __init__(self) -> None:
        self.dead: set[int] = set()
        """Those whose workers have died and are to be replaced."""
        self._restarts = Restarts()
        self._failed_s: dict[int, float] = {}
        """Whose workers died young, in a row, and when they last did: the first, and who was started then."""
        self._tried: set[int] = set()
        """Those whose workers were started after the first of those deaths, and live."""
        self._counted_s = 0.0
        """When a death last made all wait. What was started before that, and dies too, tells nothing new."""

    def first(self, candidates: Iterable[int], now_s: float) -> int | None:
        """Which of these is to be started before the others, None if none may be."""
        able = (number for number in candidates if self.may_start(number, now_s))
        return min(able, key=lambda number: self._rank(number, now_s), default=None)

    def may_start(self, number: int, now_s: float) -> bool:
        """Whether a worker of that number may be started now."""
        if self._are_many(now_s) and any(self._restarts.lived_s(n, now_s) < _PACE_S for n in self._tried):
            return False
        return all(self._restarts.may_start(key, now_s) for key in (_CREW, number))

    def started(self, number: int, now_s: float) -> None:
        """Note a start."""
        self.dead.discard(number)
        self._restarts.started(number, now_s)
        if self._failed_s:
            self._tried.add(number)

    def died(self, number: int, now_s: float) -> None:
        """Note that a worker has died, and has to be replaced."""
        self.dead.add(number)
        self.failed(number, now_s)

    def failed(self, number: int, now_s: float) -> None:
        """Note that a worker has died, or could not be started."""
        is_steady = self._restarts.is_steady(number, now_s)
        if is_steady or self._is_over(now_s):
            self.begin_anew()
        if number in self._tried:
            self._failed_s[number] = now_s
            began_s = now_s - self._restarts.lived_s(number, now_s)
            if self._are_many(now_s) and began_s >= self._counted_s:
                self._restarts.failed(_CREW, now_s)
                self._counted_s = now_s
        elif not (is_steady or self._failed_s):
            self._failed_s[number] = now_s
        self._tried.discard(number)
        self._restarts.failed(number, now_s)

    def ended(self, number: int, now_s: float) -> None:
        """Note that a worker has ended as it was told to."""
        if number in self._tried and self._restarts.is_steady(number, now_s):
            self.begin_anew()
        self._tried.discard(number)
        self._restarts.ended(number)

    def begin_anew(self) -> None:
        """Forget how many have died one after the other: what they died of may be over."""
        self._failed_s.clear()
        self._tried.clear()
        self._restarts.forget(_CREW)

    def _is_over(self, now_s: float) -> bool:
        return any(self._restarts.is_steady(number, now_s) for number in self._tried)

    def _are_many(self, now_s: float) -> bool:
        return len(self._failed_s) >= _MANY and not self._is_over(now_s)

    def _rank(self, number: int, now_s: float) -> tuple[float, bool, int]:
        """Those that have died come first, as they may have accounts to register; unless they are many.

        Then they take turns, after those that have not failed: however many fail, others may not.
        """
        failed_s = self._failed_s.get(number, -inf) if self._are_many(now_s) else -inf
        return failed_s, number not in self.dead, number
