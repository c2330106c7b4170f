"""Callers who know the gateway's SIP port reach the first worker, which has to know who is where else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import commands
from .handle import WorkerHandle
from .roster import Member

_FIRST: Final = 1


class Signpost:
    """Tells the first worker which users have their lines at which other worker's SIP port."""

    def __init__(self) -> None:
        self._first: WorkerHandle | None = None
        self._told: dict[str, int] = {}

    def update(self, workers: Mapping[int, WorkerHandle]) -> None:
        """Tell it what has changed; one that is new, or has not heard of anything, all there is."""
        first = workers.get(_FIRST)
        if first is None or not first.sip_port:
            return
        if first is not self._first:
            self._first, self._told = first, {}
        others = (worker for worker in workers.values() if worker is not first and worker.sip_port)
        there = {user: worker.sip_port for worker in others for user in _users(worker.member)}
        for user in self._told.keys() - there:
            first.tell(commands.Redirect(user, 0))
        for user, sip_port in there.items() - self._told.items():
            first.tell(commands.Redirect(user, sip_port))
        self._told = there


def _users(member: Member) -> set[str]:
    """Return the user names of those that it registers."""
    aors = member.standing.union(aor for aor in member.clients.values() if aor is not None)
    return {aor.partition("@")[0] for aor in aors}
