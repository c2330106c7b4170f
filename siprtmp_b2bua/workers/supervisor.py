"""The gateway as several processes: listens, and hands clients over to workers."""

from __future__ import annotations

import asyncio
import logging
import os
import socket

from rtmp.aio.handover import FrontConnection

from .. import __version__
from ..applications import check_recordings
from ..config import GatewayConfig
from ..control.status import GatewayStatus
from ..errors import ConfigurationError, StartupError
from ..rtmp_front import RtmpFront
from ..service import NOTHING_NEW, Reloaded
from ..tasks import TaskGroup
from .crew import Crew
from .crew_size import CrewSize
from .farewell import Farewells
from .fixed_settings import keep_fixed
from .fork_request import Exited, Fork, Forked
from .forkers import ForkerProcess
from .kind import WorkerKind
from .reception import Reception
from .resources import check_address, check_resources, check_size
from .restarts import Restarts
from .slots import check_slots, config_of_worker, most_workers
from .watch import watch

logger = logging.getLogger(__name__)

_STOP_S = 2.0
"""What a worker may take to end beyond its time for shutting down."""
_LIVE_STOP_S = 30.0
"""How long a recording may take to be written to its end."""
_LIVE_NUMBERS = 1000
"""Of workers for live streams, which have no ports: as many times their settings can change."""
_FORKER = 0


class Supervisor:
    """A gateway of many workers. `start`, use it, `stop`; on one event loop."""

    def __init__(self, config: GatewayConfig, verbosity: int = 0) -> None:
        self.config = config
        self._most = most_workers(config)
        self._verbosity = verbosity
        self._forker = ForkerProcess(self._forked, self._exited, self._forker_lost)
        self._forkers = Restarts()
        farewells = Farewells(config.sip.int_ip)
        self._calls = Crew(WorkerKind.CALLS, self._size_of_calls(), self._fork_calls, farewells)
        self._live: Crew | None = None
        if config.live.enabled:
            no_farewells = Farewells("")
            self._live = Crew(WorkerKind.LIVE, self._size_of_live(), self._fork_live, no_farewells)
        self._reception = Reception(config, self._calls, self._live)
        self._front = RtmpFront(config.rtmp, self._reception.make_handler, FrontConnection)
        self._is_draining = False
        self._tasks = TaskGroup("supervisor")

    @property
    def rtmp_port(self) -> int:
        """The TCP port that RTMP clients connect to."""
        return self._front.port

    @property
    def rtmps_port(self) -> int | None:
        """The TCP port of RTMPS, None if there is none."""
        return self._front.tls_port

    async def start(self) -> None:
        """Listen, and start the first workers. Raises `StartupError` with nothing left behind."""
        config = self.config
        check_slots(config, self._most)
        check_resources(config, self._most)
        check_recordings(config.live)
        self._front.load_certificate()
        await self._start_forker()
        try:
            await self._front.listen()
            self._calls.start(config.standing_aors)
            for crew in self._crews:
                self._tasks.start(watch(crew))
            await self._calls.wait_ready()
        except StartupError:
            await self.stop()
            raise
        logger.info(
            "RTMP on %s:%d, SIP on port %d and those of up to %d workers",
            config.rtmp.host, self.rtmp_port, self._calls.first_sip_port, self._most,
        )  # fmt: skip

    def reload(self, config: GatewayConfig) -> Reloaded:
        """Put other settings, and renewed certificates, in force for new clients; calls go on as they are.

        See `Service`. What only a restart can change stays as it is.
        """
        failure = self._front.reload_certificate()
        try:
            return Reloaded(self._renew(config), failure)
        except (ConfigurationError, StartupError) as error:
            if failure is None:
                raise
            raise StartupError(f"{error}; {failure}") from None

    def _renew(self, config: GatewayConfig) -> list[str]:
        """Put other settings in force; return what was done."""
        kept, differences = keep_fixed(self.config, config)
        if kept == self.config:
            return [*differences, NOTHING_NEW]
        check_slots(kept, self._most)
        check_size(kept)
        check_address(kept)
        check_recordings(kept.live)
        changes_live = _of_live(kept) != _of_live(self.config)
        self.config = kept
        self._reception.renew(kept)
        self._calls.renew(self._size_of_calls(), kept.standing_aors)
        if self._live is not None and changes_live:
            self._live.renew(self._size_of_live(), ())
        return [
            *differences,
            "new settings are in force for new clients; those that are connected keep theirs",
        ]

    async def status(self) -> GatewayStatus:
        """What goes on in all processes."""
        crews = await asyncio.gather(*(crew.statuses() for crew in self._crews))
        return GatewayStatus(
            version=__version__,
            pid=os.getpid(),
            rtmp_port=self.rtmp_port,
            is_draining=self._is_draining,
            workers=tuple(worker for crew in crews for worker in crew),
        )

    async def counts(self) -> dict[str, int]:
        """How many there are of what all processes hold."""
        workers = (await self.status()).workers
        return {
            "workers": len(workers),
            "lines": sum(worker.clients for worker in workers if worker.lines is not None),
            "calls": sum(len(worker.calls) for worker in workers),
            "streams": sum(len(worker.streams) for worker in workers),
        }

    async def drain(self) -> None:
        """Take no more clients and calls; return when the last call has ended. `stop` has to follow."""
        self._is_draining = True
        await asyncio.gather(*(crew.drain() for crew in self._crews))

    async def stop(self) -> None:
        """Have all workers hang up and end, close all connections and sockets."""
        self._front.stop_listening()
        self._tasks.cancel()
        await asyncio.gather(*(crew.stop() for crew in self._crews), self._front.close())
        await self._forker.stop()

    @property
    def _crews(self) -> list[Crew]:
        return [crew for crew in (self._calls, self._live) if crew is not None]

    def _size_of_calls(self) -> CrewSize:
        workers = self.config.workers
        stop_s = self.config.shutdown_timeout_s + _STOP_S
        return CrewSize(
            workers.least, self._most, self._most, workers.idle_timeout_s, stop_s, self.config.max_calls
        )

    def _size_of_live(self) -> CrewSize:
        """One: who publishes and who plays are to meet. Those that it replaced keep their clients."""
        stop_s = self.config.shutdown_timeout_s + _STOP_S + _LIVE_STOP_S
        return CrewSize(0, 1, _LIVE_NUMBERS, self.config.workers.idle_timeout_s, stop_s)

    def _fork_calls(self, serial: int, number: int, sock: socket.socket) -> bool:
        config = config_of_worker(self.config, number, self._most)
        return self._forker.fork(Fork(serial, number, WorkerKind.CALLS, config, self._verbosity), sock)

    def _fork_live(self, serial: int, number: int, sock: socket.socket) -> bool:
        return self._forker.fork(Fork(serial, number, WorkerKind.LIVE, self.config, self._verbosity), sock)

    def _forked(self, report: Forked) -> None:
        for crew in self._crews:
            crew.on_forked(report)

    def _exited(self, report: Exited) -> None:
        for crew in self._crews:
            crew.on_exited(report)

    def _forker_lost(self) -> None:
        """Go on with another; its workers are there still, but nobody says how they end."""
        logger.error("the process that workers are forked from has died; starting another")
        for crew in self._crews:
            crew.on_forker_lost()
        self._tasks.start(self._replace_forker())

    async def _start_forker(self) -> None:
        self._forkers.started(_FORKER, asyncio.get_running_loop().time())
        await self._forker.start()

    async def _replace_forker(self) -> None:
        """Start another; each that dies soon makes the next one wait longer."""
        now_s = asyncio.get_running_loop().time
        self._forkers.failed(_FORKER, now_s())
        while True:
            await asyncio.sleep(self._forkers.wait_s(_FORKER, now_s()))
            try:
                await self._start_forker()
            except StartupError as error:
                logger.error("%s; trying again", error)
                self._forkers.failed(_FORKER, now_s())
            else:
                return


def _of_live(config: GatewayConfig) -> tuple[object, ...]:
    """What a worker for live streams goes by."""
    return config.live, config.shutdown_timeout_s, config.drain_timeout_s
