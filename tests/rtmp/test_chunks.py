from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmp.chunk import basic_header
from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from rtmp.limits import Limits
from rtmp.messages import Message, MessageType, split_aggregate
from tests.rtmp.interleaver import CHUNK_STREAMS, PATTERN_SIZE, Interleaver, by_stream

LIMITS = Limits()
LARGE = Limits(max_message_size=1 << 24, max_audio_size=1 << 24, max_assembling_bytes=1 << 24)


def read(data: bytes, step: int = 0, reader: ChunkReader | None = None) -> list[Message]:
    reader = reader or ChunkReader(LIMITS)
    messages: list[Message] = []
    for at in range(0, len(data), step or max(len(data), 1)):
        reader.receive_data(data[at : at + (step or len(data))], messages)
    return messages


def full(csid: int, timestamp: int, length: int, type_id: int = 9, stream_id: int = 1) -> bytes:
    """A format 0 header."""
    field = min(timestamp, 0xFFFFFF).to_bytes(3, "big")
    extended = timestamp.to_bytes(4, "big") if timestamp >= 0xFFFFFF else b""
    rest = length.to_bytes(3, "big") + bytes((type_id,)) + stream_id.to_bytes(4, "little")
    return basic_header(0, csid) + field + rest + extended


BODY = bytes(range(256)) + b"tail"  # 260 bytes: three chunks of 128
E = 0x01000000  # needs an extended timestamp
EXT = E.to_bytes(4, "big")

VECTORS: dict[str, tuple[bytes, list[tuple[int, int, int, bytes]]]] = {
    "one chunk": (full(4, 5, 3) + b"abc", [(9, 1, 5, b"abc")]),
    "empty message": (full(4, 5, 0), [(9, 1, 5, b"")]),
    "two-byte chunk stream id": (full(200, 5, 3) + b"abc", [(9, 1, 5, b"abc")]),
    "three-byte chunk stream id": (full(65599, 5, 3) + b"abc", [(9, 1, 5, b"abc")]),
    "formats 1, 2, 3": (
        full(4, 100, 2)
        + b"aa"
        + bytes.fromhex("44 00000a 000003 08")
        + b"bbb"
        + bytes.fromhex("84 000014")
        + b"ccc"
        + bytes.fromhex("c4")
        + b"ddd",
        [(9, 1, 100, b"aa"), (8, 1, 110, b"bbb"), (8, 1, 130, b"ccc"), (8, 1, 150, b"ddd")],
    ),
    "format 3 after format 0 takes the timestamp for its delta": (
        full(4, 100, 2) + b"aa" + b"\xc4bb",
        [(9, 1, 100, b"aa"), (9, 1, 200, b"bb")],
    ),
    "three chunks": (
        full(4, 5, 260) + BODY[:128] + b"\xc4" + BODY[128:256] + b"\xc4" + BODY[256:],
        [(9, 1, 5, BODY)],
    ),
    "three chunks, two-byte id": (
        full(64, 5, 260) + BODY[:128] + b"\xc0\x00" + BODY[128:256] + b"\xc0\x00" + BODY[256:],
        [(9, 1, 5, BODY)],
    ),
    "interleaved": (
        full(4, 5, 260)
        + BODY[:128]
        + full(5, 6, 2, 8)
        + b"xy"
        + b"\xc4"
        + BODY[128:256]
        + b"\xc5zw"
        + b"\xc4"
        + BODY[256:],
        [(8, 1, 6, b"xy"), (8, 1, 12, b"zw"), (9, 1, 5, BODY)],
    ),
    "extended timestamp repeated": (
        full(4, E, 260) + BODY[:128] + b"\xc4" + EXT + BODY[128:256] + b"\xc4" + EXT + BODY[256:],
        [(9, 1, E, BODY)],
    ),
    "extended timestamp not repeated": (
        full(4, E, 260) + BODY[:128] + b"\xc4" + BODY[128:256] + b"\xc4" + BODY[256:] + full(5, 1, 1) + b"a",
        [(9, 1, E, BODY), (9, 1, 1, b"a")],
    ),
    "timestamp wraps": (
        full(4, 0xFFFFFFF0, 1) + b"a" + bytes.fromhex("84 000020") + b"b",
        [(9, 1, 0xFFFFFFF0, b"a"), (9, 1, 0x10, b"b")],
    ),
    "set chunk size": (
        full(2, 0, 4, 1, 0) + (260).to_bytes(4, "big") + full(4, 5, 260) + BODY,
        [(9, 1, 5, BODY)],
    ),
    "set chunk size inside a message": (
        full(4, 5, 260)
        + BODY[:128]
        + full(2, 0, 4, 1, 0)
        + (100).to_bytes(4, "big")
        + b"\xc4"
        + BODY[128:228]
        + b"\xc4"
        + BODY[228:],
        [(9, 1, 5, BODY)],
    ),
    "abort": (
        full(4, 5, 260) + BODY[:128] + full(2, 0, 4, 2, 0) + (4).to_bytes(4, "big") + full(4, 7, 1) + b"z",
        [(9, 1, 7, b"z")],
    ),
    "librtmp begins with format 1": (
        bytes.fromhex("42 000000 000006 04") + bytes.fromhex("0003 00000001"),
        [(4, 0, 0, bytes.fromhex("0003 00000001"))],
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str) -> None:
    data, expected = VECTORS[name]
    for step in (0, 1, 2, 3, 7, 127, 128, 129, 130):
        assert read(data, step) == expected, step
    assert read(data + full(9, 3, 2)[:5]) == expected
    assert read(data + full(9, 3, 2) + b"q") == expected


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"\xc4", RemoteProtocolError, "continuation"),
        (bytes.fromhex("84 000000"), RemoteProtocolError, "format 2"),
        (full(4, 5, 260) + BODY[:128] + full(4, 5, 3), RemoteProtocolError, "lacks 132 bytes"),
        (full(4, 0, 4 * 1024 * 1024 + 1), LimitExceeded, "type 9 announces 4194305"),
        (full(4, 0, 256 * 1024 + 1, 8), LimitExceeded, "type 8 announces"),
        (full(2, 0, 4, 1, 0) + bytes(4), RemoteProtocolError, "Set Chunk Size to 0"),
        (full(2, 0, 4, 1, 0) + b"\x80\0\0\0", RemoteProtocolError, "not from 1"),
        (full(2, 0, 3, 1, 0) + bytes(3), RemoteProtocolError, "3 bytes instead of 4"),
        (b"".join(full(n, 0, 0) for n in range(2, 70)), LimitExceeded, "64 chunk streams"),
    ],
)
def test_refused(data: bytes, error: type[Exception], message: str) -> None:
    for step in (0, 1):
        messages = []
        with pytest.raises(error, match=message):
            reader = ChunkReader(LIMITS)
            for at in range(0, len(data), step or len(data)):
                reader.receive_data(data[at : at + (step or len(data))], messages)


def test_messages_before_a_fault_are_kept() -> None:
    messages: list[Message] = []
    with pytest.raises(RemoteProtocolError):
        ChunkReader().receive_data(full(4, 5, 1) + b"a" + b"\xc9", messages)
    assert messages == [(9, 1, 5, b"a")]


def test_assembling_is_bounded() -> None:
    limits = replace(LIMITS, max_assembling_bytes=10_000)
    reader = ChunkReader(limits)
    with pytest.raises(LimitExceeded, match="10000 bytes"):
        for csid in range(4, 64):
            reader.receive_data(full(csid, 0, 4_000_000) + bytes(128) + b"", [])
            reader.receive_data((bytes((0xC0 | csid,)) + bytes(128)) * 5, [])
    assert reader.assembling_bytes <= 10_000 + 1000


messages_strategy = st.lists(
    st.tuples(
        st.sampled_from([3, 4, 5, 63, 64, 320, 65599]),  # chunk stream
        st.sampled_from([8, 9, 18, 20]),
        st.sampled_from([0, 1, 2, 0xFFFFFFFF]),  # message stream
        st.one_of(st.integers(0, 200), st.integers(0, 0xFFFFFFFF), st.sampled_from([0xFFFFFE, 0xFFFFFF])),
        st.one_of(
            st.binary(max_size=40), st.integers(0, 3000).map(lambda n: bytes(i * 7 & 255 for i in range(n)))
        ),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(messages_strategy, st.integers(1, 70_000), st.integers(1, 5000), st.booleans())
def test_writer_to_reader(items: list[Any], chunk_size: int, step: int, repeat: bool) -> None:
    writer = ChunkWriter()
    data = b"".join(writer.write(2, MessageType.SET_CHUNK_SIZE, 0, 0, chunk_size.to_bytes(4, "big")))
    writer.chunk_size = chunk_size
    expected = []
    for csid, type_id, stream_id, timestamp, payload in items * (1 + repeat):
        data += b"".join(writer.write(csid, type_id, stream_id, timestamp, payload))
        expected.append((type_id, stream_id, timestamp, payload))
    assert read(data, step) == expected


chunk_sizes = st.one_of(
    st.integers(1, 300),
    st.integers(1, 0xFFFFFF),
    st.sampled_from([1, 2, 127, 128, 129, 4096, 0xFFFF, 0x10000, 0xFFFFFE, 0xFFFFFF]),
)
steps_strategy = st.lists(
    st.tuples(
        st.integers(0, len(CHUNK_STREAMS) - 1),
        st.sampled_from([8, 9, 18, 20]),
        st.sampled_from([0, 1, 20, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFF0, 0xFFFFFFFF]),
        st.integers(0, 4),  # the length in chunks
        st.sampled_from([0, -1, 1, 0, 17]),  # and how many bytes more
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(chunk_sizes, steps_strategy, st.binary(max_size=6), st.integers(1, 5000), chunk_sizes)
def test_interleaved_chunks(
    chunk_size: int, steps: list[tuple[int, int, int, int, int]], order: bytes, step: int, other_size: int
) -> None:
    """Chunks of several messages in any order, of any size, which also changes, read in any pieces."""
    interleaver = Interleaver(chunk_size)
    for size in (chunk_size, other_size):
        interleaver.set_chunk_size(size)
        for slot, type_id, timestamp, chunks, more in steps:
            length = min(max(chunks * size + more, 0), PATTERN_SIZE)
            interleaver.queue(slot, type_id, timestamp, length)
        interleaver.send_chunks(order)
    for cut in (step, 0):
        assert by_stream(read(bytes(interleaver.sent), cut, ChunkReader(LARGE))) == interleaver.messages


@pytest.mark.parametrize("chunk_size", [0xFFFFFF, 0xFFFFFE, 0x800000, 0x7FFFFF, 0x10001])
@pytest.mark.parametrize("timestamp", [0, E])
def test_the_largest_message(chunk_size: int, timestamp: int) -> None:
    writer = ChunkWriter()
    writer.chunk_size = chunk_size
    reader = ChunkReader(LARGE)
    reader.chunk_size = chunk_size
    body = bytes(0xFFFFFF)
    data = b"".join(writer.write(65599, 9, 1, timestamp, body))
    assert read(data, 5_000_000, reader) == [(9, 1, timestamp, body)]


@pytest.mark.parametrize("size", [0x100001, 0xFFFFFF, 0x1000000, 0x7F000000, 0x7FFFFFFF])
def test_every_chunk_size_of_the_specification_is_taken(size: int) -> None:
    """SRS and others announce more than a message can have, so as to send each in one chunk."""
    body = bytes(n * 7 & 255 for n in range(1 << 16)) * 20
    set_size = full(2, 0, 4, 1, 0) + size.to_bytes(4, "big")
    first, rest = body[:0x100001], body[0x100001:]
    data = full(4, 5, len(body)) + (first + b"\xc4" + rest if size < len(body) else body)
    for step in (0, 1000, 300_000):
        reader = ChunkReader(LARGE)
        assert read(set_size + data + full(4, 6, 1) + b"z", step, reader) == [
            (9, 1, 5, body),
            (9, 1, 6, b"z"),
        ]
        assert reader.chunk_size == min(size, 0xFFFFFF)
        assert reader.assembling_bytes == 0


def test_chunks_of_any_size_are_bounded_as_messages_are() -> None:
    limits = replace(LIMITS, max_assembling_bytes=10_000)
    reader = ChunkReader(limits)
    reader.receive_data(full(2, 0, 4, 1, 0) + b"\x7f\xff\xff\xff", [])
    with pytest.raises(LimitExceeded, match="announces 4194305"):
        reader.receive_data(full(4, 0, 4 * 1024 * 1024 + 1), [])
    reader = ChunkReader(limits)
    reader.receive_data(full(2, 0, 4, 1, 0) + b"\x7f\xff\xff\xff" + full(4, 0, 4_000_000), [])
    with pytest.raises(LimitExceeded, match="10000 bytes"):
        for _ in range(11):
            reader.receive_data(bytes(1000), [])
    assert reader.assembling_bytes <= 10_000 + 1000


@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=20), st.integers(1, 200))
def test_times_of_a_chunk_stream(times: list[int], step: int) -> None:
    """Forwards and backwards, with and without extension, over the end of 32 bits."""
    writer = ChunkWriter()
    pieces = [piece for time in times for piece in writer.write(4, 8, 1, time, bytes(130))]
    assert [message.timestamp_ms for message in read(b"".join(pieces), step)] == times


def test_a_time_over_the_end_of_32_bits() -> None:
    writer = ChunkWriter()
    times = range((1 << 32) - 100, (1 << 32) + 100, 20)
    data = b"".join(piece for time in times for piece in writer.write(4, 8, 1, time, b"a"))
    for step in (0, 1):
        assert [m.timestamp_ms for m in read(data, step)] == [time & 0xFFFFFFFF for time in times]


def test_writer_refuses_what_a_header_cannot_say() -> None:
    with pytest.raises(LocalProtocolError, match="16777216 bytes"):
        ChunkWriter().write(4, 9, 1, 0, bytes(1 << 24))


def test_writer_never_begins_with_format_3_after_format_0() -> None:
    writer = ChunkWriter()
    formats = [writer.write(4, 8, 1, n * 20, b"aa")[0][0] >> 6 for n in range(1, 5)]
    assert formats == [0, 2, 3, 3]


def test_aggregate() -> None:
    def sub(type_id: int, timestamp: int, body: bytes) -> bytes:
        head = bytes((type_id,)) + len(body).to_bytes(3, "big") + (timestamp & 0xFFFFFF).to_bytes(3, "big")
        return head + bytes((timestamp >> 24,)) + bytes(3) + body + (len(body) + 11).to_bytes(4, "big")

    payload = sub(8, 0x01000000, b"a") + sub(9, 0x01000010, b"bc")
    parts = list(split_aggregate(Message(22, 1, 500, payload)))
    assert parts == [(8, 1, 500, b"a"), (9, 1, 516, b"bc")]
    assert list(split_aggregate(Message(22, 1, 500, payload[:-4]))) == parts
    for cut in (1, 11, len(payload) - 5):
        with pytest.raises(RemoteProtocolError, match="aggregate"):
            list(split_aggregate(Message(22, 1, 500, payload[:cut])))
    with pytest.raises(RemoteProtocolError, match="inside an aggregate"):
        list(split_aggregate(Message(22, 1, 500, sub(22, 0, payload))))


def test_a_message_of_very_many_chunks() -> None:
    body = bytes(n * 7 & 255 for n in range(5000))
    writer = ChunkWriter()
    writer.chunk_size = 1
    data = b"".join(writer.write(4, 9, 1, 0, body))
    for step in (0, 1, 999):
        reader = ChunkReader()
        reader.chunk_size = 1
        assert read(data, step, reader) == [(9, 1, 0, body)]
