"""How many of something there may be, in all and for each address."""

from __future__ import annotations

from collections import Counter

from rtmp.aio.live.requests import Refused


class Quota:
    """Counts what addresses hold; "" is an address that is counted in all only."""

    def __init__(self, what: str, in_all: int, per_address: int) -> None:
        self._what = what
        self._in_all = in_all
        self._per_address = per_address
        self._count = 0
        self._held: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Raise Refused if one more would be too many."""
        if self._count >= self._in_all:
            raise Refused(f"there are {self._in_all} {self._what} already")
        if address and self._held[address] >= self._per_address:
            raise Refused(f"there are {self._per_address} {self._what} of your address already")

    def take(self, address: str) -> None:
        """Count one more. Raises Refused if that is too many."""
        self.check(address)
        self.add(address)

    def add(self, address: str) -> None:
        """Count one more, be it too many or not."""
        self._count += 1
        self._held[address] += 1

    def give_back(self, address: str) -> None:
        """Count one less."""
        self._count -= 1
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]
