"""An RTMP server on asyncio."""

from __future__ import annotations

import asyncio
import socket
import ssl as ssl_module
from collections.abc import Sequence
from typing import Final

from rtmp.admission import Admission
from rtmp.aio.places import Place, Places
from rtmp.aio.server_connection import HandlerFactory, ServerConnection, ServerHandler
from rtmp.aio.tls import ServerTls
from rtmp.aio.tls_acceptor import TlsAcceptor
from rtmp.errors import RtmpError
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts
from rtmp.policy_file import PolicyFile

__all__ = ["DEFAULT_POLICY_FILE", "RtmpServer", "ServerConnection", "ServerHandler", "start_server"]

DEFAULT_POLICY_FILE: Final = PolicyFile()
"""Pages of all domains may connect, to the port that was asked alone."""


class RtmpServer:
    """Listening sockets and the connections they made."""

    def __init__(
        self, admission: Admission | None = None, policy_file: PolicyFile | None = DEFAULT_POLICY_FILE
    ) -> None:
        self.admission = admission or Admission()
        self.places = Places(self.admission)
        self.policy_file = policy_file
        self.connections: set[ServerConnection] = set()
        self._server: asyncio.Server | None = None
        self._closing = asyncio.Event()
        self._handshakes: set[TlsAcceptor] = set()

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets."""
        return self._server.sockets if self._server is not None else ()

    @property
    def port(self) -> int:
        """The port of the first listening socket."""
        return int(self.sockets[0].getsockname()[1])

    def close(self, *, connections: bool = True, reason: RtmpError | None = None) -> None:
        """Stop listening; also close the connections, unless they are to live on."""
        if self._server is not None:
            self._server.close()
        self._closing.set()
        self.places.close()
        for handshake in list(self._handshakes):
            handshake.abort()
        if connections:
            for connection in list(self.connections):
                connection.close(reason)

    async def wait_closed(self) -> None:
        """Wait until the last connection is gone; at once if there is none, also while listening."""
        await self.places.wait_left()

    async def serve_forever(self) -> None:
        """Serve until `close`, and then until the last connection is gone.

        When it is cancelled, it closes server and connections, and ends when they are gone.
        """
        try:
            await self._closing.wait()
            await self.wait_closed()
        finally:
            self.close()
            await self.wait_closed()


async def start_server(
    handler_factory: HandlerFactory,
    host: str | Sequence[str] | None = None,
    port: int = 1935,
    *,
    limits: Limits = DEFAULT_LIMITS,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    sock: socket.socket | None = None,
    ssl: ServerTls | ssl_module.SSLContext | None = None,
    reuse_port: bool | None = None,
    backlog: int = 511,
    admission: Admission | None = None,
    policy_file: PolicyFile | None = DEFAULT_POLICY_FILE,
    connection_class: type[ServerConnection] = ServerConnection,
) -> RtmpServer:
    """Listen, and make a handler for every connection.

    `sock` is a bound socket to use instead of host and port; `ssl` makes it RTMPS. `admission` says how many
    connections there may be, and may be shared by several servers; one that it refuses is dropped at once,
    without a handler. `policy_file` is what Flash Player gets when it asks; None: nothing. Clients are
    of `connection_class`; a `rtmp.aio.handover.FrontConnection` can be handed over. Raises OSError if the
    address cannot be had (errno EADDRINUSE: the port is taken).
    """
    loop = asyncio.get_running_loop()
    server = RtmpServer(admission, policy_file)

    def make_connection(place: Place | None = None) -> ServerConnection:
        return connection_class(handler_factory, server, limits, timeouts, place)

    def make_protocol() -> asyncio.Protocol:
        if ssl is None:
            return make_connection()
        context = ssl.context if isinstance(ssl, ServerTls) else ssl
        return TlsAcceptor(context, timeouts, server._handshakes, server.places, make_connection)

    if sock is not None:
        listener = await loop.create_server(make_protocol, sock=sock, backlog=backlog, start_serving=False)
    else:
        listener = await loop.create_server(
            make_protocol, host, port, backlog=backlog, reuse_port=reuse_port, start_serving=False
        )
    server._server = listener
    try:
        await listener.start_serving()
    except BaseException:  # cancelled, asyncio would listen on
        listener.close()
        raise
    return server
