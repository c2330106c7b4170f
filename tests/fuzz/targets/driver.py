"""What the targets of both sessions share: feeding in cuts, events in turn, and the end of a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtmp import events as ev
from rtmp.amf0 import AmfValue, decode_all
from rtmp.errors import AmfDecodeError, LocalProtocolError, RemoteProtocolError
from rtmp.session import Session
from tests.fuzz.targets.operations import Kind, Operation
from tests.fuzz.targets.output import SentBySession
from tests.fuzz.targets.peer import Peer

_WHOLE = 1 << 16
_MAX_REPEATS = 80  # more than there may be of streams, calls and chunk streams


class Driver:
    """Runs a session through operations. Subclasses react to events and know the calls of their side."""

    def __init__(self, session: Session, step: int) -> None:
        self._session = session
        self._step = step or _WHOLE
        self._peer = Peer()
        self._sent = SentBySession()
        self._failed = False

    def run(self, hello: bytes, operations: Sequence[Operation]) -> None:
        """Let the peer send the handshake and do the operations, and lose the connection in the end."""
        # of 3073 bytes, most of which mean nothing: larger pieces
        self._receive(hello, self._step * 100)
        before = Operation(Kind.RAW)
        repeats = _MAX_REPEATS
        for operation in operations:
            if operation.kind is Kind.REPEAT:
                count = min(operation.a, repeats)
                repeats -= count
                for _ in range(count):
                    self._do(before)
            else:
                self._do(before := operation)
        last = self._session.connection_lost()
        for event in last[:-1]:
            self._notice(event)
        assert last[-1] == ev.ConnectionClosed(None)
        assert self._session.connection_lost() == []
        assert self._session.next_event() is None

    def _do(self, operation: Operation) -> None:
        if operation.kind is Kind.LOCAL:
            self._act_locally(operation)
        else:
            self._receive(self._peer.bytes_of(operation), self._step)
        self._sent.check(self._session)

    def _receive(self, data: bytes, step: int) -> None:
        for at in range(0, len(data), step):
            self._session.feed(data[at : at + step])
            self._take_events()

    def _take_events(self) -> None:
        try:
            while (event := self._session.next_event()) is not None:
                assert not self._failed, "an event after the error"
                self._notice(event)
                self._react(event)
        except RemoteProtocolError as error:
            self._failed = True
            self._assert_raises_again(error)

    def _assert_raises_again(self, error: RemoteProtocolError) -> None:
        try:
            event = self._session.next_event()
        except RemoteProtocolError as again:
            assert again is error
        else:
            raise AssertionError(f"{event} instead of {error}")

    def _act_locally(self, operation: Operation) -> None:
        calls = self._calls()
        attempt(calls[operation.a % len(calls)], operation.b & 15, operation.body)

    def _calls(self) -> Sequence[Call]:
        raise NotImplementedError

    def _notice(self, event: ev.Event) -> None:
        """Assert that the event may come now."""
        raise NotImplementedError

    def _react(self, event: ev.Event) -> None:
        raise NotImplementedError


Call = Callable[[int, bytes], object]
"""A method of our side; it gets a message stream and bytes to make arguments of."""


def attempt(call: Callable[..., object], *arguments: object) -> bool:
    """Return whether a call was allowed; it may raise LocalProtocolError and nothing else."""
    try:
        call(*arguments)
    except LocalProtocolError:
        return False
    return True


def values_of(body: bytes) -> list[AmfValue]:
    """Return AMF values to send."""
    try:
        return decode_all(body)
    except AmfDecodeError:
        return [body]


def time_of(body: bytes) -> int:
    """Return a timestamp."""
    return int.from_bytes(body[:4], "big")
