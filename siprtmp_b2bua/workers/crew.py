"""All workers of one kind: started before they are needed, replaced when they die, ended when they idle."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Final

from ..control.status import WorkerStatus
from ..errors import CapacityError, StartupError
from . import commands
from .account_plan import AccountPlan
from .call_limit import CallLimit
from .channel import socket_pair
from .crew_size import CrewSize
from .farewell import Farewells
from .fork_request import Exited, Forked
from .handle import WorkerHandle, WorkerState
from .kind import WorkerKind
from .numbers import Numbers
from .roster import Member, Roster
from .signpost import Signpost

logger = logging.getLogger(__name__)

_PLACE_S: Final = 8.0
"""How long a client waits for a worker."""
_RELIEF_S: Final = 1.0
"""How long it waits for one that is starting, though others could take it."""
_KILL_S: Final = 5.0
"""How long it may take to hear that a process that was killed has ended."""

_serials: Final = itertools.count(1)

Fork = Callable[[int, int, socket.socket], bool]
"""Has a worker of a serial and a number forked; the socket is its end of a channel. False: it cannot be."""


class Crew:
    """Workers of one kind."""

    def __init__(self, kind: WorkerKind, size: CrewSize, fork: Fork, farewells: Farewells) -> None:
        self.workers: dict[int, WorkerHandle] = {}
        self.roster = Roster()
        self.kind = kind
        self.size = size
        self._fork = fork
        self._farewells = farewells
        farewells.on_said = self.keep_size
        self._clock = asyncio.get_running_loop().time
        self._changed = asyncio.Event()
        self._numbers = Numbers()
        self._waiting: dict[int, str | None] = {}
        """Clients that wait for a worker, and their addresses."""
        self.has_begun = size.least == 0
        """Whether the first workers have started; if one of them cannot, there is no gateway."""
        self._is_ending = False
        self._failure = ""
        """Why the last worker died that did."""
        self._accounts = AccountPlan()
        self._signpost = Signpost()
        self._call_limit = CallLimit()
        self._lines = 0
        """Of a worker; 0 until one has started."""

    @property
    def first_sip_port(self) -> int:
        """The SIP port of the first worker, 0 if there is none."""
        return self.workers[min(self.workers)].sip_port if self.workers else 0

    # -- clients -------------------------------------------------------------------------------------------

    async def worker_for(self, connection_id: int, aor: str | None) -> WorkerHandle:
        """Return the worker that gets a client; one is started if need be. Raises `CapacityError`."""
        self._waiting[connection_id] = aor
        try:
            await self._wait_for_relief(aor)
            async with asyncio.timeout(_PLACE_S):
                member = self._find(aor)
                if member is None:
                    self.start_ahead()  # as `_notify` does from then on, once for all who wait
                while member is None:
                    self._check_hope()
                    await self._wait_change()
                    member = self._find(aor)
        except TimeoutError:
            raise CapacityError("busy: no worker has started in time; try again later") from None
        finally:
            del self._waiting[connection_id]
        member.clients[connection_id] = aor
        self._signpost.update(self.workers)
        self.start_ahead()
        return self.workers[member.number]

    async def _wait_for_relief(self, aor: str | None) -> None:
        """Leave a client to a worker that is starting, if it comes soon and the others are half full."""
        if self.roster.is_relief_coming(aor):
            self.start_ahead()  # there may be more clients than that one can take
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RELIEF_S):
                    while self.roster.is_relief_coming(aor):
                        await self._wait_change()

    def _find(self, aor: str | None) -> Member | None:
        """Return who is to take a client, None as long as it has to wait for a worker."""
        if self._is_ending:
            raise CapacityError("this gateway takes no more clients: it is about to end")
        return self.roster.find(aor)

    def _check_hope(self) -> None:
        """Raise `CapacityError` if no worker will come for those who wait."""
        is_starting = any(worker.state is WorkerState.STARTING for worker in self.workers.values())
        if not is_starting and len(self.serving) >= self.size.most:
            raise CapacityError("busy: all lines of this gateway are in use; try again later")

    def give_up(self, handle: WorkerHandle, connection_id: int) -> None:
        """Take back what `worker_for` gave."""
        handle.member.clients.pop(connection_id, None)
        self._notify()

    # -- processes -----------------------------------------------------------------------------------------

    def start(self, standing: tuple[str, ...] = ()) -> None:
        """Start the least that there are to be; have `standing` registered by as many as it takes."""
        self._accounts.begin(standing)
        for _ in range(self.size.least):
            self._start_one()

    def start_ahead(self) -> None:
        """Start workers before the lines run out: one is given away while the next one starts.

        Until the first has said how many lines a worker has, one is waited for.
        """
        is_starting = any(worker.state is WorkerState.STARTING for worker in self.workers.values())
        while self._lines_missing >= 0:
            if (is_starting and not self._lines) or not self._start_one():
                return
            is_starting = True

    @property
    def has_waiting(self) -> bool:
        """Whether clients wait for a worker."""
        return bool(self._waiting)

    @property
    def _lines_missing(self) -> int:
        """At 0 there are as many as are wanted, and the next client has to wait: one more is kept in hand."""
        return self.roster.lines_missing(self._lines, self._waiting.values(), self._accounts.unassigned)

    def _start_one(self) -> bool:
        """Start a worker, if there may be one more; return whether it was started."""
        return self._start_first(range(1, self.size.numbers + 1))

    def _start_first(self, numbers: Iterable[int]) -> bool:
        if self._is_ending or len(self.serving) >= self.size.most:
            return False
        taken = self.workers.keys() | self._farewells.numbers
        number = self._numbers.first((each for each in numbers if each not in taken), self._clock())
        return number is not None and self._start(number)

    def _start(self, number: int) -> bool:
        now_s = self._clock()
        try:
            ours, theirs = socket_pair()
        except OSError as error:
            logger.error("%s %d cannot be started: %s", self.kind, number, error.strerror)
            self._numbers.failed(number, now_s)
            return False
        serial = next(_serials)
        if not self._fork(serial, number, theirs):
            ours.close()
            return False
        member = Member(number, standing=frozenset(aor.lower() for aor in self._accounts.of(number)))
        self.workers[number] = WorkerHandle(self.kind, serial, ours, self, member, self._clock)
        self.roster.members.add(member)
        self._numbers.started(number, now_s)
        return True

    @property
    def serving(self) -> list[WorkerHandle]:
        """Those that get clients, or are about to."""
        return [handle for handle in self.workers.values() if handle.member.is_open]

    def on_forked(self, report: Forked) -> None:
        """Note the process of a worker, unless that is no longer there."""
        handle = next((worker for worker in self.workers.values() if worker.serial == report.serial), None)
        if handle is not None:
            handle.forked(report.pid)

    def on_ready(self, handle: WorkerHandle) -> None:
        """See `Owner`."""
        took_s = self._clock() - handle.began_s
        lines = f": {handle.member.lines} lines, SIP on port {handle.sip_port}" if handle.sip_port else ""
        logger.info(
            "%s %d (pid %s) has started in %.2f s%s", self.kind, handle.number, handle.pid, took_s, lines
        )
        self._lines = handle.member.lines
        if handle.state is WorkerState.READY:
            self._assign_accounts(handle)
        self._notify()

    def on_client_gone(self, handle: WorkerHandle) -> None:
        """See `Owner`."""
        self._notify()

    def on_calls_changed(self) -> None:
        """See `Owner`."""
        self._call_limit.update(self.workers.values(), self.size.max_calls)

    def on_exited(self, report: Exited) -> None:
        """Replace a worker that was not told to end."""
        handle = next((worker for worker in self.workers.values() if worker.pid == report.pid), None)
        if handle is not None:
            self._gone(handle, report.how)

    def on_lost(self, handle: WorkerHandle) -> None:
        """See `Owner`."""
        self._gone(handle, "it is not known how")

    def on_forker_lost(self) -> None:
        """Know from now on by their channels alone when workers end."""
        for handle in list(self.workers.values()):
            handle.is_orphan = True
            if handle.pid is None or handle.is_cut_off:
                self.on_lost(handle)

    def _gone(self, handle: WorkerHandle, how: str) -> None:
        if self.workers.get(handle.number) is not handle:
            return  # that is known
        handle.exited()
        del self.workers[handle.number]
        self.roster.members.discard(handle.member)
        if handle.was_told_to_end and not handle.failure:
            logger.info("%s %d (pid %s) has ended", self.kind, handle.number, handle.pid)
            self._numbers.ended(handle.number, self._clock())
        else:
            # what fails before the first workers have started is for who waits for them to say
            logger.log(logging.ERROR if self.has_begun else logging.DEBUG, "%s", handle.obituary(how))
            self._farewells.say(handle.number, handle.sip_port, handle.dialogs.values())
            self._failure = handle.failure or how
            self._numbers.died(handle.number, self._clock())
        self.keep_size()
        self._notify()

    async def wait_ready(self) -> None:
        """Wait until the first workers have started; raises `StartupError` if one cannot."""
        while not self._failure:
            if all(worker.state is WorkerState.READY for worker in self.workers.values()):
                self.has_begun = True
                return
            await self._wait_change()
        raise StartupError(self._failure)

    def keep_size(self) -> None:
        """Replace the workers that have died, and start what there is less than the least.

        Number 1 is started anew whenever it has ended: its SIP port is that of the configuration.
        """
        if self._is_ending or not self.has_begun:
            return
        always = {1} if self.size.least else set()
        while self._start_first(self._numbers.dead | always):
            pass
        for _ in range(self.size.least - len(self.serving)):
            self._start_one()

    async def statuses(self) -> list[WorkerStatus]:
        """Ask all workers what goes on."""
        return list(await asyncio.gather(*(handle.status() for _, handle in sorted(self.workers.items()))))

    def renew(self, size: CrewSize, standing: tuple[str, ...]) -> None:
        """Give new clients workers that are forked from now on; those that there are keep theirs."""
        if self._is_ending:
            return
        self.size = size
        self._numbers.begin_anew()
        self.on_calls_changed()  # there may be more than before, or fewer
        self._accounts.begin(standing)
        for handle in self.workers.values():
            handle.retire()
        if self.workers or size.least:
            self._start_one()

    async def drain(self) -> None:
        """Take no more clients; return when the workers have ended, each after its last call."""
        self._is_ending = True
        self._notify()
        for handle in list(self.workers.values()):
            handle.end(commands.Drain())
        await self._wait_gone()

    async def stop(self) -> None:
        """End all workers; those that do not end in time are killed."""
        self._is_ending = True
        self._notify()
        for handle in list(self.workers.values()):
            handle.end(commands.Stop())
        try:
            async with asyncio.timeout(self.size.stop_s):
                await self._wait_gone()
        except TimeoutError:
            for handle in list(self.workers.values()):
                handle.kill("it did not end in time, so it was killed")
            with contextlib.suppress(TimeoutError):  # the forker has the last word
                async with asyncio.timeout(_KILL_S):
                    await self._wait_gone()

    async def _wait_gone(self) -> None:
        while self.workers:
            await self._wait_change()
        await self._farewells.wait()

    async def _wait_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # -- the accounts of the configuration -----------------------------------------------------------------

    def _assign_accounts(self, handle: WorkerHandle) -> None:
        """Have a worker register what it had before it was replaced, or what nobody registers yet."""
        aors = self._accounts.assign(handle.number, handle.member.lines)
        if aors:
            handle.member.standing = frozenset(aor.lower() for aor in aors)
            handle.tell(commands.KeepRegistered(aors))
            self.start_ahead()  # there may be more, and they have taken lines

    def _notify(self) -> None:
        self._signpost.update(self.workers)
        self.on_calls_changed()  # a worker has started, or has ended with its calls
        if self._waiting:
            self.start_ahead()
        self._changed.set()
