"""One client of an RTMP server on asyncio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, cast

from rtmp.admission import Admission, SharedBudget
from rtmp.aio.connection import Connection
from rtmp.aio.places import Place, Places
from rtmp.errors import ConnectionLost, IdleTimeout, PolicyFileRequested, PublisherSilent, RtmpError
from rtmp.events import ConnectionClosed, ConnectRequested, Event, MessageIgnored
from rtmp.limits import Limits, Timeouts
from rtmp.messages import Message, Payload
from rtmp.policy_file import PolicyFile
from rtmp.server_session import ServerSession
from rtmp.shared_message import SharedMessage

logger = logging.getLogger("rtmp")

P = ParamSpec("P")


class ServerHandler(Protocol):
    """What a program does with one client."""

    def on_event(self, event: Event) -> None:
        """Take an event, in order, on the event loop, without blocking.

        ConnectionClosed is always the last one and comes exactly once. An exception ends the connection.
        """
        ...


HandlerFactory = Callable[["ServerConnection"], ServerHandler]


class ConnectionServer(Protocol):
    """What a connection knows of its server."""

    admission: Admission
    connections: set[ServerConnection]
    places: Places
    policy_file: PolicyFile | None


def _command(
    command: Callable[Concatenate[ServerSession, P], None],
) -> Callable[Concatenate[ServerConnection, P], None]:
    """Make a command of the session one of the connection, which sends what it causes."""

    @wraps(command)
    def give(connection: ServerConnection, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if not connection.is_closed:
            command(connection.session, *args, **kwargs)
            connection.commands_given()

    return give


class ServerConnection(Connection[ServerSession]):
    """One client. The commands are those of `ServerSession`, which says what they do and raise."""

    def __init__(
        self,
        handler_factory: HandlerFactory,
        server: ConnectionServer,
        limits: Limits,
        timeouts: Timeouts,
        place: Place | None = None,
    ) -> None:
        super().__init__(ServerSession(limits), timeouts)
        self._server = server
        self._place = place  # None: to be asked for
        self._handler_factory = handler_factory
        self.handler: ServerHandler | None = None
        """Who gets the events; a handler may put another in its place. None after the last event."""

    @property
    def address_group(self) -> str:
        """What limits count as one address, "" if the peer has none."""
        return self._place.group if self._place is not None else ""

    @property
    def file_budgets(self) -> tuple[SharedBudget, ...]:
        """What it shares with others of how fast files are played."""
        return self._server.admission.file_budgets(self.address_group, self._loop.time())

    accept_connect = _command(ServerSession.accept_connect)
    reject_connect = _command(ServerSession.reject_connect)
    respond = _command(ServerSession.respond)
    respond_error = _command(ServerSession.respond_error)
    call = _command(ServerSession.call)
    send_status = _command(ServerSession.send_status)
    accept_publish = _command(ServerSession.accept_publish)
    reject_publish = _command(ServerSession.reject_publish)
    accept_play = _command(ServerSession.accept_play)
    reject_play = _command(ServerSession.reject_play)
    accept_seek = _command(ServerSession.accept_seek)
    reject_seek = _command(ServerSession.reject_seek)
    complete_play = _command(ServerSession.complete_play)
    announce_switch = _command(ServerSession.announce_switch)
    end_publish = _command(ServerSession.end_publish)
    stop_play = _command(ServerSession.stop_play)
    end_play = _command(ServerSession.end_play)
    announce_publish = _command(ServerSession.announce_publish)
    announce_unpublish = _command(ServerSession.announce_unpublish)
    request_reconnect = _command(ServerSession.request_reconnect)
    send_data = _command(ServerSession.send_data)
    send_shared = _command(ServerSession.send_shared)

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

    def send_aggregate(self, stream_id: int, messages: Iterable[Message]) -> None:
        """Send several messages as one, or drop them all and count one while the client reads too slowly."""
        if not self._closing and self.media_has_room():
            self.session.send_aggregate(stream_id, messages)
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the program for a handler, then wait for the handshake."""
        place = self._place = self._place or self._server.places.enter(transport)
        if place is None or not place.take():
            self._closing = True
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        self._inbound.share(self._server.admission.budgets(place.group, self._loop.time()))
        self._server.connections.add(self)
        try:
            self.handler = self._handler_factory(self)
        except Exception:
            logger.exception("connection %s (%s): no handler could be made", self.id, self.peername)
            self.abort(ConnectionLost("no handler could be made"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Deliver the last events and leave the server."""
        super().connection_lost(exc)
        self.handler = None
        self._server.connections.discard(self)
        if self._place is not None and self._place.is_taken:
            self._place.give_back()

    def fail(self, error: RtmpError) -> None:
        """End the connection because of an error, and tell the client where there is a word for it.

        Flash Player gets the policy file that it asked for.
        """
        policy_file = self._server.policy_file
        if isinstance(error, PolicyFileRequested) and policy_file is not None and self._transport is not None:
            logger.info("connection %s (%s): asked for the policy file", self.id, self.peername)
            self._transport.write(policy_file.serialize(self._local_port()))
            self.close()
            return
        if isinstance(error, IdleTimeout):
            self.send_status(0, "status", "NetConnection.Connect.IdleTimeout", str(error))
        elif isinstance(error, PublisherSilent):
            for stream_id in self.session.publishing_streams:
                self.send_status(stream_id, "status", "NetStream.Publish.Idle", str(error))
        super().fail(error)

    def _local_port(self) -> int:
        sockname = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return int(sockname[1]) if isinstance(sockname, tuple) else 0  # a Unix socket has none

    def _deliver(self, event: Event) -> None:
        if isinstance(event, ConnectRequested):
            self._liveness.note_connected()
        elif isinstance(event, MessageIgnored):
            self._log_ignored(event)
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
