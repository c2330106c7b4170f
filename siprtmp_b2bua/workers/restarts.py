"""When a worker that died may be started again. Time is an argument."""

from __future__ import annotations

from typing import Final

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0
_STEADY_S: Final = 30.0
"""A worker that lived for so long may be replaced at once."""


class Restarts:
    """How long each number has to wait: each death in a row doubles it."""

    def __init__(self) -> None:
        self._started_s: dict[int, float] = {}
        self._next_wait_s: dict[int, float] = {}
        self._not_before_s: dict[int, float] = {}

    def may_start(self, number: int, now_s: float) -> bool:
        """Whether a worker of that number may be started now."""
        return self.wait_s(number, now_s) == 0

    def wait_s(self, number: int, now_s: float) -> float:
        """How long until then."""
        return max(self._not_before_s.get(number, now_s) - now_s, 0.0)

    def lived_s(self, number: int, now_s: float) -> float:
        """How long its worker has lived."""
        return now_s - self._started_s.get(number, now_s)

    def is_steady(self, number: int, now_s: float) -> bool:
        """Whether that is long."""
        return self.lived_s(number, now_s) >= _STEADY_S

    def started(self, number: int, now_s: float) -> None:
        """Note a start."""
        self._started_s[number] = now_s

    def ended(self, number: int) -> None:
        """Note that a worker has ended, for no fault of its own."""
        self._started_s.pop(number, None)

    def failed(self, number: int, now_s: float) -> None:
        """Note that a worker has died, or could not start."""
        wait_s = 0.0 if self.is_steady(number, now_s) else self._next_wait_s.get(number, 0.0)
        self._not_before_s[number] = now_s + wait_s
        self._next_wait_s[number] = min(max(2 * wait_s, _FIRST_S), _LONGEST_S)
        self.ended(number)

    def forget(self, number: int) -> None:
        """Have it wait no longer than one that has never failed."""
        self._not_before_s.pop(number, None)
        self._next_wait_s.pop(number, None)
