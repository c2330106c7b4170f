"""A crew whose workers are not there: the test has the other ends of their channels."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from siprtmp_b2bua.workers import commands, reports
from siprtmp_b2bua.workers.crew import Crew
from siprtmp_b2bua.workers.crew_size import CrewSize
from siprtmp_b2bua.workers.farewell import Farewells
from siprtmp_b2bua.workers.fork_request import Exited, Forked
from siprtmp_b2bua.workers.kind import WorkerKind
from tests.interop.peers.polling import until

C = TypeVar("C", bound=commands.Command)

KIND = WorkerKind.CALLS
EXIT_STATUS_1 = 256
NO_PID = 2**30
"""And more: what no process has."""


class Gang:
    """A crew, and what would be its workers."""

    def __init__(self, least: int) -> None:
        self.ends: dict[int, socket.socket] = {}
        self.forked: list[int] = []
        self.serials: dict[int, int] = {}
        self._all_ends: list[socket.socket] = []
        self.can_fork = True
        size = CrewSize(least, 5, 5, idle_s=0.0, stop_s=0.1)
        self.crew = Crew(KIND, size, self._fork, Farewells(""))

    def _fork(self, serial: int, number: int, sock: socket.socket) -> bool:
        if not self.can_fork:
            sock.close()
            return False
        self.ends[number] = sock
        self.serials[number] = serial
        self._all_ends.append(sock)
        self.forked.append(number)
        return True

    async def begin(self) -> None:
        """Start the first workers."""
        self.crew.start()
        begun = asyncio.ensure_future(self.crew.wait_ready())
        for number in list(self.ends):
            await self.ready(number)
        await begun

    async def ready(self, number: int) -> None:
        """Have a worker report that it has started."""
        self.tell_process(number)
        self.ends[number].send(reports.pack(reports.Ready(lines=4, sip_port=5059 + number)))
        await until(lambda: self.states[number] != "STARTING", "the report to come")

    def tell_process(self, number: int) -> None:
        """Tell the process of a worker."""
        self.crew.on_forked(Forked(self.serials[number], NO_PID + number))

    def take_lines(self, lines: int) -> None:
        """Give the first worker so many."""
        self.crew.workers[1].member.lines = lines

    def die(self, number: int) -> None:
        """Have a worker's process end."""
        self.crew.on_exited(Exited(NO_PID + number, EXIT_STATUS_1))

    def told(self, number: int, kind: type[C]) -> list[C]:
        """The commands of a kind that a worker has got; all that it has got are taken."""
        end = self.ends[number]
        end.setblocking(False)
        found = []
        while True:
            try:
                command = commands.unpack(end.recv(4096))
            except BlockingIOError:
                return found
            if isinstance(command, kind):
                found.append(command)

    def close(self) -> None:
        """Close all channels."""
        for handle in self.crew.workers.values():
            handle.exited()
        for end in self._all_ends:
            end.close()

    @property
    def states(self) -> dict[int, str]:
        """Of all workers."""
        return {number: handle.state.name for number, handle in self.crew.workers.items()}


MakeGang = Callable[..., Gang]


@pytest.fixture
async def make_gang() -> AsyncIterator[MakeGang]:
    """Makes crews, and closes them."""
    gangs: list[Gang] = []

    def make(least: int = 1) -> Gang:
        gangs.append(Gang(least))
        return gangs[-1]

    yield make
    for gang in gangs:
        gang.close()
