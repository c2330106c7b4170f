"""Which worker keeps which accounts of the configuration registered."""

from __future__ import annotations

from collections.abc import Collection


class AccountPlan:
    """By the numbers of workers: one that replaces another has its accounts."""

    def __init__(self) -> None:
        self._unassigned: list[str] = []
        self._assigned: dict[int, tuple[str, ...]] = {}

    @property
    def is_done(self) -> bool:
        """Whether every account has a worker."""
        return not self._unassigned

    def begin(self, aors: Collection[str]) -> None:
        """Forget who has what; these accounts are to be kept from now on."""
        self._unassigned = list(aors)
        self._assigned.clear()

    def of(self, number: int) -> tuple[str, ...]:
        """What a worker has."""
        return self._assigned.get(number, ())

    def assign(self, number: int, count: int) -> tuple[str, ...]:
        """Give a worker what it has not yet been given, up to so many accounts; return what it has."""
        if number not in self._assigned and self._unassigned:
            self._assigned[number] = tuple(self._unassigned[:count])
            del self._unassigned[:count]
        return self.of(number)
