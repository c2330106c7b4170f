"""The ports that RTMP clients connect to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from rtmp.admission import Admission
from rtmp.aio.server import RtmpServer, ServerConnection, ServerHandler, start_server
from rtmp.aio.tls import ServerTls
from rtmp.errors import CertificateError
from rtmp.events import ConnectionClosed, ConnectRequested, Event
from rtmp.limits import AdmissionLimits, Timeouts
from rtmp.policy_file import PolicyFile

from .applications import MakeHandler
from .config import RtmpConfig
from .connect_request import refuse_connect
from .errors import CapacityError, StartupError

logger = logging.getLogger(__name__)

_TO_BE_REFUSED = 32
"""Connections beyond those that there may be: they are open until their clients know why they are not."""


def load_certificate(config: RtmpConfig) -> ServerTls | None:
    """Return the certificate and the key of RTMPS, None if it is not configured. Raises StartupError."""
    if not config.tls_port:
        if config.certificate:
            logger.warning("rtmp.certificate is not used: there is no RTMPS without a port (--rtmps-port)")
        return None
    try:
        return ServerTls(Path(config.certificate), Path(config.key or config.certificate))
    except CertificateError as error:
        raise StartupError(f"cannot serve RTMPS: {error}") from None


class RtmpFront:
    """Listens for RTMP, and for RTMPS if it is configured; each client is of `connection_class`."""

    def __init__(
        self,
        config: RtmpConfig,
        make_handler: MakeHandler,
        connection_class: type[ServerConnection] = ServerConnection,
    ) -> None:
        self._config = config
        self._make_handler = make_handler
        self._connection_class = connection_class
        self._tls: ServerTls | None = None
        self._server: RtmpServer | None = None
        self._tls_server: RtmpServer | None = None
        self._admission: Admission | None = None
        self._to_refuse = 0
        """Connections that are too many, and wait to be told."""

    @property
    def port(self) -> int:
        """The TCP port of RTMP."""
        assert self._server is not None
        return self._server.port

    @property
    def tls_port(self) -> int | None:
        """The TCP port of RTMPS, None if there is none."""
        return self._tls_server.port if self._tls_server is not None else None

    def load_certificate(self) -> None:
        """Read the certificate of RTMPS, if it is configured. Raises StartupError."""
        self._tls = load_certificate(self._config)

    def reload_certificate(self) -> str | None:
        """Read certificate and key of RTMPS again, for new connections; log and return what goes wrong."""
        if self._tls is None:
            return None
        try:
            self._tls.reload()
        except CertificateError as error:
            failure = f"{error}; the certificate that was loaded before stays in force"
            logger.error("%s", failure)
            return failure
        logger.info("the certificate %s is read again", self._tls.certificate)
        return None

    async def listen(self) -> None:
        """Open the ports; their connections are counted together. Raises StartupError."""
        config = self._config
        limits = AdmissionLimits(
            config.max_connections + _TO_BE_REFUSED,
            config.max_connections_per_address,
            config.max_new_connections_per_s,
        )
        self._admission = admission = Admission(limits)
        self._server = await self._start(config.port, None, admission)
        if self._tls is not None:
            self._tls_server = await self._start(config.tls_port, self._tls, admission)
            logger.info("RTMPS on %s:%d", config.host, self.tls_port)

    def stop_listening(self) -> None:
        """Close the ports; connections live on."""
        for server in self._servers:
            server.close(connections=False)

    async def close(self) -> None:
        """Close what connections there are, and wait until they are gone."""
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()

    def _make_first_handler(self, connection: ServerConnection) -> ServerHandler:
        """Return the handler of a connection, which has its place already; one too many is refused."""
        assert self._admission is not None
        most = self._config.max_connections
        if self._admission.count - self._to_refuse <= most:
            return self._make_handler(connection)
        self._to_refuse += 1
        error = CapacityError(f"busy: this gateway has {most} connections; try again later")
        return _Refusal(connection, error, self._refused)

    def _refused(self) -> None:
        self._to_refuse -= 1

    @property
    def _servers(self) -> list[RtmpServer]:
        return [server for server in (self._server, self._tls_server) if server is not None]

    async def _start(self, port: int, tls: ServerTls | None, admission: Admission) -> RtmpServer:
        config = self._config
        domains = config.policy_file_domains
        try:
            return await start_server(
                self._make_first_handler,
                config.host,
                port,
                timeouts=Timeouts(handshake=config.connect_timeout_s, connect=config.connect_timeout_s),
                ssl=tls,
                admission=admission,
                policy_file=PolicyFile(domains) if domains else None,
                connection_class=self._connection_class,
            )
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            what, flag = ("RTMPS", "--rtmps-port") if tls else ("RTMP", "--port")
            raise StartupError(
                f"cannot listen for {what} on {config.host}:{port}: {reason}; choose another --host or {flag}"
            ) from None


class _Refusal:
    """The handler of a client that hears why it is refused; `on_gone` is called when it has gone."""

    def __init__(
        self, connection: ServerConnection, error: CapacityError, on_gone: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._error = error
        self._on_gone = on_gone

    def on_event(self, event: Event) -> None:
        if isinstance(event, ConnectRequested):
            refuse_connect(self._connection, f"rtmp-{self._connection.id}", self._error)
        elif isinstance(event, ConnectionClosed):
            self._on_gone()
