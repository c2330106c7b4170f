"""A live stream as the bytes of its chunks, made in advance and stamped when they are sent."""

from __future__ import annotations

import struct
from typing import Final

from benchmarks.rtmp_stream import CYCLE_MS, Kind, StreamMessage, make_cycle
from rtmp.chunk_writer import ChunkWriter

STAMP: Final = struct.Struct(">HIQ")
"""Publisher, number of the message, time of sending (time.monotonic_ns), where codec data would begin."""

CHUNK_SIZE: Final = 4096
_CYCLE_NS: Final = CYCLE_MS * 1_000_000


class WireStream:
    """All publishers of a kind send the same stream, so they share it.

    Only the first cycle has full headers. From the second on, all headers say how time goes on, in the same
    steps, so that its bytes serve for every later one.
    """

    def __init__(self, kind: Kind, stream_id: int = 1) -> None:
        cycle = make_cycle(kind)
        writer = ChunkWriter()
        writer.chunk_size = CHUNK_SIZE
        self._due_ns = [round(message.due_ms * 1e6) for message in cycle]
        self._first, self._later = (
            [_serialize(writer, message, stream_id, start_ms) for message in cycle]
            for start_ms in (0, CYCLE_MS)
        )

    def due_ns(self, number: int) -> int:
        """When to send a message, after the stream begins."""
        cycles, position = divmod(number, len(self._due_ns))
        return cycles * _CYCLE_NS + self._due_ns[position]

    def stamped(self, number: int, publisher: int, now_ns: int) -> bytearray:
        """The bytes of a message; good until the next call."""
        length = len(self._first)
        data, at = self._first[number] if number < length else self._later[number % length]
        STAMP.pack_into(data, at, publisher, number, now_ns)
        return data


def _serialize(
    writer: ChunkWriter, message: StreamMessage, stream_id: int, start_ms: int
) -> tuple[bytearray, int]:
    """The chunks, and where the stamp goes, which is in the first of them."""
    header, body = writer.write(
        message.chunk_stream_id, message.type_id, stream_id, start_ms + message.timestamp_ms, message.payload
    )
    return bytearray(header) + body, len(header) + message.header_size
