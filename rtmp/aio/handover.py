"""A client's connection handed over, after its `connect`, to another process that goes on with it.

Nothing of the session's state is sent. The other process gets the socket and the bytes that were read, in the
pieces they were read in, and acts on them anew. What it answers is what the first process answered, but for
the random bytes of the handshake; so as many bytes as have gone out are not sent a second time.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import Any, Final, cast

from rtmp.aio.peername import format_peer
from rtmp.aio.places import Place
from rtmp.aio.server_connection import ConnectionServer, HandlerFactory, ServerConnection
from rtmp.aio.tls_relay import relay
from rtmp.errors import ConnectionLost, LimitExceeded, RemoteProtocolError
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, KIB, Limits, Timeouts
from rtmp.state import ConnectionState

MAX_RECEIVED: Final = 64 * KIB
"""What a client may send before its `connect` is answered: a handshake is 3 KiB, a `connect` below one."""
MAX_PIECES: Final = 4096
"""In how many pieces it may come: each is kept."""
_BEFORE_CONNECT: Final = (ConnectionState.HANDSHAKE, ConnectionState.UNCONNECTED)


@dataclass(frozen=True, slots=True)
class Handover:
    """What another process needs besides the socket."""

    connection_id: int
    """Its number in the log."""
    peername: tuple[Any, ...] | None
    """The client's address as asyncio has it."""
    received: tuple[bytes, ...]
    """What was read, in the pieces it was read in."""
    bytes_sent: int
    """How much of the answers has gone out."""


class FrontConnection(ServerConnection):
    """A client until its `connect` has come; then it rests, to be handed over or refused.

    The handler gets ConnectRequested, and ConnectionClosed unless `hand_over` was called.
    """

    _peername: tuple[Any, ...] | None
    _is_tls: bool
    _received: list[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the address; have `drain` wait until everything has left, which a relay need not."""
        self._peername = transport.get_extra_info("peername")
        self._is_tls = transport.get_extra_info("sslcontext") is not None
        self._received = []
        super().connection_made(transport)
        if not self._closing and not self._is_tls:
            cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Keep the bytes, and act on them as far as `connect`."""
        if self._closing:
            return
        session = self.session
        self._received.append(bytes(data))
        in_handshake = session.state is ConnectionState.HANDSHAKE
        session.feed(data)
        if in_handshake and session.state is not ConnectionState.HANDSHAKE:
            self._liveness.wait_for_connect()
        try:
            if session.bytes_received > MAX_RECEIVED:
                raise LimitExceeded(f"more than {MAX_RECEIVED} bytes came before connect was answered")
            if len(self._received) > MAX_PIECES:
                raise LimitExceeded(f"more than {MAX_PIECES} pieces came before connect was answered")
            while session.state in _BEFORE_CONNECT and (event := session.next_event()) is not None:
                self._deliver(event)
        except RemoteProtocolError as error:
            self.fail(error)
        if session.state is ConnectionState.CONNECTING:
            self.pause_reading()
        if session.pending_size:
            self.commands_given()

    async def hand_over(self) -> tuple[socket.socket, Handover, Place]:
        """Give the connection up: return its socket, what another process needs, and its place.

        To be called once ConnectRequested has come; the caller owns socket and place from then on. Raises
        ConnectionLost if the client has gone, OSError if there are no more descriptors.
        """
        await self.drain()
        transport, place = self._transport, self._place
        if self._closing or transport is None or place is None:
            raise ConnectionLost("the client has gone")
        handover = Handover(self.id, self._peername, tuple(self._received), self.session.bytes_sent)
        if self._is_tls:
            sock = await relay(transport)
        else:
            sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        self.handler = self._place = None
        self._server.connections.discard(self)
        self.session.close()
        self.timers.cancel_all()
        self._closing = True
        if not self._is_tls:
            transport.abort()
        return sock, handover, place


class AdoptedConnection(ServerConnection):
    """A client that another process has handed over."""

    def __init__(
        self,
        handler_factory: HandlerFactory,
        server: ConnectionServer,
        handover: Handover,
        limits: Limits = DEFAULT_LIMITS,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        super().__init__(handler_factory, server, limits, timeouts)
        self.id = handover.connection_id
        self._handover = handover
        self._already_sent = handover.bytes_sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Act on what the other process has read, before anything else is read."""
        self._place = self._server.places.enter(transport, self._handover.peername)
        super().connection_made(transport)
        self.peername = format_peer(self._handover.peername)
        for data in self._handover.received:
            self.data_received(data)

    def flush(self) -> None:
        """Send what is queued, but not what the other process has sent."""
        if not self._already_sent:
            super().flush()
            return
        self._flush_scheduled = False
        data = self.session.data_to_send()
        skipped = min(self._already_sent, len(data))
        self._already_sent -= skipped
        if self._transport is not None and len(data) > skipped:
            self._transport.write(data[skipped:])


async def adopt(connection: AdoptedConnection, sock: socket.socket) -> None:
    """Go on with a connection on the socket that was handed over with it; the socket is the connection's.

    Raises OSError if the socket is of no use.
    """
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, sock)
    except BaseException:
        sock.close()
        raise
