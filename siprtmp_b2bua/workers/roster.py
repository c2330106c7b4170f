"""Which worker gets a client. No I/O, no clock but the time that is passed in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..errors import CapacityError


@dataclass(slots=True, eq=False)
class Member:
    """A worker, as far as it can take clients."""

    number: int
    lines: int = 0
    """How many clients it may have; 0 until it has started."""
    is_open: bool = True
    """Whether it may get new clients: it is not about to end."""
    is_overloaded: bool = False
    clients: dict[int, str | None] = field(default_factory=dict)
    """By connection: its address of record, None if it has none to share."""
    standing: frozenset[str] = frozenset()
    """The addresses of the configuration that it keeps registered, in lower case."""

    @property
    def free_lines(self) -> int:
        """How many more clients it can take, beside those of the addresses that it registers.

        Each of those has a line kept until it has a client: its account is here and nowhere else.
        """
        free = self.lines - len(self.clients) if self.is_open else 0
        if free > 0 and self.standing:
            free -= len(self.standing.difference(self.clients.values()))
        return max(free, 0)

    def has(self, aor: str) -> bool:
        """Whether it has a client of that address, or registers it."""
        return aor in self.standing or self.has_client(aor)

    def has_client(self, aor: str) -> bool:
        """Whether it has a client of that address."""
        return aor in self.clients.values()


class Roster:
    """The workers that there are, and who has whose connections."""

    def __init__(self) -> None:
        self.members: set[Member] = set()

    @property
    def free_lines(self) -> int:
        """How many clients the workers can still take, those that are starting not counted."""
        return sum(member.free_lines for member in self.members)

    def lines_missing(self, lines: int, waiting: Collection[str | None], unassigned: Collection[str]) -> int:
        """How many lines there are too few; below 0: how many more than are wanted.

        A worker has `lines`. Wanted are those of the clients that wait and of the addresses that no worker
        registers yet, and half a worker's as a reserve. Workers that are starting count as if they had; a
        client that waits for the line that is kept for its address needs no other.
        """
        coming = sum(max(lines - len(member.standing), 0) for member in self._open if not member.lines)
        kept = frozenset(unassigned).union(*(member.standing for member in self._open))
        homeless = sum(aor not in kept for aor in waiting)
        return homeless + len(unassigned) + lines // 2 - coming - self.free_lines

    def is_relief_coming(self, aor: str | None) -> bool:
        """Whether a worker that is starting should get this client: the others are half full or overloaded.

        Clients that come all at once, as after a restart, would be given to those, and not be shared out.
        """
        if self._holder(aor) is not None:
            return False
        calm = (member for member in self._open if not member.is_overloaded)
        has_room = any(member.free_lines > member.lines // 2 for member in calm)
        return not has_room and any(not member.lines for member in self._open)

    def find(self, aor: str | None) -> Member | None:
        """Return who is to take a client of an address: who has it, or else the least loaded.

        None: whoever it will be has not started yet. Raises `CapacityError` if the client has to be
        refused.
        """
        holder = self._holder(aor)
        if holder is not None:
            return holder if holder.lines else None
        free = [member for member in self._open if member.free_lines]
        calm = [member for member in free if not member.is_overloaded]
        if free and not calm:
            raise CapacityError("busy: this gateway is overloaded; try again later")
        return min(calm, key=lambda member: (-member.free_lines, member.number), default=None)

    @property
    def _open(self) -> list[Member]:
        return [member for member in self.members if member.is_open]

    def _holder(self, aor: str | None) -> Member | None:
        """Return who has an address already."""
        return next((member for member in self._open if aor is not None and member.has(aor)), None)
