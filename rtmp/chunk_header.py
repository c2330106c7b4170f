"""What stands before the payload of a chunk (RTMP 1.0 §5.3.1), and what it may leave out."""

from __future__ import annotations

from typing import Final

from rtmp.chunk import EXTENDED, HEADER_SIZES, TIMESTAMP_MASK
from rtmp.errors import LimitExceeded, RemoteProtocolError
from rtmp.limits import Limits
from rtmp.messages import MessageType

CONTINUED: Final = 3
"""The format of a header that leaves out everything."""


class ChunkStream:
    """What the next chunk of a chunk stream may leave out, and the message it is in the middle of."""

    __slots__ = (
        "assembled",
        "delta",
        "extended",
        "id",
        "length",
        "missing",
        "seen",
        "stream_id",
        "timestamp",
        "type_id",
    )

    def __init__(self, chunk_stream_id: int) -> None:
        self.id = chunk_stream_id
        self.seen = False  # whether a header other than format 3 has come
        self.timestamp = 0
        self.delta = 0
        self.length = 0
        self.type_id = 0
        self.stream_id = 0
        self.extended: int | None = None  # the last extended timestamp field, if the last header had one
        self.assembled: bytearray | None = None
        self.missing = 0


def read_large_id(data: bytes, pos: int, form: int) -> tuple[int, int]:
    """Return a chunk stream id above 63 and the position after; `form` is what the first byte has instead."""
    if form == 0:
        return data[pos] + 64, pos + 1
    return data[pos] + data[pos + 1] * 256 + 64, pos + 2


def read_header(stream: ChunkStream, fmt: int, data: bytes, pos: int, end: int, limits: Limits) -> int:
    """Read the message header and extended timestamp; return the position after, -1 if they are cut.

    Raises RemoteProtocolError (LimitExceeded for a bound).
    """
    if fmt == CONTINUED:
        return _read_continued(stream, data, pos, end)
    after = pos + HEADER_SIZES[fmt]
    if after > end:
        return -1
    field = data[pos] << 16 | data[pos + 1] << 8 | data[pos + 2]
    extended: int | None = None
    if field == EXTENDED:
        if after + 4 > end:
            return -1
        field = extended = int.from_bytes(data[after : after + 4], "big")
    if stream.assembled is not None:
        raise RemoteProtocolError(
            f"chunk stream {stream.id} begins a message when the last one lacks {stream.missing} bytes"
        )
    # librtmp (so OBS) begins chunk stream 2 with format 1, leaving out message stream 0
    if fmt == 2 and not stream.seen:
        raise RemoteProtocolError(
            f"the first chunk of chunk stream {stream.id} has format {fmt}, which leaves fields out"
        )
    stream.extended = extended
    if fmt < 2:
        _read_length_and_type(stream, data, pos + 3, limits)
    if fmt == 0:
        stream.stream_id = int.from_bytes(data[pos + 7 : pos + 11], "little")
        stream.timestamp = field
    else:
        stream.timestamp = (stream.timestamp + field) & TIMESTAMP_MASK
    # §5.3.1.2.4: a format 3 chunk that begins a message after format 0 takes that timestamp for its delta
    stream.delta = field
    stream.seen = True
    stream.missing = stream.length
    return after if extended is None else after + 4


def _read_length_and_type(stream: ChunkStream, data: bytes, pos: int, limits: Limits) -> None:
    length = data[pos] << 16 | data[pos + 1] << 8 | data[pos + 2]
    type_id = data[pos + 3]
    limit = limits.max_message_size
    if type_id == MessageType.AUDIO:
        limit = limits.max_audio_size
    if length > limit:
        raise LimitExceeded(f"message of type {type_id} announces {length} bytes, more than {limit}")
    stream.length = length
    stream.type_id = type_id


def _read_continued(stream: ChunkStream, data: bytes, pos: int, end: int) -> int:
    """Read past what may follow a format 3 basic header; return the position after, -1 if it is cut.

    §5.3.1.3 wants the extended timestamp repeated, and Flash, librtmp and FFmpeg repeat it; others do
    not. Whether the next four bytes are the one that is due tells.
    """
    if not stream.seen:
        raise RemoteProtocolError(f"chunk stream {stream.id} begins with a continuation chunk")
    starts_message = stream.assembled is None
    if stream.extended is not None:
        due = stream.extended.to_bytes(4, "big")
        absolute = stream.timestamp.to_bytes(4, "big")
        found = data[pos : pos + 4]
        if found in (due, absolute):
            pos += 4
        elif end - pos < 4 and (due.startswith(found) or absolute.startswith(found)):
            return -1
    if starts_message:
        stream.timestamp = (stream.timestamp + stream.delta) & TIMESTAMP_MASK
        stream.missing = stream.length
    return pos
