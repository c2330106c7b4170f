"""Messages to bytes: the sending half of the RTMP chunk stream (RTMP 1.0 §5.3)."""

from __future__ import annotations

import struct

from rtmp.chunk import DEFAULT_CHUNK_SIZE, EXTENDED, TIMESTAMP_MASK, basic_header, check_length
from rtmp.messages import Payload
from rtmp.shared_message import SharedMessage

_U32 = struct.Struct(">I")


class _ChunkStream:
    """The last header of a chunk stream; `delta` is None after format 0.

    After a shared message `shared_id` is its id, and of the rest only `stream_id` is up to date.
    """

    __slots__ = ("delta", "length", "shared_id", "stream_id", "timestamp", "type_id")

    def __init__(self, timestamp: int, delta: int | None, length: int, type_id: int, stream_id: int) -> None:
        self.timestamp = timestamp
        self.delta = delta
        self.length = length
        self.type_id = type_id
        self.stream_id = stream_id
        self.shared_id = 0


class ChunkWriter:
    """Cuts messages into chunks, leaving out of the headers what the previous message already said.

    Continuation chunks repeat an extended timestamp, as §5.3.1.3 wants. Format 3 never begins a message
    directly after format 0, because implementations disagree on what its timestamp then is.
    """

    def __init__(self) -> None:
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self._streams: dict[int, _ChunkStream] = {}

    def write(
        self, chunk_stream_id: int, type_id: int, stream_id: int, timestamp_ms: int, payload: Payload
    ) -> list[Payload]:
        """Return the message in chunks, as pieces to send one after the other.

        `payload` may be kept by reference: it must not change before the pieces are sent.
        Raises LocalProtocolError if it is longer than the 24 bits of a message length.
        """
        length = len(payload)
        check_length(length)
        timestamp_ms &= TIMESTAMP_MASK
        header, extended = self._header(chunk_stream_id, type_id, stream_id, timestamp_ms, length)
        return self._pieces(chunk_stream_id, header, extended, payload)

    def write_shared(self, chunk_stream_id: int, stream_id: int, message: SharedMessage) -> bytes:
        """Return a message that other writers send too, in chunks. Raises as `write`."""
        last = self._streams.get(chunk_stream_id)
        if last is not None and last.shared_id == message.follows != 0 and last.stream_id == stream_id:
            if message.chunks_stream != chunk_stream_id or message.chunks_size != self.chunk_size:
                message.cut(self.chunk_size, chunk_stream_id)
            last.shared_id = message.id
            return message.chunks
        payload = message.payload
        check_length(len(payload))
        header, extended = self._full_header(
            chunk_stream_id, message.type_id, stream_id, message.timestamp_ms, len(payload)
        )
        self._streams[chunk_stream_id].shared_id = message.id
        return b"".join(self._pieces(chunk_stream_id, header, extended, payload))

    def _pieces(
        self, chunk_stream_id: int, header: bytes, extended: bytes, payload: Payload
    ) -> list[Payload]:
        length = len(payload)
        chunk_size = self.chunk_size
        if length <= chunk_size:
            return [header, payload]
        separator = basic_header(3, chunk_stream_id) + extended
        view = memoryview(payload)
        pieces = [view[at : at + chunk_size] for at in range(0, length, chunk_size)]
        return [header, separator.join(pieces)]

    def _header(
        self, chunk_stream_id: int, type_id: int, stream_id: int, timestamp: int, length: int
    ) -> tuple[bytes, bytes]:
        """Return the first chunk's header and the extended timestamp to repeat."""
        last = self._streams.get(chunk_stream_id)
        if last is None or last.stream_id != stream_id or last.shared_id:
            return self._full_header(chunk_stream_id, type_id, stream_id, timestamp, length)
        delta = timestamp - last.timestamp
        if not 0 <= delta < EXTENDED:  # backwards, wrapped, or a leap: say the time in full
            return self._full_header(chunk_stream_id, type_id, stream_id, timestamp, length)
        same_shape = last.length == length and last.type_id == type_id
        same_delta = last.delta == delta
        last.timestamp, last.delta, last.length, last.type_id = timestamp, delta, length, type_id
        if not same_shape:
            fields = delta.to_bytes(3, "big") + _U32.pack(length << 8 | type_id)
            return basic_header(1, chunk_stream_id) + fields, b""
        if not same_delta:
            return basic_header(2, chunk_stream_id) + delta.to_bytes(3, "big"), b""
        return basic_header(3, chunk_stream_id), b""

    def _full_header(
        self, chunk_stream_id: int, type_id: int, stream_id: int, timestamp: int, length: int
    ) -> tuple[bytes, bytes]:
        self._streams[chunk_stream_id] = _ChunkStream(timestamp, None, length, type_id, stream_id)
        extended = _U32.pack(timestamp) if timestamp >= EXTENDED else b""
        header = (
            basic_header(0, chunk_stream_id)
            + min(timestamp, EXTENDED).to_bytes(3, "big")
            + _U32.pack(length << 8 | type_id)
            + stream_id.to_bytes(4, "little")
        )
        return header + extended, extended
