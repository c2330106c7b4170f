"""The least that turns RTMP chunks into messages and back, to compare the library with.

A plain loop over chunks, as one writes it in an hour: no bounds, no aborted messages, no chunk stream ids
above 63, no extended timestamps, no errors.
"""

from __future__ import annotations

import struct

_HEADER_SIZES = (12, 8, 4, 1)
_U32 = struct.Struct(">I")
_SET_CHUNK_SIZE = 1

BareMessage = tuple[int, int, int, bytes]
"""Type, message stream id, timestamp in ms, payload."""


class _ChunkStream:
    __slots__ = ("delta", "length", "parts", "received", "stream_id", "timestamp", "type_id")

    def __init__(self) -> None:
        self.timestamp = self.delta = self.length = self.type_id = self.stream_id = self.received = 0
        self.parts: list[bytes] = []


class BareParser:
    """Bytes in, messages out."""

    def __init__(self, chunk_size: int = 128) -> None:
        self.chunk_size = chunk_size
        self._streams = [_ChunkStream() for _ in range(64)]
        self._rest = b""

    def feed(self, data: bytes) -> list[BareMessage]:
        """Take bytes; return the messages that they complete."""
        data = self._rest + data
        messages: list[BareMessage] = []
        at = 0
        while at < len(data):
            after = self._read_chunk(data, at, messages)
            if not after:
                break
            at = after
        self._rest = data[at:]
        return messages

    def _read_chunk(self, data: bytes, at: int, messages: list[BareMessage]) -> int:
        """Read the chunk there if all of it has come; return the position after it, else 0."""
        form = data[at] >> 6
        stream = self._streams[data[at] & 63]
        body = at + _HEADER_SIZES[form]
        if body > len(data):
            return 0
        length = stream.length if form > 1 else int.from_bytes(data[at + 4 : at + 7], "big")
        end = body + min(length - stream.received, self.chunk_size)
        if end > len(data):
            return 0
        if stream.received == 0:
            self._begin(stream, form, data[at:body], length)
        stream.parts.append(data[body:end])
        stream.received += end - body
        if stream.received == length:
            payload = b"".join(stream.parts)
            stream.parts, stream.received = [], 0
            if stream.type_id == _SET_CHUNK_SIZE:
                (self.chunk_size,) = _U32.unpack(payload)
            else:
                messages.append((stream.type_id, stream.stream_id, stream.timestamp, payload))
        return end

    @staticmethod
    def _begin(stream: _ChunkStream, form: int, header: bytes, length: int) -> None:
        if form < 3:
            stream.delta = int.from_bytes(header[1:4], "big")
        stream.timestamp = stream.delta if form == 0 else stream.timestamp + stream.delta
        if form < 2:
            stream.length, stream.type_id = length, header[7]
        if form == 0:
            stream.stream_id = int.from_bytes(header[8:12], "little")


def bare_write(
    chunk_stream_id: int, type_id: int, stream_id: int, timestamp_ms: int, payload: bytes, chunk_size: int
) -> bytes:
    """The message in chunks, always with a full header."""
    header = _U32.pack(chunk_stream_id << 24 | timestamp_ms) + _U32.pack(len(payload) << 8 | type_id)
    header += stream_id.to_bytes(4, "little")
    if len(payload) <= chunk_size:
        return header + payload
    separator = bytes((0xC0 | chunk_stream_id,))
    return header + separator.join(
        [payload[at : at + chunk_size] for at in range(0, len(payload), chunk_size)]
    )
