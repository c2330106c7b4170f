"""A server application for live streams: one publishes, many play."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from rtmp.aio.live_outlet import LiveOutlet
from rtmp.aio.server import ServerConnection
from rtmp.amf0 import AmfValue
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from rtmp.errors import RemoteProtocolError
from rtmp.events import (
    CallReceived,
    ConnectionClosed,
    ConnectRequested,
    DataReceived,
    Event,
    PauseRequested,
    PlayRequested,
    PublishRequested,
    ReceiveChanged,
    StreamClosed,
)
from rtmp.messages import MessageType
from rtmp.relay.limits import DEFAULT_RELAY_LIMITS, RelayLimits
from rtmp.relay.live_player import LivePlayer
from rtmp.relay.live_stream import LiveStream
from rtmp.relay.names import StreamName

logger = logging.getLogger("rtmp")

# A relay looks into no codec: it forwards every one.
CAPABILITIES: Final = Capabilities(
    four_ccs=("*",),
    video={"*": FourCcInfo.CAN_FORWARD},
    audio={"*": FourCcInfo.CAN_FORWARD},
    caps_ex=CapsEx.MULTITRACK | CapsEx.MOD_EX | CapsEx.TIMESTAMP_NANO_OFFSET,
)


class Republish(Enum):
    """What becomes of a publisher whose name somebody else wants to publish."""

    REFUSE = "refuse"
    """It stays, and the other is refused with NetStream.Publish.BadName."""
    REPLACE = "replace"
    """It is closed, for an encoder that lost its connection comes back before the server has noticed."""


class Purpose(Enum):
    """What a stream is asked for."""

    PUBLISH = "publish"
    PLAY = "play"


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """Somebody wants to publish or play; what `authorize` decides on."""

    purpose: Purpose
    stream: StreamName
    peername: str
    connect_arguments: tuple[AmfValue, ...] = field(repr=False)  # may hold passwords


class Refused(Exception):  # noqa: N818 - named for what happened
    """Raised by `authorize`: the request is refused; the text is for the client."""


Authorize = Callable[[LiveRequest], None]


class LiveApplication:
    """The streams of an application, and a handler for each connection to it.

    `authorize` may raise `Refused`. Players may come before the publisher, and stay when it leaves;
    `max_streams` bounds the names that are played or published.
    """

    def __init__(
        self,
        *,
        authorize: Authorize | None = None,
        republish: Republish = Republish.REFUSE,
        limits: RelayLimits = DEFAULT_RELAY_LIMITS,
        max_streams: int = 10_000,
    ) -> None:
        self.authorize = authorize
        self.republish = republish
        self.streams: dict[str, LiveStream] = {}
        """By app and name."""
        self._limits = limits
        self._max_streams = max_streams
        self._publishers: dict[str, tuple[LiveConnection, int]] = {}

    def make_handler(self, connection: ServerConnection) -> LiveConnection:
        """Return the handler of a connection, for `start_server`."""
        return LiveConnection(self, connection)

    def find(self, name: StreamName) -> LiveStream:
        """Return the stream of a name, a new one if need be. Raises Refused if there are too many."""
        key = str(name)
        stream = self.streams.get(key)
        if stream is None:
            if len(self.streams) >= self._max_streams:
                raise Refused(f"there are {self._max_streams} streams already")
            stream = self.streams[key] = LiveStream(key, self._limits)
        return stream

    def begin(self, stream: LiveStream, publisher: LiveConnection, stream_id: int) -> None:
        """Make somebody the publisher. Raises Refused if there is one, and it stays."""
        if stream.is_published:
            if self.republish is Republish.REFUSE:
                raise Refused(f"{stream.name} is being published by another client")
            other, other_id = self._publishers[stream.name]
            other.replaced(other_id)
        self._publishers[stream.name] = (publisher, stream_id)
        stream.begin()

    def end(self, stream: LiveStream) -> None:
        """Note that the publisher of a stream has ended."""
        self._publishers.pop(stream.name, None)
        stream.end()
        self.forget_unused(stream)

    def forget_unused(self, stream: LiveStream) -> None:
        """Forget a stream that is neither published nor played."""
        if not stream.is_published and not stream.players:
            self.streams.pop(stream.name, None)


class LiveConnection:
    """The handler of one connection: it may publish and play several streams."""

    def __init__(self, application: LiveApplication, connection: ServerConnection) -> None:
        self._application = application
        self._connection = connection
        self._app = ""
        self._connect_arguments: tuple[AmfValue, ...] = ()
        self._published: dict[int, LiveStream] = {}
        self._played: dict[int, tuple[LiveStream, LivePlayer]] = {}
        self._unseen: set[int] = set()
        """Streams whose pictures the client does not want."""
        self._handlers: Mapping[type[Event], Callable[..., None]] = {
            ConnectRequested: self._on_connect,
            PublishRequested: self._on_publish,
            PlayRequested: self._on_play,
            StreamClosed: self._on_stream_closed,
            PauseRequested: self._on_pause,
            ReceiveChanged: self._on_receive_changed,
            DataReceived: self._on_data,
            CallReceived: self._on_call,
            ConnectionClosed: self._on_closed,
        }
        connection.on_writable = self._on_writable

    def on_event(self, event: Event) -> None:
        """Take an event of the connection."""
        if (handler := self._handlers.get(type(event))) is not None:
            handler(event)

    def replaced(self, stream_id: int) -> None:
        """Give up a stream that somebody else publishes from now on."""
        self._end_published(stream_id)
        logger.info("connection %s: its stream is published by another client now", self._connection.id)
        self._connection.send_status(
            stream_id, "error", "NetStream.Publish.BadName", "another client publishes this stream now"
        )
        self._connection.close()

    def _on_connect(self, event: ConnectRequested) -> None:
        self._app, self._connect_arguments = event.app, event.arguments
        self._connection.accept_connect(event, extra=CAPABILITIES.to_command_object())

    def _request(self, purpose: Purpose, name: str) -> LiveStream:
        """Return the stream that is asked for. Raises Refused."""
        try:
            stream_name = StreamName.parse(self._app, name)
        except RemoteProtocolError as error:
            raise Refused(str(error)) from None
        if self._application.authorize is not None:
            self._application.authorize(
                LiveRequest(purpose, stream_name, self._connection.peername, self._connect_arguments)
            )
        return self._application.find(stream_name)

    def _on_publish(self, event: PublishRequested) -> None:
        try:
            if event.kind != "live":
                raise Refused(f"publish of kind {event.kind[:20]!r}: nothing is recorded here")
            stream = self._request(Purpose.PUBLISH, event.name)
            self._application.begin(stream, self, event.stream_id)
        except Refused as refusal:
            logger.info("connection %s: publish refused: %s", self._connection.id, refusal)
            self._connection.reject_publish(event.stream_id, description=str(refusal))
            return
        self._published[event.stream_id] = stream
        logger.info("connection %s: publishes %s", self._connection.id, stream.name)
        self._connection.accept_publish(event.stream_id, sink=stream.push)

    def _on_play(self, event: PlayRequested) -> None:
        try:
            stream = self._request(Purpose.PLAY, event.name)
        except Refused as refusal:
            logger.info("connection %s: play refused: %s", self._connection.id, refusal)
            self._connection.reject_play(event.stream_id, "NetStream.Play.Failed", str(refusal))
            return
        logger.info("connection %s: plays %s", self._connection.id, stream.name)
        self._connection.accept_play(event.stream_id)
        player = stream.add_player(LiveOutlet(self._connection, event.stream_id))
        self._played[event.stream_id] = (stream, player)

    def _on_stream_closed(self, event: StreamClosed) -> None:
        if event.stream_id in self._published:
            self._end_published(event.stream_id)
        elif event.stream_id in self._played:
            stream, player = self._played.pop(event.stream_id)
            stream.remove_player(player)
            self._application.forget_unused(stream)

    def _end_published(self, stream_id: int) -> None:
        stream = self._published.pop(stream_id)
        logger.info("connection %s: no longer publishes %s", self._connection.id, stream.name)
        self._application.end(stream)

    def _on_pause(self, event: PauseRequested) -> None:
        stream, player = self._played[event.stream_id]
        if event.paused:
            player.pause()
        else:
            stream.resume_player(player)

    def _on_receive_changed(self, event: ReceiveChanged) -> None:
        if not event.video:
            self._unseen.add(event.stream_id)
        elif event.stream_id in self._unseen:
            self._unseen.discard(event.stream_id)
            if event.stream_id in self._played:
                self._played[event.stream_id][1].wait_for_key()

    def _on_data(self, event: DataReceived) -> None:
        self._published[event.stream_id].push(MessageType.DATA_AMF0, event.timestamp_ms, event.payload)

    def _on_call(self, event: CallReceived) -> None:
        if event.transaction_id:
            self._connection.respond_error(
                event.transaction_id, description=f"there is no method {event.name[:60]}"
            )

    def _on_writable(self) -> None:
        for stream, player in self._played.values():
            stream.drained(player)

    def _on_closed(self, event: ConnectionClosed) -> None:
        if event.reason is not None:
            logger.info("connection %s: lost: %s", self._connection.id, event.reason)
