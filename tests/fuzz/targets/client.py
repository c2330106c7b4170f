"""A client's session against any server."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from rtmp import events as ev
from rtmp.auth.client_auth import ClientAuth, Credentials
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from rtmp.client_session import ClientSession
from rtmp.errors import ConnectRejected
from tests.fuzz.targets import operations
from tests.fuzz.targets.driver import Call, Driver, attempt, time_of, values_of
from tests.fuzz.targets.hello import read_hello

_CREATES, _RESPONDS, _AMF3, _PLAIN = 1, 2, 4, 8


class ClientDriver(Driver):
    """Creates streams that publish and play in turn, or leaves that to the operations."""

    def __init__(self, step: int, reactions: int) -> None:
        self.session = ClientSession(
            "rtmp://host/app",
            object_encoding=3 if reactions & _AMF3 else 0,
            digest=not reactions & _PLAIN,
            capabilities=Capabilities(("*",), {"hvc1": FourCcInfo.CAN_DECODE}, {}, CapsEx.RECONNECT),
            auth_query="?authmod=adobe&user=bob",
        )
        self._auth = ClientAuth(Credentials("bob", "secret"), "app")
        super().__init__(self.session, step)
        self._creates = bool(reactions & _CREATES)
        self._responds = bool(reactions & _RESPONDS)
        self._called: set[float] = set()
        self._is_answered = False
        self.session.connect()

    def _notice(self, event: ev.Event) -> None:
        match event:
            case ev.ConnectAccepted() | ev.ConnectRefused():
                assert not self._is_answered
                self._is_answered = True
            case ev.ResultReceived(transaction_id) | ev.ErrorReceived(transaction_id):
                self._called.remove(transaction_id)
            case ev.StreamCreated(_, transaction_id):
                self._called.remove(transaction_id)
            case _:
                assert not isinstance(event, ev.ConnectRequested | ev.PublishRequested | ev.PlayRequested)

    def _react(self, event: ev.Event) -> None:
        match event:
            case ev.ConnectAccepted() if self._creates:
                self._create_stream()
                self._create_stream()
            case ev.StreamCreated(stream_id, transaction_id) if self._creates:
                start = self.session.publish if transaction_id == 2.0 else self.session.play
                attempt(start, stream_id, "x")  # the server may give one stream twice
            case ev.ConnectRefused(code, description):
                with contextlib.suppress(ConnectRejected):
                    self._auth.next_query(ConnectRejected(code, description, {}))
            case ev.CallReceived(_, transaction_id, values) if self._responds:
                attempt(self.session.respond, transaction_id, *values)
            case _:
                pass

    def _calls(self) -> Sequence[Call]:
        session = self.session
        return (
            lambda _id, _body: self._create_stream(),
            lambda _id, body: self._called.add(session.call("method", *values_of(body))),
            lambda _id, body: session.notify("method", *values_of(body)),
            lambda _id, body: session.respond(5.0, *values_of(body)),
            lambda stream_id, body: session.publish(stream_id, str(body)),
            lambda stream_id, body: session.play(stream_id, str(body)),
            lambda stream_id, _body: session.close_stream(stream_id),
            lambda stream_id, _body: session.delete_stream(stream_id),
            lambda stream_id, body: session.send_audio(stream_id, time_of(body), body),
            lambda stream_id, body: session.send_video(stream_id, time_of(body), body * 40),
            lambda stream_id, body: session.send_data(stream_id, time_of(body), *values_of(body)),
            lambda _id, body: session.send_ping(time_of(body)),
            lambda _id, _body: session.connect(),
            lambda _id, _body: session.close(),
            lambda stream_id, body: session.pause(stream_id, bool(body), float(time_of(body))),
            lambda stream_id, body: session.seek(stream_id, float(time_of(body))),
            lambda stream_id, body: session.receive_audio(stream_id, bool(body)),
            lambda stream_id, body: session.receive_video(stream_id, bool(body)),
            lambda stream_id, body: session.publish(stream_id, str(body), "record", announce=True),
            lambda stream_id, body: session.play(
                stream_id, str(body), reset=not body, duration=5.0, announce=True
            ),
        )

    def _create_stream(self) -> None:
        self._called.add(self.session.create_stream())


def run(data: bytes) -> None:
    """How the bytes are cut, how the client is, the handshake and operations."""
    step, reactions = (*data[:2], 0, 0)[:2]
    hello, rest = read_hello(data[2:], of_client=False)
    ClientDriver(step, reactions).run(hello, operations.parse(rest))
