"""Which worker keeps which accounts of the configuration registered."""

from __future__ import annotations

from collections.abc import Collection

from ..config import GatewayConfig
from ..errors import ConfigurationError
from ..room import lines_of_process


class AccountPlan:
    """By the numbers of workers: one that replaces another has its accounts."""

    def __init__(self) -> None:
        self._unassigned: list[str] = []
        self._assigned: dict[int, tuple[str, ...]] = {}

    @property
    def unassigned(self) -> frozenset[str]:
        """The accounts that have no worker yet, in lower case."""
        return frozenset(aor.lower() for aor in self._unassigned)

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


def check_accounts(config: GatewayConfig, max_workers: int) -> None:
    """Raise `ConfigurationError` unless so many workers can keep all accounts registered."""
    accounts, lines = len(config.standing_aors), lines_of_process(config)
    if accounts > max_workers * lines:
        raise ConfigurationError(
            f"{accounts} accounts are to be kept registered, and {max_workers} workers can keep "
            f"{max_workers * lines}, one for each line: choose more --max-workers, or "
            "keep_registered = false for some of the accounts"
        )
