"""An RTMP server on asyncio."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl as ssl_module
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, cast

from rtmp.admission import Admission
from rtmp.aio.connection import Connection
from rtmp.aio.places import Place, Places
from rtmp.aio.tls import ServerTls
from rtmp.aio.tls_acceptor import TlsAcceptor
from rtmp.amf0 import AmfValue
from rtmp.errors import ConnectionLost, PolicyFileRequested, RtmpError
from rtmp.events import ConnectionClosed, ConnectRequested, Event
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts
from rtmp.messages import Payload
from rtmp.policy_file import PolicyFile
from rtmp.server_session import ServerSession
from rtmp.session import MediaSink
from rtmp.shared_message import SharedMessage

logger = logging.getLogger("rtmp")

DEFAULT_POLICY_FILE: Final = PolicyFile()
"""Pages of all domains may connect, to the port that was asked alone."""


class ServerHandler(Protocol):
    """What a program does with one client."""

    def on_event(self, event: Event) -> None:
        """Take an event, in order, on the event loop, without blocking.

        ConnectionClosed is always the last one and comes exactly once. An exception ends the connection.
        """
        ...


HandlerFactory = Callable[["ServerConnection"], ServerHandler]


class ServerConnection(Connection[ServerSession]):
    """One client. The commands are those of `ServerSession`, which says what they raise."""

    def __init__(
        self,
        handler_factory: HandlerFactory,
        server: RtmpServer,
        limits: Limits,
        timeouts: Timeouts,
        place: Place | None = None,
    ) -> None:
        super().__init__(ServerSession(limits), timeouts)
        self._server = server
        self._place = place  # None: to be asked for
        self._handler_factory = handler_factory
        self.handler: ServerHandler | None = None
        """Who gets the events; a handler may put another in its place."""

    @property
    def address_group(self) -> str:
        """What limits count as one address, "" if the peer has none."""
        return self._place.group if self._place is not None else ""

    def accept_connect(
        self,
        event: ConnectRequested | None = None,
        description: str = "Connection succeeded.",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Accept the connect that waits."""
        if not self._closing:
            self.session.accept_connect(event, description, extra)
            self.commands_given()

    def reject_connect(
        self,
        code: str = "NetConnection.Connect.Rejected",
        description: str = "Connection rejected.",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Refuse the connect that waits; the connection closes once the answer has left."""
        if not self._closing:
            self.session.reject_connect(code, description, extra)
            self.commands_given()

    def respond(self, transaction_id: float, *values: AmfValue) -> None:
        """Answer a call with `_result`."""
        if not self._closing:
            self.session.respond(transaction_id, *values)
            self.commands_given()

    def respond_error(
        self,
        transaction_id: float,
        code: str = "NetConnection.Call.Failed",
        description: str = "",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Answer a call with `_error`."""
        if not self._closing:
            self.session.respond_error(transaction_id, code, description, extra)
            self.commands_given()

    def call(self, name: str, *arguments: AmfValue) -> None:
        """Call a method of the client."""
        if not self._closing:
            self.session.call(name, *arguments)
            self.commands_given()

    def send_status(
        self,
        stream_id: int,
        level: str,
        code: str,
        description: str = "",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Send onStatus; stream 0 is the connection."""
        if not self._closing:
            self.session.send_status(stream_id, level, code, description, extra)
            self.commands_given()

    def accept_publish(self, stream_id: int, description: str = "", sink: MediaSink | None = None) -> None:
        """Accept a publish."""
        if not self._closing:
            self.session.accept_publish(stream_id, description, sink)
            self.commands_given()

    def reject_publish(
        self, stream_id: int, code: str = "NetStream.Publish.BadName", description: str = "Publish refused."
    ) -> None:
        """Refuse a publish."""
        if not self._closing:
            self.session.reject_publish(stream_id, code, description)
            self.commands_given()

    def accept_play(
        self, stream_id: int, description: str = "", *, recorded: bool = False, reset: bool = True
    ) -> None:
        """Accept a play."""
        if not self._closing:
            self.session.accept_play(stream_id, description, recorded=recorded, reset=reset)
            self.commands_given()

    def reject_play(
        self,
        stream_id: int,
        code: str = "NetStream.Play.StreamNotFound",
        description: str = "No such stream.",
    ) -> None:
        """Refuse a play."""
        if not self._closing:
            self.session.reject_play(stream_id, code, description)
            self.commands_given()

    def accept_seek(self, stream_id: int, position_ms: float) -> None:
        """Accept a seek."""
        if not self._closing:
            self.session.accept_seek(stream_id, position_ms)
            self.commands_given()

    def reject_seek(
        self,
        stream_id: int,
        description: str = "This stream cannot be sought in.",
        code: str = "NetStream.Seek.Failed",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Refuse a seek."""
        if not self._closing:
            self.session.reject_seek(stream_id, description, code, extra)
            self.commands_given()

    def complete_play(
        self, stream_id: int, timestamp_ms: int, duration_s: float, size_bytes: int, description: str = ""
    ) -> None:
        """Tell a player that all of a recording has been sent."""
        if not self._closing:
            self.session.complete_play(stream_id, timestamp_ms, duration_s, size_bytes, description)
            self.commands_given()

    def end_publish(self, stream_id: int, level: str, code: str, description: str) -> None:
        """Take no more of what a stream publishes, and say why."""
        if not self._closing:
            self.session.end_publish(stream_id, level, code, description)
            self.commands_given()

    def stop_play(self, stream_id: int, description: str = "") -> None:
        """Play no more."""
        if not self._closing:
            self.session.stop_play(stream_id, description)
            self.commands_given()

    def end_play(self, stream_id: int, description: str = "") -> None:
        """Tell a player that its stream has ended."""
        if not self._closing:
            self.session.end_play(stream_id, description)
            self.commands_given()

    def send_audio(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send audio, or drop and count it in `dropped_media` while the client reads too slowly."""
        if not self._closing and self.media_has_room():
            self.session.send_audio(stream_id, timestamp_ms, payload)
            self.commands_given()

    def send_video(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send video, or drop and count it in `dropped_media` while the client reads too slowly."""
        if not self._closing and self.media_has_room():
            self.session.send_video(stream_id, timestamp_ms, payload)
            self.commands_given()

    def send_shared(self, stream_id: int, message: SharedMessage) -> None:
        """Send a message that many players get, whether there is room or not."""
        if not self._closing:
            self.session.send_shared(stream_id, message)
            self.commands_given()

    def offer_shared(self, stream_id: int, message: SharedMessage) -> bool:
        """Send a message that many players get at once, if there is room; return whether there was.

        After False, `on_writable` will be called. On a closed connection it does nothing and returns True.
        """
        if self.write_paused:
            return self._closing
        transport = self._transport
        if transport is not None and not self._closing:
            if self.session.pending_size:
                self.flush()
            if data := self.session.serialize_shared(stream_id, message):
                transport.write(data)
        return True

    def request_reconnect(self, tc_url: str = "", description: str = "") -> None:
        """Ask the client to connect anew, perhaps elsewhere."""
        if not self._closing:
            self.session.request_reconnect(tc_url, description)
            self.commands_given()

    def announce_publish(self, stream_id: int) -> None:
        """Tell a player that its stream is published again."""
        if not self._closing:
            self.session.announce_publish(stream_id)
            self.commands_given()

    def announce_unpublish(self, stream_id: int) -> None:
        """Tell a player that its stream has ended, and may go on."""
        if not self._closing:
            self.session.announce_unpublish(stream_id)
            self.commands_given()

    def send_data(self, stream_id: int, timestamp_ms: int, *values: AmfValue) -> None:
        """Send a data message."""
        if not self._closing:
            self.session.send_data(stream_id, timestamp_ms, *values)
            self.commands_given()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the program for a handler, then wait for the handshake."""
        place = self._place = self._place or self._server.places.enter(transport)
        if place is None or not place.take():
            self._closing = True
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        self._inbound.share(self._server.admission.budgets(self.address_group, self._loop.time()))
        self._server.connections.add(self)
        try:
            self.handler = self._handler_factory(self)
        except Exception:
            logger.exception("connection %s (%s): no handler could be made", self.id, self.peername)
            self.abort(ConnectionLost("no handler could be made"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Deliver the last events and leave the server."""
        super().connection_lost(exc)
        self._server.connections.discard(self)
        if self._place is not None and self._place.is_taken:
            self._place.give_back()

    def _fail(self, error: RtmpError) -> None:
        policy_file = self._server.policy_file
        if isinstance(error, PolicyFileRequested) and policy_file is not None and self._transport is not None:
            logger.info("connection %s (%s): asked for the policy file", self.id, self.peername)
            self._transport.write(policy_file.serialize(self._local_port()))
            self.close()
        else:
            super()._fail(error)

    def _local_port(self) -> int:
        sockname = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return int(sockname[1]) if isinstance(sockname, tuple) else 0  # a Unix socket has none

    def _deliver(self, event: Event) -> None:
        if isinstance(event, ConnectRequested):
            self._cancel_timer("setup")
        if self.handler is None:
            return
        try:
            self.handler.on_event(event)
        except Exception:
            # whatever is wrong in the program's handler must not reach other connections
            logger.exception(
                "connection %s (%s): handler failed at %s", self.id, self.peername, type(event).__name__
            )
            if not isinstance(event, ConnectionClosed):
                self.abort(ConnectionLost(f"the handler failed at {type(event).__name__}"))


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
        self.places.close()
        for handshake in list(self._handshakes):
            handshake.abort()
        if connections:
            for connection in list(self.connections):
                connection.close(reason)

    async def wait_closed(self) -> None:
        """Wait until the last connection is gone."""
        await self.places.wait_left()


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
) -> RtmpServer:
    """Listen, and make a handler for every connection.

    `sock` is a bound socket to use instead of host and port; `ssl` makes it RTMPS. `admission` says how many
    connections there may be, and may be shared by several servers; one that it refuses is dropped at once,
    without a handler. `policy_file` is what Flash Player gets when it asks; None: nothing. Raises OSError if
    the address cannot be had (errno EADDRINUSE: the port is taken).
    """
    loop = asyncio.get_running_loop()
    server = RtmpServer(admission, policy_file)

    def make_connection(place: Place | None = None) -> ServerConnection:
        return ServerConnection(handler_factory, server, limits, timeouts, place)

    def make_protocol() -> asyncio.Protocol:
        if ssl is None:
            return make_connection()
        context = ssl.context if isinstance(ssl, ServerTls) else ssl
        return TlsAcceptor(context, timeouts, server._handshakes, server.places, make_connection)

    if sock is not None:
        server._server = await loop.create_server(make_protocol, sock=sock, backlog=backlog)
    else:
        server._server = await loop.create_server(
            make_protocol, host, port, backlog=backlog, reuse_port=reuse_port
        )
    return server
