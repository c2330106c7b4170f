"""The gateway: RTMP server, pjsip endpoint and lines in one process and one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path

from media_bridge.codecs.registry import prepare
from media_bridge.errors import MediaError
from media_bridge.tick_notifier import TickNotifier
from rtmp.admission import Admission
from rtmp.aio.server import RtmpServer, ServerConnection, start_server
from rtmp.aio.tls import ServerTls
from rtmp.errors import CertificateError
from rtmp.limits import AdmissionLimits, Timeouts
from rtmp.policy_file import PolicyFile

from .config import GatewayConfig
from .errors import B2buaError, StartupError
from .line_table import LineTable
from .pj_endpoint import PjEndpoint
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
        self._server: RtmpServer | None = None
        self._tls_server: RtmpServer | None = None
        self._tls: ServerTls | None = None
        self._lines: LineTable | None = None
        self._legs: set[RtmpLeg] = set()

    @property
    def rtmp_port(self) -> int:
        """The TCP port that RTMP clients connect to."""
        assert self._server is not None
        return self._server.port

    @property
    def rtmps_port(self) -> int | None:
        """The TCP port of RTMPS, None if there is none."""
        return self._tls_server.port if self._tls_server is not None else None

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
        self._load_certificate()
        endpoint = PjEndpoint(self.config)
        await endpoint.start()
        self._endpoint = endpoint
        notifier = TickNotifier(asyncio.get_running_loop())
        self._lines = LineTable(Services(self.config, endpoint, notifier))
        try:
            await self._listen()
            await self._lines.start()
        except StartupError:
            await self.stop()
            raise
        except B2buaError as error:
            await self.stop()
            raise StartupError(f"cannot register the accounts of the configuration: {error}") from None
        host = self.config.rtmp.host
        if self.rtmps_port is not None:
            logger.info("RTMPS on %s:%d", host, self.rtmps_port)
        logger.info("RTMP on %s:%d, SIP on port %d", host, self.rtmp_port, self.sip_port)

    def reload_certificate(self) -> None:
        """Read certificate and key of RTMPS again, for new connections. What goes wrong is logged."""
        if self._tls is None:
            return
        try:
            self._tls.reload()
        except CertificateError as error:
            logger.error("%s; the certificate that was loaded before stays in force", error)
        else:
            logger.info("the certificate %s is read again", self._tls.certificate)

    async def status(self) -> str:
        """One line that counts what the gateway holds; what stays in it when all is quiet, leaks."""
        context = self._endpoint.context if self._endpoint is not None else None
        counts = {
            "lines": self.line_count,
            "legs": len(self._legs),
            "calls": len(context.live_calls) if context else 0,
            "accounts": len(context.accounts) if context else 0,
            "conference_ports": await self._endpoint.count_conference_ports() if self._endpoint else 0,
            "tasks": len(asyncio.all_tasks()),
        }
        return "status: " + " ".join(f"{name}={count}" for name, count in counts.items())

    async def stop(self) -> None:
        """Hang up all calls, unregister, close all connections and sockets."""
        for server in self._servers:
            server.close(connections=False)
        for leg in list(self._legs):
            leg.disconnect("the gateway is shutting down")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.shutdown_timeout_s):
                # At once: a client that does not read must not keep the others from being hung up.
                await asyncio.gather(self._close_lines(), self._close_connections())
        if self._endpoint is not None:
            await self._endpoint.stop()
        self._server = self._tls_server = self._endpoint = self._lines = None

    async def _close_lines(self) -> None:
        if self._lines is not None:
            await self._lines.close_all()

    async def _close_connections(self) -> None:
        for server in self._servers:
            await server.wait_closed()

    @property
    def _servers(self) -> list[RtmpServer]:
        return [server for server in (self._server, self._tls_server) if server is not None]

    def _load_certificate(self) -> None:
        rtmp = self.config.rtmp
        if not rtmp.tls_port:
            return
        try:
            self._tls = ServerTls(Path(rtmp.certificate), Path(rtmp.key or rtmp.certificate))
        except CertificateError as error:
            raise StartupError(f"cannot serve RTMPS: {error}") from None

    async def _listen(self) -> None:
        """Open the port of RTMP, and that of RTMPS; their connections are counted together."""
        rtmp = self.config.rtmp
        limits = AdmissionLimits(
            rtmp.max_connections, rtmp.max_connections_per_address, rtmp.max_new_connections_per_s
        )
        admission = Admission(limits)
        self._server = await self._start_server(rtmp.port, None, admission)
        if self._tls is not None:
            self._tls_server = await self._start_server(rtmp.tls_port, self._tls, admission)

    async def _start_server(self, port: int, tls: ServerTls | None, admission: Admission) -> RtmpServer:
        rtmp = self.config.rtmp
        domains = rtmp.policy_file_domains
        try:
            return await start_server(
                self._make_leg,
                rtmp.host,
                port,
                timeouts=Timeouts(handshake=rtmp.connect_timeout_s, connect=rtmp.connect_timeout_s),
                ssl=tls,
                admission=admission,
                policy_file=PolicyFile(domains) if domains else None,
            )
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            what, flag = ("RTMPS", "--rtmps-port") if tls else ("RTMP", "--port")
            raise StartupError(
                f"cannot listen for {what} on {rtmp.host}:{port}: {reason}; choose another --host or {flag}"
            ) from None

    def _make_leg(self, connection: ServerConnection) -> RtmpLeg:
        assert self._lines is not None
        leg = RtmpLeg(connection, self._lines, self._legs.discard)
        self._legs.add(leg)
        return leg
