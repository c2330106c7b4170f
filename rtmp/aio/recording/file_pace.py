"""How fast one connection is served with files, whichever of its streams plays them."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from rtmp.admission import SharedBudget
from rtmp.aio.server import ServerConnection


class FilePace:
    """Bytes that are read of files for one connection: of its own budget, and of those that it shares.

    They count when they are read, so that one who seeks again and again pays for what is not sent, too.
    """

    def __init__(self, budgets: tuple[SharedBudget, ...]) -> None:
        self._budgets = budgets

    @classmethod
    def of(cls, connection: ServerConnection, now_s: float) -> FilePace:
        """Return that of a connection: it outlives what plays, so that playing anew earns nothing."""
        pace = _paces.get(connection)
        if pace is None:
            limits = connection.session.limits
            own = SharedBudget(limits.max_file_bytes_per_second, limits.rate_burst_s, now_s)
            pace = _paces[connection] = cls((own, *connection.file_budgets))
        return pace

    def spend(self, size: int, now_s: float) -> float:
        """Note that so many bytes were read; return the seconds to read nothing."""
        return max(budget.spend(size, now_s) for budget in self._budgets)


_paces: Final[WeakKeyDictionary[ServerConnection, FilePace]] = WeakKeyDictionary()
