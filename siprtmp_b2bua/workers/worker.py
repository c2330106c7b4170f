"""A worker: one process with one pjsua2 endpoint, whose clients the supervisor hands over to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import uvloop

from rtmp.aio.handover import AdoptedConnection, adopt
from rtmp.aio.server import RtmpServer, ServerConnection, ServerHandler

from ..applications import make_live_application, stream_statuses, with_live_timeouts
from ..call_gate import CallGate
from ..config import GatewayConfig
from ..dialog_notes import DialogNote
from ..errors import StartupError
from ..logs import configure_logging
from ..rtmp_leg import RtmpLeg
from ..shutdown import shut_down
from ..tasks import TaskGroup
from ..telephone import Telephone
from . import commands, reports
from .channel import Channel
from .fork_request import Fork
from .kind import WorkerKind

logger = logging.getLogger(__name__)

_BEAT_S: Final = 1.0
_IN_REPORT: Final = 50
"""Calls, or streams: a message on the channel has a largest size."""
_LIVE_LINES: Final = 1_000_000

T = TypeVar("T")


class _Client(AdoptedConnection):
    """A client of this worker; the supervisor hears of its end."""

    on_gone: Callable[[int, ServerHandler | None], object]

    def connection_lost(self, exc: Exception | None) -> None:
        handler = self.handler
        super().connection_lost(exc)
        self.on_gone(self.id, handler)


class Worker:
    """Takes clients until it is told to end, or the supervisor has gone."""

    def __init__(self, config: GatewayConfig, kind: WorkerKind, sock: socket.socket) -> None:
        self._config = config
        self._ended = asyncio.Event()
        self._channel = Channel(sock, self._told, self._ended.set)
        self._server = RtmpServer(policy_file=None)
        self._telephone = Telephone(config) if kind is WorkerKind.CALLS else None
        self._gate = self._telephone.gate if self._telephone is not None else CallGate(0)
        self._live = (
            make_live_application(config.live, has_own_loop=True) if kind is WorkerKind.LIVE else None
        )
        self._make_live = with_live_timeouts(self._live.make_handler, config.live) if self._live else None
        self._tasks = TaskGroup("worker")

    async def run(self) -> None:
        """Start, work, and stop. Raises `StartupError`, having told it."""
        try:
            ready = await self._start()
        except StartupError as error:
            self._report(reports.Failed(reason=reports.short(str(error))))
            raise
        self._report(ready)
        beating = self._tasks.start(self._beat())
        await self._ended.wait()
        beating.cancel()
        await self._stop()
        self._channel.close()

    async def _start(self) -> reports.Ready:
        if self._telephone is None:
            self._gate.start()
            return reports.Ready(lines=_LIVE_LINES, sip_port=0)
        self._gate.on_calls_changed = self._tell_load
        self._telephone.watch_dialogs(self._dialog_changed)
        await self._telephone.start()
        return reports.Ready(lines=self._telephone.max_calls, sip_port=self._telephone.sip_port)

    async def _stop(self) -> None:
        await shut_down(
            self._telephone, self._live, self._close_connections(), self._config.shutdown_timeout_s
        )
        self._gate.stop()
        self._tasks.cancel()

    async def _close_connections(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _told(self, message: bytes, descriptors: Sequence[int]) -> None:
        match commands.unpack(message):
            case commands.Adopt(handover):
                if not descriptors:
                    logger.warning(
                        "connection %s cannot be taken over: no more open files", handover.connection_id
                    )
                    self._client_gone(handover.connection_id)
                    return
                sock = socket.socket(fileno=descriptors[0])
                client = _Client(self._make_handler, self._server, handover)
                client.on_gone = self._end_client_soon
                self._tasks.start(self._adopt(client, sock))
            case commands.KeepRegistered(aors):
                assert self._telephone is not None
                self._tasks.start(self._telephone.keep_registered(aors))
            case commands.PutOut(key):
                assert self._telephone is not None
                self._tasks.start(self._telephone.put_out(key))
            case commands.Redirect(user, sip_port):
                assert self._telephone is not None
                self._telephone.redirect(user, sip_port)
            case commands.TakeNoCalls(is_full):
                logger.debug(
                    "all workers have %s", "as many calls as there may be" if is_full else "fewer calls"
                )
                self._gate.shut(is_full)
            case commands.Drain():
                self._gate.is_draining = True
                self._tasks.start(self._drain())
            case commands.TellStatus(request):
                self._tasks.start(self._tell_status(request))
            case commands.Stop():
                self._ended.set()

    async def _adopt(self, client: _Client, sock: socket.socket) -> None:
        try:
            await adopt(client, sock)
        except OSError as error:
            logger.warning("connection %s cannot be taken over: %s", client.id, error)
            self._client_gone(client.id)

    def _make_handler(self, connection: ServerConnection) -> ServerHandler:
        if self._telephone is not None:
            return self._telephone.make_leg(connection)
        assert self._make_live is not None
        return self._make_live(connection)

    def _end_client_soon(self, connection_id: int, handler: ServerHandler | None) -> None:
        self._tasks.start(self._end_client(connection_id, handler))

    async def _end_client(self, connection_id: int, handler: ServerHandler | None) -> None:
        """Say that a client has gone once its line is free: another may get it at once."""
        if isinstance(handler, RtmpLeg):
            await handler.wait_line_closed()
        self._client_gone(connection_id)

    def _client_gone(self, connection_id: int) -> None:
        self._report(reports.Closed(connection_id=connection_id))

    def _dialog_changed(self, dialog: DialogNote | str) -> None:
        if isinstance(dialog, DialogNote):
            self._report(reports.DialogBegan(note=dialog))
        else:
            self._report(reports.DialogEnded(call_id=dialog))

    async def _drain(self) -> None:
        if self._telephone is not None:
            await self._telephone.drain()
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._config.drain_timeout_s):
                    await self._server.places.wait_left()
        self._ended.set()

    async def _tell_status(self, request: int) -> None:
        calls = await self._telephone.call_statuses() if self._telephone is not None else []
        for some_calls in _in_parts(calls):
            self._report(reports.GoesOn(request=request, calls=some_calls))
        for some_streams in _in_parts(stream_statuses(self._live)):
            self._report(reports.GoesOn(request=request, streams=some_streams))
        self._report(reports.GoesOn(request=request, is_last=True))

    async def _beat(self) -> None:
        """Tell once a second that the loop turns, and how late it was."""
        while True:
            await asyncio.sleep(_BEAT_S)
            self._tell_load()

    def _tell_load(self) -> None:
        self._report(reports.Beat(is_overloaded=self._gate.is_overloaded, calls=self._gate.calls))

    def _report(self, report: reports.Report) -> None:
        self._channel.send(reports.pack(report))


def _in_parts(statuses: Sequence[T]) -> Iterator[tuple[T, ...]]:
    for at in range(0, len(statuses), _IN_REPORT):
        yield tuple(statuses[at : at + _IN_REPORT])


def run_worker(request: Fork, sock: socket.socket) -> int:
    """Be a worker, from the fork to the end; returns the exit status."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)  # the supervisor says what is to be done
    configure_logging(request.verbosity, f"{request.kind} {request.number}")
    try:
        uvloop.run(_run(request, sock))
    except StartupError as error:
        logger.debug("cannot start: %s", error)  # the supervisor says so
        return 1
    return 0


async def _run(request: Fork, sock: socket.socket) -> None:
    await Worker(request.config, request.kind, sock).run()
