"""What server and client sessions share: bytes in, events out; commands in, bytes out. No I/O, no clock.

A session owns the handshake, the chunk reader and writer, and answers by itself what needs no decision:
acknowledgements, pings, chunk sizes. Subclasses give commands and media their meaning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Final, TypeAlias

from rtmp.amf0 import AmfValue
from rtmp.chunk_reader import ChunkReader
from rtmp.commands import Command, opaque_data, parse_values, plain_data
from rtmp.errors import AmfDecodeError, LocalProtocolError, RemoteProtocolError, RtmpError
from rtmp.events import ConnectionClosed, DataReceived, Event, MessageIgnored, UndecodedDataReceived
from rtmp.handshake import Handshake
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import (
    Message,
    MessageType,
    Payload,
    split_aggregate,
)
from rtmp.session_control import SessionControl
from rtmp.session_output import ENDED
from rtmp.state import ConnectionInput, ConnectionState

MediaSink: TypeAlias = Callable[[int, int, Payload], None]
"""Takes the media of a stream: message type (AUDIO or VIDEO), timestamp in milliseconds, payload."""
_MEDIA = frozenset((MessageType.AUDIO, MessageType.VIDEO))
_CONTENT = _MEDIA | {MessageType.DATA_AMF0, MessageType.DATA_AMF3, MessageType.AGGREGATE}
_HANDSHAKE: Final = ConnectionState.HANDSHAKE  # a member is looked up slowly, and this for every read
_BATCH = 64
"""Chunks parsed at once: they can be so small that a read holds a hundred thousand."""
_BATCH_WORK = 4
"""What a batch costs, in messages handled."""


class Session(SessionControl):
    """The protocol state of one connection."""

    def __init__(self, handshake: Handshake, limits: Limits = DEFAULT_LIMITS, chunk_size: int = 4096) -> None:
        super().__init__(chunk_size)
        self.limits = limits
        self.messages_received = 0
        self.messages_handled = 0
        """A measure of work: parts of aggregate messages count too, and parsing more than fits one batch."""
        self.messages_of_control = 0
        """Of those handled: neither media nor data."""
        self.undecoded_data = 0
        """Data messages of streams that could not be decoded."""
        self._handshake = handshake
        self._reader = ChunkReader(limits)
        self.peer_is_leaving = False
        """Whether the last that the peer said is that it has done with a stream."""
        self._messages: deque[Message] = deque()
        self._sinks: dict[int, MediaSink] = {}
        self._parts: Iterator[Message] | None = None  # what is left of an aggregate message
        self._failure: RemoteProtocolError | None = None
        self._ignored: set[int] = set()  # message types that nothing was done about

    # Bytes in, events out

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer; `next_event` then says what they cause. Never raises."""
        if self._failure is not None or self.state in ENDED:
            return
        data = bytes(data)
        self.bytes_received += len(data)
        messages = self._messages
        before = len(messages)
        try:
            if self.state is _HANDSHAKE:
                data = self._receive_handshake(data)
            self._reader.receive_data(data, messages, _BATCH)
            if self.bytes_received >= self._ack_due:
                self._acknowledge()
        except RemoteProtocolError as error:
            self._failure = error
        # also after a fault: the messages before it have arrived
        self.messages_received += len(messages) - before

    @property
    def has_input(self) -> bool:
        """Whether there is something left to act on: `next_event` may have more to say."""
        return bool(
            self._messages
            or self._parts is not None
            or self._reader.has_rest
            or self._failure is not None
            or self._events
        )

    def next_event(self, until: float = inf) -> Event | None:
        """Return the next event, None if more bytes are needed or `messages_handled` has come to `until`.

        Messages are acted on one by one, each after the caller has dealt with the events of the one before:
        so a client that does not wait for answers sees the same as one that does, and a stream in an event
        still exists. Raises RemoteProtocolError, after all events before the fault, if the peer broke the
        protocol: the connection must be closed, and every further call raises the same error again.
        """
        events, messages = self._events, self._messages
        while not events:
            if self.state in ENDED or self.messages_handled >= until:
                return None
            if messages and self._parts is None:
                type_id, stream_id, timestamp_ms, payload = messages[0]
                sink = self._sinks.get(stream_id)
                if sink is not None and type_id in _MEDIA:
                    del messages[0]
                    self.messages_handled += 1
                    sink(type_id, timestamp_ms, payload)
                    continue
            if not self._next_message():
                return None
        return events.popleft()

    def _next_message(self) -> bool:
        """Act on one message; return whether there was one."""
        if self._parts is None and not self._messages:
            if self._failure is not None:
                raise self._failure
            if not self._reader.has_rest:
                return False
            self.messages_handled += _BATCH_WORK
            self.feed(b"")
            return True
        self.messages_handled += 1
        try:
            if self._parts is None:
                self._handle(self._messages.popleft())
            elif (part := next(self._parts, None)) is not None:
                self._handle(part)
            else:
                self._parts = None
        except RemoteProtocolError as error:
            self._messages.clear()
            self._parts = None
            self._failure = error
        return True

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes from the peer; return all the events they cause.

        For callers that need no commands in between; see `next_event`. Raises RemoteProtocolError, and
        `take_events` then has the events before the fault.
        """
        self.feed(data)
        events: list[Event] = []
        try:
            while (event := self.next_event()) is not None:
                events.append(event)
        except RemoteProtocolError:
            self._events.extend(events)
            raise
        return events

    def take_events(self) -> list[Event]:
        """Return the events that have not been returned yet."""
        events = list(self._events)
        self._events.clear()
        return events

    def connection_lost(self, reason: RtmpError | None = None) -> list[Event]:
        """Note that the transport is gone; return the last events, of which ConnectionClosed is the last."""
        if self.state is not ConnectionState.CLOSED:
            self._advance(ConnectionInput.LOST, LocalProtocolError)
            self._close_streams()
            self._events.append(ConnectionClosed(reason))
            self._failure = None  # the frames of its traceback know us
        return self.take_events()

    def close(self) -> None:
        """Stop reading; what is queued may still be sent. The transport is the caller's to close."""
        if self.state is not ConnectionState.CLOSED:
            self._advance(ConnectionInput.CLOSE, LocalProtocolError)

    def _receive_handshake(self, data: bytes) -> bytes:
        answer, rest = self._handshake.receive_data(data)
        self._queue(answer)
        if self._handshake.done:
            self._advance(ConnectionInput.HANDSHAKE_DONE, RemoteProtocolError)
            self._on_handshake_done()
        return rest

    def _handle(self, message: Message) -> None:
        sink = self._sinks.get(message.stream_id)
        if sink is not None and message.type_id in _MEDIA:  # of an aggregate message
            sink(message.type_id, message.timestamp_ms, message.payload)
            return
        if message.type_id not in _CONTENT:
            self.messages_of_control += 1
        handler = _HANDLERS.get(message.type_id)
        if handler is not None:
            handler(self, message)
        elif message.type_id not in self._ignored:
            # shared objects and unknown types are of no use here, and no harm
            self._ignored.add(message.type_id)
            self._events.append(MessageIgnored(message.type_id))

    # Control messages

    # AMF messages

    def _on_command_message(self, message: Message) -> None:
        command = Command.parse(message.type_id, message.payload, self.limits)
        self.commands_exchanged += 1
        self._on_command(command, message.stream_id)

    def _on_data_message(self, message: Message) -> None:
        type_id, stream_id, timestamp_ms, payload = message
        if not self._takes_data(stream_id):
            return
        try:
            values = tuple(parse_values(type_id, payload, self.limits))
        except AmfDecodeError as error:
            # no reason to end a stream: it means nothing to us, and may to those who play it
            self.undecoded_data += 1
            opaque = opaque_data(type_id, payload)
            self._events.append(UndecodedDataReceived(stream_id, timestamp_ms, opaque, str(error)))
            return
        plain = plain_data(type_id, payload, values)
        self._events.append(DataReceived(stream_id, timestamp_ms, self._data_values(values), plain))

    def _on_aggregate(self, message: Message) -> None:
        self._parts = split_aggregate(message)

    # What subclasses decide

    @property
    def is_in_use(self) -> bool:
        """Whether a stream is published or played, or is to be."""
        raise NotImplementedError

    @property
    def publishing_streams(self) -> list[int]:
        """The streams on which the peer publishes to us."""
        raise NotImplementedError

    def _on_handshake_done(self) -> None:
        raise NotImplementedError

    def _on_command(self, command: Command, stream_id: int) -> None:
        raise NotImplementedError

    def _on_audio(self, message: Message) -> None:
        raise NotImplementedError

    def _on_video(self, message: Message) -> None:
        raise NotImplementedError

    def _takes_data(self, stream_id: int) -> bool:
        raise NotImplementedError

    def _data_values(self, values: tuple[AmfValue, ...]) -> tuple[AmfValue, ...]:
        raise NotImplementedError

    def _close_streams(self) -> None:
        raise NotImplementedError


# Not in the session: bound methods there would hold it in a circle, which only the collector could free.
_HANDLERS: Final[Mapping[int, Callable[[Session, Message], None]]] = {
    MessageType.ACKNOWLEDGEMENT: Session._on_acknowledgement,
    MessageType.USER_CONTROL: Session._on_user_control,
    MessageType.WINDOW_ACK_SIZE: Session._on_window_ack_size,
    MessageType.SET_PEER_BANDWIDTH: Session._on_set_peer_bandwidth,
    MessageType.AUDIO: lambda session, message: session._on_audio(message),
    MessageType.VIDEO: lambda session, message: session._on_video(message),
    MessageType.DATA_AMF0: Session._on_data_message,
    MessageType.DATA_AMF3: Session._on_data_message,
    MessageType.COMMAND_AMF0: Session._on_command_message,
    MessageType.COMMAND_AMF3: Session._on_command_message,
    MessageType.AGGREGATE: Session._on_aggregate,
}
