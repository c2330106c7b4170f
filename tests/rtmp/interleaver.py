"""Messages of several chunk streams, cut into chunks that are mixed in any order."""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import cycle

from rtmp.chunk import basic_header
from rtmp.chunk_writer import ChunkWriter
from rtmp.messages import Message, MessageType, pack_u32

CHUNK_STREAMS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 63, 64, 319, 320, 65599)
"""Ids of one, two and three bytes."""
PATTERN_SIZE = 20_000
_PATTERN = (bytes(n * 7 & 255 for n in range(256)) * (PATTERN_SIZE // 256 + 1))[:PATTERN_SIZE]


class Interleaver:
    """Writes messages, cuts them into chunks, and mixes the chunks of several chunk streams.

    A slot is an index of `CHUNK_STREAMS`, and also the message stream, by which `messages` are told apart.
    """

    def __init__(self, chunk_size: int) -> None:
        self._writer = ChunkWriter()
        self._queues: dict[int, deque[bytes]] = defaultdict(deque)
        self.messages: dict[int, list[Message]] = defaultdict(list)
        self.sent = bytearray()
        self.set_chunk_size(chunk_size)

    def set_chunk_size(self, chunk_size: int) -> None:
        """Send what is queued, and go on with another chunk size."""
        self.send_chunks(b"")
        self.sent += b"".join(self._writer.write(2, MessageType.SET_CHUNK_SIZE, 0, 0, pack_u32(chunk_size)))
        self._writer.chunk_size = chunk_size

    def queue(self, slot: int, type_id: int, timestamp_ms: int, length: int) -> None:
        """Queue the chunks of a message of at most `PATTERN_SIZE` bytes."""
        payload = _PATTERN[:length]
        chunk_stream, chunk_size = CHUNK_STREAMS[slot], self._writer.chunk_size
        header, body = map(bytes, self._writer.write(chunk_stream, type_id, slot, timestamp_ms, payload))
        field = header[len(basic_header(0, chunk_stream)) :][:3]
        between = len(basic_header(3, chunk_stream)) + (4 if field == b"\xff\xff\xff" else 0)
        queue = self._queues[slot]
        queue.append(header + body[:chunk_size])
        step = chunk_size + between
        queue.extend(body[at : at + step] for at in range(chunk_size, len(body), step))
        self.messages[slot].append(Message(type_id, slot, timestamp_ms, payload))

    def send_chunks(self, order: bytes) -> None:
        """Send all that is queued, a chunk of one chunk stream after one of another, in this order."""
        turns = cycle(order or b"\0")
        while waiting := [queue for queue in self._queues.values() if queue]:
            self.sent += waiting[next(turns) % len(waiting)].popleft()


def by_stream(messages: list[Message]) -> dict[int, list[Message]]:
    """Return the messages of each message stream, as `Interleaver.messages` has them."""
    streams: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        streams[message.stream_id].append(message)
    return streams
