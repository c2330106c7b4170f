"""The chunk stream: the cuts of the received bytes do not matter, and what is written can be read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import cycle

from rtmp.chunk_reader import ChunkReader
from rtmp.errors import RemoteProtocolError
from rtmp.limits import Limits
from rtmp.messages import Message
from tests.fuzz.targets import operations
from tests.rtmp.interleaver import Interleaver, by_stream

# Small, so that inputs reach them. How much may be held of incomplete messages depends on the cuts: a message
# that has come whole is never held.
_SMALL = Limits(max_message_size=4096, max_audio_size=256, max_chunk_streams=8)
_LARGE = Limits(max_message_size=1 << 24, max_audio_size=1 << 24)
_MAX_LENGTH = 3000

Result = tuple[list[Message], str, int]


def read(reader: ChunkReader, pieces: Iterator[bytes], at_most: int = sys.maxsize) -> Result:
    """Return the messages, the error, and the bytes that are held in the end.

    With `at_most` more comes while some is left to read, as it may at a busy connection.
    """
    messages: list[Message] = []
    try:
        for piece in pieces:
            reader.receive_data(piece, messages, at_most)
        while reader.has_rest:
            reader.receive_data(b"", messages, at_most)
    except RemoteProtocolError as error:
        return messages, repr(error), 0
    return messages, "", reader.assembling_bytes


def cut(data: bytes, sizes: bytes) -> Iterator[bytes]:
    """Cut into pieces of these sizes, in turn."""
    at = 0
    for size in cycle(sizes or b"\0"):
        if at >= len(data):
            return
        yield data[at : at + size + 1]
        at += size + 1


def run_cuts(data: bytes) -> None:
    """Three cuts, and what a peer sends after its handshake: whole, byte by byte, and cut like that."""
    sizes, stream = data[:3], data[3:]
    whole = read(ChunkReader(_SMALL), iter((stream,)))
    for other in (b"\0", sizes):
        assert read(ChunkReader(_SMALL), cut(stream, other)) == whole
    at_most = (sizes[0] & 7) + 1 if sizes else 1
    for pieces in (cut(stream, sizes), iter((stream,))):
        assert read(ChunkReader(_SMALL), pieces, at_most) == whole


def run_round_trip(data: bytes) -> None:
    """A chunk size, cuts, and messages: a peer reads them as they were written."""
    chunk_size = int.from_bytes(data[:3], "big") or 1
    writer = Interleaver(chunk_size)
    for operation in operations.parse(data[6:]):
        if operation.kind is operations.Kind.CHUNK_SIZE:
            chunk_size = (operation.a << 8 | operation.b) or 1
            writer.set_chunk_size(chunk_size)
        elif operation.kind is operations.Kind.RAW:
            writer.send_chunks(operation.body)
        else:
            multiple, off = operation.b >> 4, (operation.b & 15) - 8
            length = min(max(chunk_size * multiple + off, 0), _MAX_LENGTH)
            timestamp_ms = int.from_bytes(operation.body[:4], "big")
            writer.queue(operation.a & 15, 8 + (operation.a >> 4), timestamp_ms, length)
    writer.send_chunks(b"")
    messages, error, held = read(ChunkReader(_LARGE), cut(bytes(writer.sent), data[3:6]))
    assert (error, held) == ("", 0)
    assert by_stream(messages) == writer.messages
