"""A session that acts on what it gets in many turns: the events are those of one that does so at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from math import inf

from rtmp import events as ev
from rtmp.client_session import ClientSession
from rtmp.errors import RemoteProtocolError
from rtmp.messages import Payload
from rtmp.server_session import ServerSession
from rtmp.session import Session
from tests.fuzz.targets import operations
from tests.fuzz.targets.chunks import cut
from tests.fuzz.targets.driver import attempt
from tests.fuzz.targets.operations import Kind, Operation
from tests.fuzz.targets.peer import Peer
from tests.fuzz.targets.server import HELLO

_SINK, _ON_NAME, _WITHOUT_ANSWERS = 1, 2, 4
_MAX_TURNS = 200_000

_MAX_STREAM = 6000
"""Bytes of a peer, many of which come in pieces of one byte."""


class _Turns:
    """Runs a session and keeps what happened, in its order."""

    def __init__(self, session: Session, reactions: int) -> None:
        self.happened: list[str] = []
        """Events, errors, and messages for sinks."""
        self._session = session
        self._reactions = reactions
        self._failed = False
        session.feed(HELLO)
        self.take()
        self.feed = session.feed

    def take(self, until: float = inf) -> None:
        """Act on what there is, up to so much work."""
        try:
            while not self._failed and (event := self._session.next_event(until)) is not None:
                self.happened.append(_told(event))
                self._react(event)
        except RemoteProtocolError as error:
            self._failed = True
            self.happened.append(repr(error))

    def finish(self) -> list[str]:
        """Lose the connection."""
        self.happened.extend(map(_told, self._session.connection_lost()))
        return self.happened

    def take_in_turns(self, work: int) -> None:
        """Act on what there is, so much work at a time."""
        session = self._session
        for _ in range(_MAX_TURNS):
            before = session.messages_handled
            self.take(before + work)
            if self._failed or session.messages_handled == before:
                return
            # the last of a turn may cost more, as a batch does
            assert session.messages_handled < before + work + 4
        raise AssertionError("there is no end to it")

    def _react(self, event: ev.Event) -> None:
        session = self._session
        if isinstance(session, ClientSession):
            if isinstance(event, ev.ConnectAccepted):
                session.create_stream()
            elif isinstance(event, ev.StreamCreated):
                attempt(session.play, event.stream_id, "x")  # the server may give one stream twice
        elif isinstance(session, ServerSession) and not self._reactions & _WITHOUT_ANSWERS:
            if isinstance(event, ev.ConnectRequested):
                session.accept_connect(event)
            elif isinstance(event, ev.PublishRequested):
                self._accept_publish(session, event)
            elif isinstance(event, ev.PlayRequested):
                session.accept_play(event.stream_id)

    def _accept_publish(self, session: ServerSession, event: ev.PublishRequested) -> None:
        wants_sink = bool(self._reactions & _SINK)
        if self._reactions & _ON_NAME:
            wants_sink = len(event.name) % 2 == 0

        def sink(type_id: int, timestamp_ms: int, payload: Payload) -> None:
            self.happened.append(repr((event.stream_id, type_id, timestamp_ms, bytes(payload))))

        session.accept_publish(event.stream_id, sink=sink if wants_sink else None)


def _told(event: ev.Event) -> str:
    """Return all of an event as text: what is not a number is not equal to itself."""
    values = (getattr(event, field.name) for field in fields(event))
    return repr((type(event), *(bytes(v) if isinstance(v, memoryview) else v for v in values)))


def _run(make: Callable[[], Session], data: bytes) -> None:
    work, reactions = (*data[2:4], 0, 0)[:2]
    stream = b"".join(_bytes_of(operations.parse(data[4:])))[:_MAX_STREAM]
    whole = _Turns(make(), reactions)
    whole.feed(stream)
    whole.take()
    happened = whole.finish()
    turns = _Turns(make(), reactions)
    late = _Turns(make(), reactions)  # as a connection whose turn does not come: all is parsed before
    for piece in cut(stream, data[:2]):
        turns.feed(piece)
        turns.take_in_turns(work + 1)
        late.feed(piece)
    late.take_in_turns(work + 1)
    assert turns.finish() == happened
    assert late.finish() == happened


def _bytes_of(steps: Iterable[Operation]) -> Iterator[bytes]:
    peer = Peer()
    before = b""
    repeats = 80
    for step in steps:
        if step.kind is Kind.REPEAT:
            count = min(step.a, repeats)
            repeats -= count
            yield before * count
        else:
            before = peer.bytes_of(step)
            yield before


def run_server(data: bytes) -> None:
    """Sizes of pieces, work in a turn, what is accepted how, and operations of a client."""
    _run(ServerSession, data)


def run_client(data: bytes) -> None:
    """The same of a server."""

    def make() -> ClientSession:
        session = ClientSession("rtmp://host/app")
        session.connect()
        return session

    _run(make, data)
