"""A gateway as a service: signals, the control socket, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from .collector import freeze_what_is_there
from .config import GatewayConfig
from .control.place import control_path
from .control.server import ControlServer
from .control.status import GatewayStatus
from .errors import B2buaError, ConfigurationError, StartupError
from .tasks import TaskGroup

logger = logging.getLogger(__name__)

NO_CONTROL: Final = "none"
NOTHING_NEW: Final = "read again; the settings in force have not changed"
"""What a reload says that found no difference."""
_SECOND_SIGTERM_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a reload."""

    lines: Sequence[str]
    """What was done, for the log and for who asked."""
    failure: str | None = None
    """What could not be read again, beside that. It is in the log."""


class Service(Protocol):
    """A gateway, of one process or of several."""

    @property
    def rtmp_port(self) -> int:
        """The TCP port of RTMP."""

    async def start(self) -> None:
        """Start; raises `StartupError` with nothing left behind."""

    async def stop(self) -> None:
        """Hang up, and end."""

    async def drain(self) -> None:
        """Take no more clients and calls; return when the last call has ended."""

    async def status(self) -> GatewayStatus:
        """What goes on."""

    async def counts(self) -> dict[str, int]:
        """How many there are of what a gateway holds; what stays when all is quiet, leaks."""

    def reload(self, config: GatewayConfig) -> Reloaded:
        """Put other settings and renewed certificates in force, as far as that can be done; say what was.

        Raises StartupError or ConfigurationError, with nothing changed but the certificate, for settings that
        cannot be.
        """


class ServiceRunner:
    """Runs a gateway until it is told to end. `load` reads the configuration again."""

    def __init__(self, service: Service, config: GatewayConfig, load: Callable[[], GatewayConfig]) -> None:
        self._service = service
        self._config = config
        self._load = load
        self._ending = asyncio.Event()
        self._is_terminated = False
        self._draining: asyncio.Task[None] | None = None
        self._tasks = TaskGroup("service")

    async def run(self) -> None:
        """Start, serve and stop. Raises `StartupError`."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._ending.set)
        loop.add_signal_handler(signal.SIGTERM, self._terminated)
        loop.add_signal_handler(
            signal.SIGHUP, lambda: logger.warning("still starting: nothing is read again")
        )
        await self._service.start()
        try:
            control = await self._open_control()
        except StartupError:
            await self._service.stop()
            raise
        freeze_what_is_there()
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        loop.add_signal_handler(signal.SIGUSR1, lambda: self._tasks.start(self._log_counts()))
        await self._ending.wait()
        logger.info("stopping")
        if control is not None:
            await control.stop()
        self._tasks.cancel()
        await self._service.stop()

    async def _log_counts(self) -> None:
        try:
            counts = await self._service.counts() | {"tasks": len(asyncio.all_tasks())}
        except B2buaError:
            return  # it is ending
        logger.info("status: %s", " ".join(f"{name}={count}" for name, count in counts.items()))

    async def _open_control(self) -> ControlServer | None:
        setting = self._config.control
        if setting == NO_CONTROL:
            return None
        commands = {"status": self._status, "drain": self._drain, "reload": self._reload}
        control = ControlServer(control_path(setting, self._service.rtmp_port), commands)
        try:
            await control.start()
        except StartupError as error:
            if setting:
                raise
            logger.warning("no `siprtmp status`: %s", error)
            return None
        return control

    def _terminated(self) -> None:
        """Stop, unless a second SIGTERM comes at once, which means to drain; a third one stops again."""
        if self._is_terminated or self._draining is not None:
            self._start_draining()
            return
        self._is_terminated = True
        asyncio.get_running_loop().call_later(_SECOND_SIGTERM_S, self._stop_unless_draining)

    def _stop_unless_draining(self) -> None:
        if self._draining is None:
            self._ending.set()

    def _start_draining(self) -> None:
        if self._draining is not None or self._ending.is_set():
            self._ending.set()
            return
        logger.info("no more calls are taken; the gateway ends when the last one has ended")
        self._draining = self._tasks.start(self._drain_and_end())

    async def _drain_and_end(self) -> None:
        await self._service.drain()
        self._ending.set()

    # -- the control socket --------------------------------------------------------------------------------

    async def _status(self) -> Mapping[str, object]:
        return (await self._service.status()).model_dump(mode="json")

    async def _drain(self) -> Mapping[str, object]:
        if self._draining is None:
            self._start_draining()
        return {"text": "no more calls are taken; the gateway ends when the last one has ended"}

    async def _reload(self) -> Mapping[str, object]:
        try:
            reloaded = self._reload_now()
        except (ConfigurationError, StartupError) as error:
            return {"error": str(error)}
        answer = {"text": "\n".join(reloaded.lines)}
        return answer if reloaded.failure is None else answer | {"error": reloaded.failure}

    def _hung_up(self) -> None:
        with contextlib.suppress(ConfigurationError, StartupError):  # they are in the log
            self._reload_now()

    def _reload_now(self) -> Reloaded:
        """Read everything again; return what became of it, or raise what is wrong. Both are logged."""
        try:
            reloaded = self._service.reload(self._load())
        except (ConfigurationError, StartupError) as error:
            logger.error("%s; what was in force stays so", error)
            raise
        for line in reloaded.lines:
            logger.info("%s", line)
        return reloaded
