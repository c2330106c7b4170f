"""Random and damaged bytes: documented errors only, and memory that a peer cannot size."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmp import events as ev
from rtmp.amf0 import decode_all
from rtmp.chunk import basic_header
from rtmp.client_session import ClientSession
from rtmp.errors import AmfDecodeError, InvalidUrl, LimitExceeded, RemoteProtocolError
from rtmp.flv import AudioTagHeader, VideoTagHeader
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import Limits
from rtmp.messages import Message, UserControl, split_aggregate
from rtmp.server_session import ServerSession
from rtmp.session import Session
from rtmp.url import RtmpUrl
from tests.rtmp.raw_client import accept

VECTORS = Path(__file__).parents[1] / "vectors" / "rtmp"
HELLO = b"\x03" + bytes(2 * PACKET_SIZE)


def drive(session: Session, data: bytes) -> None:
    """Feed a session, accept what it asks, and let only documented errors pass."""
    session.feed(data)
    try:
        while (event := session.next_event()) is not None:
            if not isinstance(session, ServerSession):
                continue
            accept(session, event)
            if isinstance(event, ev.CallReceived):
                session.respond(event.transaction_id, *event.arguments)
    except RemoteProtocolError:
        pass
    session.data_to_send()
    last = session.connection_lost()
    assert last[-1] == ev.ConnectionClosed(None)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_amf(data: bytes) -> None:
    for prefix in (b"", b"\x11", b"\x0a\x00\x00\x00\x05", b"\x11\x0a\x0b\x01", b"\x11\x09"):
        with contextlib.suppress(AmfDecodeError):
            decode_all(prefix + data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_sessions_after_the_handshake(data: bytes) -> None:
    drive(ServerSession(), HELLO + data)
    drive(ClientSession("rtmp://h/x"), HELLO + data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([8, 9, 15, 17, 18, 20, 22, 1, 2, 3, 4, 5, 6]), st.binary(max_size=120))
def test_messages(type_id: int, payload: bytes) -> None:
    header = bytes((3, 0, 0, 0, 0, 0, len(payload), type_id, 0, 0, 0, 0))
    drive(ServerSession(), HELLO + header + payload)
    drive(ClientSession("rtmp://h/x"), HELLO + header + payload)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.text(max_size=40))
def test_small_parsers(data: bytes, text: str) -> None:
    for parse in (AudioTagHeader.parse, VideoTagHeader.parse, UserControl.parse):
        with contextlib.suppress(RemoteProtocolError):
            parse(data)
    with contextlib.suppress(RemoteProtocolError):
        list(split_aggregate(Message(22, 1, 0, data)))
    with contextlib.suppress(InvalidUrl):
        RtmpUrl.parse("rtmp://" + text)


def test_damaged_captures() -> None:
    generator = random.Random(7)
    for path in sorted(VECTORS.glob("*.bin")):
        original = path.read_bytes()[:6000]
        for _ in range(120):
            data = bytearray(original)
            for _ in range(generator.randint(1, 4)):
                # the handshake may hold anything: damage what follows
                at = generator.randrange(1 + 2 * PACKET_SIZE, len(data))
                data[at] = generator.randrange(256)
            drive(ServerSession(), bytes(data))


def announce(csid: int, length: int, body: int = 128) -> bytes:
    """The first chunk of a video message, or as much of it."""
    header = basic_header(0, csid) + bytes(3) + length.to_bytes(3, "big") + b"\x09\x01\0\0\0"
    return header + bytes(body)


@contextlib.contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """The peak of what is allocated inside, by all of Python."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [0xFFFFFF, Limits().max_message_size], ids=["too long", "longest"])
def test_memory_of_many_large_announcements_is_bounded(length: int) -> None:
    """16 MB or 4 MB messages announced on 60 000 chunk streams, one chunk of each."""
    announcements = [announce(csid, length) for csid in range(3, 60_003)]
    accepted = 0
    with memory_below(100_000):
        session = server_after_handshake()
        try:
            for data in announcements:
                assert session.receive_data(data) == []
                accepted += 1
        except LimitExceeded:
            pass
        for data in islice(announcements, accepted, None):  # a caller that goes on costs nothing
            session.feed(data)
    assert accepted == (0 if length == 0xFFFFFF else Limits().max_chunk_streams)


def test_memory_of_many_chunk_streams_is_bounded() -> None:
    """The same where so many chunk streams are allowed: each costs what it has sent and a small record."""
    limits = Limits(max_chunk_streams=65_600)
    session = ServerSession(limits)
    session.receive_data(HELLO)
    size = Limits().max_assembling_bytes
    with memory_below(size + 60_000 * 1000), pytest.raises(LimitExceeded, match="incomplete messages"):
        for csid in range(3, 65_600):
            session.receive_data(announce(csid, limits.max_message_size))
        for csid in range(3, 65_600):
            session.receive_data(basic_header(3, csid) + bytes(128))


@pytest.mark.parametrize("step", [127, 128, 129, 5000])
def test_memory_of_slow_large_messages_is_bounded(step: int) -> None:
    """As many messages as there may be chunk streams, all growing and none ever complete."""
    size = Limits().max_assembling_bytes
    csids = range(3, 3 + Limits().max_chunk_streams)
    first = b"".join(announce(csid, Limits().max_message_size) for csid in csids)
    again = b"".join(basic_header(3, csid) + bytes(128) for csid in csids)
    sent = 0
    session = server_after_handshake()
    # a bytearray that grows is up to an eighth larger than what it holds, and may be copied
    with memory_below(size * 5 // 4), pytest.raises(LimitExceeded, match="incomplete messages"):
        session.receive_data(first)
        while sent < 2 * size:
            for at in range(0, len(again), step):
                session.receive_data(again[at : at + step])
            sent += len(again)
    assert 0.9 * size < sent < 1.1 * size


def server_after_handshake() -> ServerSession:
    session = ServerSession()
    session.receive_data(HELLO)
    session.data_to_send()
    return session
