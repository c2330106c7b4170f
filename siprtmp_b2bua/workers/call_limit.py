"""How many calls all workers may have together."""

from __future__ import annotations

from collections.abc import Collection

from . import commands
from .handle import WorkerHandle


class CallLimit:
    """Tells workers when no more calls are to be taken, and when they are again."""

    def __init__(self) -> None:
        self._told: set[int] = set()
        """The serials of those that know that no more are."""

    def update(self, workers: Collection[WorkerHandle], most: int | None) -> None:
        """Tell those who do not know it yet; None: there may be as many as the workers can hold."""
        self._told.intersection_update(worker.serial for worker in workers)
        for worker in list(workers):
            # Anew for each: one that cannot be told is found to be dead, with its calls, and is here no more.
            is_full = most is not None and sum(each.calls for each in workers) >= most
            if worker.takes_clients and (worker.serial in self._told) != is_full:
                self._told ^= {worker.serial}
                worker.tell(commands.TakeNoCalls(is_full))
