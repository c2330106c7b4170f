"""The gateway: RTMP server, pjsip endpoint and lines in one process and one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from media_bridge.codecs.registry import prepare
from media_bridge.errors import MediaError
from media_bridge.tick_notifier import TickNotifier
from rtmp.aio.server import ServerConnection

from .config import GatewayConfig
from .errors import B2buaError, StartupError
from .line_table import LineTable
from .pj_endpoint import PjEndpoint
from .rtmp_front import RtmpFront
from .rtmp_leg import RtmpLeg
from .services import Services

logger = logging.getLogger(__name__)


class Gateway:
    """A SIP-RTMP gateway. `start`, use it for as long as you like, `stop`; on one event loop.

    There can be one in a process, because there can be one pjsua2 endpoint.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self._endpoint: PjEndpoint | None = None
        self._front: RtmpFront | None = None
        self._lines: LineTable | None = None
        self._legs: set[RtmpLeg] = set()

    @property
    def rtmp_port(self) -> int:
        """The TCP port that RTMP clients connect to."""
        assert self._front is not None
        return self._front.port

    @property
    def rtmps_port(self) -> int | None:
        """The TCP port of RTMPS, None if there is none."""
        return self._front.tls_port if self._front is not None else None

    @property
    def sip_port(self) -> int:
        """The UDP and TCP port of SIP."""
        assert self._endpoint is not None
        return self._endpoint.sip_port

    @property
    def line_count(self) -> int:
        """How many clients have a line."""
        return len(self._lines) if self._lines is not None else 0

    async def start(self) -> None:
        """Start both sides; raises `StartupError` with nothing left behind."""
        try:
            prepare()
        except MediaError as error:
            raise StartupError(str(error)) from None
        front = RtmpFront(self.config, self._make_leg)
        front.load_certificate()
        endpoint = PjEndpoint(self.config)
        await endpoint.start()
        self._endpoint = endpoint
        notifier = TickNotifier(asyncio.get_running_loop())
        self._lines = LineTable(Services(self.config, endpoint, notifier))
        self._front = front
        try:
            await front.listen()
            await self._lines.start()
        except StartupError:
            await self.stop()
            raise
        except B2buaError as error:
            await self.stop()
            raise StartupError(f"cannot register the accounts of the configuration: {error}") from None
        logger.info("RTMP on %s:%d, SIP on port %d", self.config.rtmp.host, self.rtmp_port, self.sip_port)

    def reload_certificate(self) -> None:
        """Read certificate and key of RTMPS again, for new connections. What goes wrong is logged."""
        if self._front is not None:
            self._front.reload_certificate()

    async def status(self) -> str:
        """One line that counts what the gateway holds; what stays in it when all is quiet, leaks."""
        context = self._endpoint.context if self._endpoint is not None else None
        counts = {
            "lines": self.line_count,
            "legs": len(self._legs),
            "streams": self._front.stream_count if self._front else 0,
            "calls": len(context.live_calls) if context else 0,
            "accounts": len(context.accounts) if context else 0,
            "conference_ports": await self._endpoint.count_conference_ports() if self._endpoint else 0,
            "tasks": len(asyncio.all_tasks()),
        }
        return "status: " + " ".join(f"{name}={count}" for name, count in counts.items())

    async def stop(self) -> None:
        """Hang up all calls, unregister, close all connections and sockets."""
        if self._front is not None:
            self._front.stop_listening()
        for leg in list(self._legs):
            leg.disconnect("the gateway is shutting down")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.shutdown_timeout_s):
                # At once: a client that does not read must not keep the others from being hung up.
                await asyncio.gather(self._close_lines(), self._close_front())
        if self._endpoint is not None:
            await self._endpoint.stop()
        self._front = self._endpoint = self._lines = None

    async def _close_lines(self) -> None:
        if self._lines is not None:
            await self._lines.close_all()

    async def _close_front(self) -> None:
        if self._front is not None:
            await self._front.close()

    def _make_leg(self, connection: ServerConnection) -> RtmpLeg:
        assert self._lines is not None
        leg = RtmpLeg(connection, self._lines, self._legs.discard)
        self._legs.add(leg)
        return leg
