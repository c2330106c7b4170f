"""A server's session against any client."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtmp import events as ev
from rtmp.amf0 import encode_all
from rtmp.handshake import PACKET_SIZE
from rtmp.messages import Message, MessageType, Payload
from rtmp.server_session import ServerSession
from rtmp.shared_message import SharedMessage
from tests.fuzz.targets import operations
from tests.fuzz.targets.driver import Call, Driver, attempt, time_of, values_of
from tests.fuzz.targets.hello import read_hello

HELLO = b"\x03" + bytes(2 * PACKET_SIZE)
_ACCEPTS, _RESPONDS, _SINKS = 1, 2, 4


class ServerDriver(Driver):
    """Accepts and responds, or leaves that to the operations."""

    def __init__(self, step: int, reactions: int) -> None:
        self.session = ServerSession()
        super().__init__(self.session, step)
        self._accepts = bool(reactions & _ACCEPTS)
        self._responds = bool(reactions & _RESPONDS)
        self._has_sinks = bool(reactions & _SINKS)
        self._before: SharedMessage | None = None
        self._wanted: set[int] = set()  # message streams that were asked for, and have not ended
        self._publishing: set[int] = set()
        self._waiting: list[float] = []
        self._is_connect_seen = False

    def _notice(self, event: ev.Event) -> None:
        match event:
            case ev.ConnectRequested():
                assert not self._is_connect_seen
                self._is_connect_seen = True
            case ev.PublishRequested(stream_id) | ev.PlayRequested(stream_id):
                assert stream_id not in self._wanted
                self._wanted.add(stream_id)
            case ev.PlayQueued(stream_id):
                assert stream_id in self._wanted
                assert self.session.has_next_play(stream_id)
            case ev.StreamClosed(stream_id):
                self._wanted.remove(stream_id)
                self._publishing.discard(stream_id)
            case ev.AudioReceived() | ev.VideoReceived():
                assert event.stream_id in self._publishing
                assert not self._has_sinks
            case ev.DataReceived():
                assert event.stream_id in self._publishing
            case ev.CallReceived(_, transaction_id) if transaction_id:
                self._waiting.append(transaction_id)
            case _:
                pass

    def _react(self, event: ev.Event) -> None:
        match event:
            case ev.ConnectRequested() if self._accepts:
                self.session.accept_connect(event)
            case ev.PublishRequested(stream_id) if self._accepts:
                self._accept_publish(stream_id)
            case ev.PlayRequested(stream_id) if self._accepts:
                self.session.accept_play(stream_id)
            case ev.CallReceived(_, transaction_id, values) if self._responds and transaction_id:
                attempt(self.session.respond, transaction_id, *values)
            case _:
                pass

    def _calls(self) -> Sequence[Call]:
        session = self.session
        return (
            lambda _id, _body: session.accept_connect(),
            lambda _id, _body: session.reject_connect(),
            lambda stream_id, _body: self._accept_publish(stream_id),
            lambda stream_id, _body: session.accept_play(stream_id),
            lambda stream_id, _body: self._ends(session.reject_publish, stream_id),
            lambda stream_id, _body: self._ends(session.reject_play, stream_id),
            lambda stream_id, _body: self._ends(session.end_play, stream_id),
            lambda _id, body: session.respond(self._next_waiting(), *values_of(body)),
            lambda _id, body: session.respond_error(self._next_waiting(), "Code", str(body)),
            lambda _id, body: session.call("method", *values_of(body)),
            lambda stream_id, body: session.send_status(stream_id, "status", "Code", str(body)),
            lambda stream_id, body: session.send_audio(stream_id, time_of(body), body),
            lambda stream_id, body: session.send_video(stream_id, time_of(body), body * 40),
            lambda stream_id, body: session.send_data(stream_id, time_of(body), *values_of(body)),
            self._send_aggregate,
            lambda _id, body: session.send_ping(time_of(body)),
            lambda _id, _body: session.close(),
            self._send_shared,
            lambda stream_id, body: session.accept_play(stream_id, recorded=True, reset=bool(body)),
            lambda stream_id, body: session.accept_seek(stream_id, float(time_of(body))),
            lambda stream_id, body: session.reject_seek(stream_id, str(body)),
            lambda stream_id, body: session.complete_play(stream_id, time_of(body), 0.5, len(body)),
            lambda stream_id, _body: session.announce_publish(stream_id),
            lambda stream_id, _body: session.announce_unpublish(stream_id),
            lambda _id, body: session.request_reconnect(str(body)),
            lambda stream_id, body: session.announce_switch(stream_id, time_of(body)),
            lambda stream_id, _body: self._play_next(stream_id),
        )

    def _accept_publish(self, stream_id: int) -> None:
        def sink(type_id: int, _timestamp_ms: int, _payload: Payload) -> None:
            assert type_id in (MessageType.AUDIO, MessageType.VIDEO)
            assert stream_id in self._publishing

        self.session.accept_publish(stream_id, sink=sink if self._has_sinks else None)
        self._publishing.add(stream_id)

    def _play_next(self, stream_id: int) -> None:
        has_next = self.session.has_next_play(stream_id)
        event = self.session.next_play(stream_id)
        assert (event is not None) is has_next
        if event is not None:
            self._wanted.add(stream_id)
            self._react(event)

    def _ends(self, call: Callable[[int], object], stream_id: int) -> None:
        call(stream_id)
        self._wanted.remove(stream_id)

    def _next_waiting(self) -> float:
        return self._waiting.pop() if self._waiting else 9.0

    def _send_aggregate(self, stream_id: int, body: bytes) -> None:
        kinds = (MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0)
        parts = [
            Message(kinds[value % 3], stream_id, time_of(body) + value, body[:value]) for value in body[:3]
        ]
        self.session.send_aggregate(stream_id, parts)

    def _send_shared(self, stream_id: int, body: bytes) -> None:
        kind = (MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0)[len(body) % 3]
        # data that are no AMF would be the fault of whoever made the message
        payload = encode_all(values_of(body)) if kind == MessageType.DATA_AMF0 else body * 40
        message = SharedMessage(kind, time_of(body), payload, self._before)
        self._before = message
        self.session.send_shared(stream_id, message)

    def run(self, hello: bytes, steps: Sequence[operations.Operation]) -> None:
        super().run(hello, steps)
        assert not self._wanted, "a stream has no end"


def run(data: bytes) -> None:
    """After a plain handshake: how the bytes are cut, what is accepted, and operations."""
    step, reactions = (*data[:2], 0, 0)[:2]
    ServerDriver(step, reactions).run(HELLO, operations.parse(data[2:]))


def run_with_handshake(data: bytes) -> None:
    """The same from the first byte on."""
    step, reactions = (*data[:2], 0, 0)[:2]
    hello, rest = read_hello(data[2:], of_client=True)
    ServerDriver(step, reactions).run(hello, operations.parse(rest))
