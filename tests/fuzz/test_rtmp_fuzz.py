"""Random and damaged bytes: documented errors only, and memory that a peer cannot size."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rtmp import events as ev
from rtmp.amf0 import decode_all
from rtmp.chunk import basic_header
from rtmp.chunk_reader import ChunkReader
from rtmp.client_session import ClientSession
from rtmp.errors import AmfDecodeError, InvalidUrl, RemoteProtocolError
from rtmp.flv import AudioTagHeader, VideoTagHeader
from rtmp.handshake import PACKET_SIZE
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


def test_memory_of_many_large_announcements_is_bounded() -> None:
    """16 MB messages announced on 60 000 chunk streams, a chunk of each, in every legal way to go on."""
    tracemalloc.start()
    try:
        reader = ChunkReader()
        messages: list[Message] = []
        refused = 0
        for csid in range(3, 60_003):
            length = 0xFFFFFF if csid % 2 else 4_000_000
            header = basic_header(0, csid) + bytes(3) + length.to_bytes(3, "big") + b"\x09\x01\0\0\0"
            try:
                reader.receive_data(header + bytes(128), messages)
            except RemoteProtocolError:
                refused += 1
                reader = ChunkReader() if refused % 1000 == 0 else reader
        assert refused > 50_000
        assert messages == []
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_memory_of_slow_large_messages_is_bounded() -> None:
    reader = ChunkReader()
    received = 0
    chunk = {csid: basic_header(3, csid) + bytes(128) for csid in range(3, 60)}
    try:
        for csid in chunk:
            header = basic_header(0, csid) + bytes(3) + (4_000_000).to_bytes(3, "big") + b"\x09\x01\0\0\0"
            reader.receive_data(header + bytes(128), [])
        for _ in range(2000):
            for piece in chunk.values():
                reader.receive_data(piece, [])
                received += 128
    except RemoteProtocolError as error:
        assert "incomplete messages" in str(error)
    assert received < 9_000_000
