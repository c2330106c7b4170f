"""Which packets are missing, since when, and when each is asked for again (RFC 4585 §6.2.1)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MAX_ASKED = 3
"""A packet is asked for so often, and no more."""

MAX_PER_NACK = 100
"""Packets that one NACK names: more are not lost one by one, and a key picture mends that better."""

_MIN_REPEAT_S = 0.02
_REPEAT_WITHOUT_ROUND_TRIP_S = 0.1


@dataclass(slots=True)
class _Missing:
    since_s: float
    ask_at_s: float
    asked: int = 0


class MissingPackets:
    """Extended sequence numbers in rising order.

    The first NACK waits as long as packets are known to overtake each other; each further one waits for a
    round trip and a half, in which the answer to the last should have come.
    """

    def __init__(self) -> None:
        self._missing: dict[int, _Missing] = {}
        # When the next one is asked for, or before: it is not raised by one that is found.
        self._ask_at_s = math.inf

    def __len__(self) -> int:
        return len(self._missing)

    def add(self, numbers: Iterable[int], now_s: float, reordering_s: float) -> None:
        """Note that these are missing, which are above all others."""
        if not self._missing:
            self._ask_at_s = math.inf
        for number in numbers:
            self._missing[number] = _Missing(now_s, now_s + reordering_s)
            self._ask_at_s = min(self._ask_at_s, now_s + reordering_s)

    def found(self, number: int) -> tuple[float, bool]:
        """Take one out: since when it was missing, and whether it was asked for. KeyError if it was not."""
        entry = self._missing.pop(number)
        return entry.since_s, entry.asked > 0

    def first_since_s(self) -> float:
        """Since when the lowest of them is missing; never, if none is."""
        return next((entry.since_s for entry in self._missing.values()), math.inf)

    def drop_first(self) -> tuple[int, float, bool]:
        """Give the lowest one up: its number, and what `found` returns."""
        number = next(iter(self._missing))
        return number, *self.found(number)

    def next_ask_s(self) -> float | None:
        """Return when to look what has to be asked for, None if there is nothing."""
        return self._ask_at_s if self._missing and self._ask_at_s < math.inf else None

    def take_due(self, now_s: float, round_trip_s: float | None) -> list[int]:
        """Return what is to be asked for now, and take it as asked for."""
        if now_s < self._ask_at_s:
            return []
        repeat_s = (
            _REPEAT_WITHOUT_ROUND_TRIP_S if round_trip_s is None else max(1.5 * round_trip_s, _MIN_REPEAT_S)
        )
        due: list[int] = []
        self._ask_at_s = math.inf
        for number, entry in self._missing.items():
            if entry.asked == MAX_ASKED:
                continue
            if entry.ask_at_s <= now_s and len(due) < MAX_PER_NACK:
                due.append(number)
                entry.asked += 1
                entry.ask_at_s = now_s + repeat_s if entry.asked < MAX_ASKED else math.inf
            self._ask_at_s = min(self._ask_at_s, entry.ask_at_s)
        return due
