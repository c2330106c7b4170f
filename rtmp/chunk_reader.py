"""Bytes to messages: the receiving half of the RTMP chunk stream (RTMP 1.0 §5.3).

This is the hot path of a relay, so it avoids work per chunk. A message that lies whole in one chunk is handed
out as a view of the received bytes. The continuation chunks of a larger one differ from its payload only by
one byte every `chunk size`, so that all of them that have arrived are checked by one strided slice and joined
by one strided delete. Everything rarer (large chunk stream ids, extended timestamps, interleaving, chunks cut
by the end of the received data) takes the chunk-by-chunk path, which means the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableSequence
from functools import partial

from rtmp.chunk import DEFAULT_CHUNK_SIZE, EXTENDED, MAX_LENGTH, TIMESTAMP_MASK
from rtmp.chunk_header import CONTINUED, ChunkStream, read_header, read_large_id
from rtmp.errors import LimitExceeded, RemoteProtocolError
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import Message, MessageType, Payload, parse_u32

_CONTINUED_FIRST = CONTINUED << 6
# Chunks looked at in one go: a peer that interleaves tiny chunks must not have each of them looked at for
# every other.
_MAX_RUN = 1024
# As Message(…), without the call of a Python function: one is made for every message.
_new_message: Callable[[tuple[int, int, int, Payload]], Message] = partial(tuple.__new__, Message)


class ChunkReader:
    """Turns the bytes after the handshake into messages.

    Set Chunk Size and Abort, which change how the following bytes read, are acted on here and not returned.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._small = min(limits.max_message_size, limits.max_audio_size)
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self._streams: dict[int, ChunkStream] = {}
        self._assembling = 0
        self.has_rest = False
        self._tail = b""  # the start of a chunk header, or all that is left
        self._open: ChunkStream | None = None  # the chunk stream whose chunk the received data ended in
        self._open_missing = 0

    @property
    def assembling_bytes(self) -> int:
        """Payload bytes held of messages that are not complete."""
        return self._assembling

    def receive_data(
        self, data: bytes, messages: MutableSequence[Message], at_most: int = sys.maxsize
    ) -> None:
        """Append the messages that the bytes complete, reading `at_most` so many chunks, or runs of them.

        If that leaves bytes unread, `has_rest` is true, and the next call goes on with them.

        Raises RemoteProtocolError (LimitExceeded for a bound); messages before the fault are appended first.
        """
        if self._tail:
            data = self._tail + data
            self._tail = b""
            self.has_rest = False
        view = memoryview(data)
        pos = 0
        end = len(data)
        if self._open is not None:
            pos = self._continue_open_chunk(view, messages)
        streams, small = self._streams, min(self._small, self.chunk_size)
        while pos < end:
            if not at_most:
                self._tail = data[pos:]
                self.has_rest = True
                return
            at_most -= 1
            first = data[pos]
            stream = streams.get(first & 0x3F)
            # The usual message of a stream under way, read in place: one chunk, a header of format 1.
            if stream is not None and first >> 6 == 1 and pos + 8 <= end and stream.assembled is None:
                delta = data[pos + 1] << 16 | data[pos + 2] << 8 | data[pos + 3]
                length = data[pos + 4] << 16 | data[pos + 5] << 8 | data[pos + 6]
                type_id = data[pos + 7]
                start = pos + 8
                after = start + length
                if length <= small and after <= end and delta != EXTENDED and type_id > 2:
                    stream.extended = None
                    stream.seen = True
                    stream.length = stream.missing = length
                    stream.type_id = type_id
                    stream.delta = delta
                    stream.timestamp = timestamp = (stream.timestamp + delta) & TIMESTAMP_MASK
                    messages.append(_new_message((type_id, stream.stream_id, timestamp, view[start:after])))
                    pos = after
                    continue
            # So is the next frame of a codec with a constant bit rate: one byte of format 3 and the payload.
            elif first >= _CONTINUED_FIRST and stream is not None and stream.assembled is None:
                after = pos + 1 + stream.length
                if (
                    stream.length <= small
                    and after <= end
                    and stream.extended is None
                    and stream.seen
                    and stream.type_id > 2
                ):
                    stream.timestamp = timestamp = (stream.timestamp + stream.delta) & TIMESTAMP_MASK
                    payload = view[pos + 1 : after]
                    messages.append(_new_message((stream.type_id, stream.stream_id, timestamp, payload)))
                    pos = after
                    continue
            start = pos
            pos = self._read_chunk(data, view, pos, end, messages)
            if pos < 0:
                self._tail = data[start:]
                return
            small = min(self._small, self.chunk_size)

    def _read_chunk(
        self, data: bytes, view: memoryview, pos: int, end: int, messages: MutableSequence[Message]
    ) -> int:
        """Read one chunk, or several that only continue it.

        Return the position after, -1 if its header is cut.
        """
        first = data[pos]
        chunk_stream_id = first & 0x3F
        fmt = first >> 6
        pos += 1
        if chunk_stream_id < 2:
            if end - pos <= chunk_stream_id:
                return -1
            chunk_stream_id, pos = read_large_id(data, pos, chunk_stream_id)
            first = -1
        stream = self._streams.get(chunk_stream_id)
        if stream is None:
            stream = self._new_stream(chunk_stream_id)
        if fmt == CONTINUED and stream.extended is None and stream.seen:
            if stream.assembled is None:
                stream.timestamp = (stream.timestamp + stream.delta) & TIMESTAMP_MASK
                stream.missing = stream.length
        else:
            pos = read_header(stream, fmt, data, pos, end, self._limits)
            if pos < 0:
                return pos
        missing = stream.missing
        chunk_size = self.chunk_size
        available = end - pos
        if missing <= chunk_size:
            if missing <= available:
                self._complete(stream, view[pos : pos + missing], messages)
                return pos + missing
        elif first > 0 and available > chunk_size and stream.extended is None:
            return self._read_run(stream, data, view, pos, messages)
        return self._take_part(stream, view, pos, min(missing, chunk_size), available)

    def _new_stream(self, chunk_stream_id: int) -> ChunkStream:
        if len(self._streams) >= self._limits.max_chunk_streams:
            raise LimitExceeded(f"more than {self._limits.max_chunk_streams} chunk streams")
        stream = self._streams[chunk_stream_id] = ChunkStream(chunk_stream_id)
        return stream

    def _read_run(
        self,
        stream: ChunkStream,
        data: bytes,
        view: memoryview,
        pos: int,
        messages: MutableSequence[Message],
    ) -> int:
        """Read a whole chunk and all whole continuation chunks that directly follow it."""
        header = 0xC0 | stream.id
        chunk_size = self.chunk_size
        step = chunk_size + 1
        missing = stream.missing
        # chunks needed for the message, the last of which may be short
        chunks = -(-missing // chunk_size)
        size = missing + chunks - 1
        available = len(data) - pos
        if available < size or chunks > _MAX_RUN:
            chunks = min((available + 1) // step, _MAX_RUN)
            size = chunks * step - 1
        between = data[pos + chunk_size : pos + size : step]
        if between.count(header) != len(between):
            size = self._run_until_other(between, header) * step - 1
        run = bytearray(view[pos : pos + size])
        del run[chunk_size::step]
        stream.missing = missing - len(run)
        if stream.missing:
            self._assemble(stream, run)
        elif stream.assembled is None:
            self._deliver(stream, run, messages)
        else:
            self._assembling -= len(stream.assembled)
            stream.assembled += run
            whole, stream.assembled = stream.assembled, None
            self._deliver(stream, whole, messages)
        return pos + size

    @staticmethod
    def _run_until_other(between: bytes, header: int) -> int:
        """Return the number of chunks before the first header that is not the continuation."""
        return len(between) - len(between.lstrip(bytes((header,)))) + 1

    def _take_part(self, stream: ChunkStream, view: memoryview, pos: int, chunk: int, available: int) -> int:
        """Take of one chunk what has arrived, and remember the rest as open."""
        taken = min(chunk, available)
        if taken < chunk:
            self._open, self._open_missing = stream, chunk - taken
        stream.missing -= taken
        self._assemble(stream, view[pos : pos + taken])
        return pos + taken

    def _continue_open_chunk(self, view: memoryview, messages: MutableSequence[Message]) -> int:
        stream = self._open
        assert stream is not None
        taken = min(self._open_missing, len(view))
        self._open_missing -= taken
        if self._open_missing == 0:
            self._open = None
        if taken == stream.missing:
            self._complete(stream, view[:taken], messages)
        else:
            stream.missing -= taken
            self._assemble(stream, view[:taken])
        return taken

    def _assemble(self, stream: ChunkStream, part: memoryview | bytearray) -> None:
        self._assembling += len(part)
        if self._assembling > self._limits.max_assembling_bytes:
            raise LimitExceeded(
                f"incomplete messages hold more than {self._limits.max_assembling_bytes} bytes"
            )
        if stream.assembled is None:
            stream.assembled = part if isinstance(part, bytearray) else bytearray(part)
        else:
            stream.assembled += part

    def _complete(self, stream: ChunkStream, last: memoryview, messages: MutableSequence[Message]) -> None:
        """Deliver a message whose last payload bytes these are."""
        whole = stream.assembled
        if whole is None:
            if stream.type_id > 2:
                messages.append(_new_message((stream.type_id, stream.stream_id, stream.timestamp, last)))
            else:
                self._deliver(stream, last, messages)
            return
        self._assembling -= len(whole)
        stream.assembled = None
        whole += last
        self._deliver(stream, whole, messages)

    def _deliver(
        self, stream: ChunkStream, payload: memoryview | bytearray, messages: MutableSequence[Message]
    ) -> None:
        type_id = stream.type_id
        if type_id == MessageType.SET_CHUNK_SIZE:
            self._set_chunk_size(parse_u32(payload, "Set Chunk Size"))
        elif type_id == MessageType.ABORT:
            self._abort(parse_u32(payload, "Abort"))
        else:
            view = payload if isinstance(payload, memoryview) else memoryview(payload)
            messages.append(_new_message((type_id, stream.stream_id, stream.timestamp, view)))

    def _set_chunk_size(self, size: int) -> None:
        # §5.4.1: the top bit must be 0, and no chunk is larger than the largest message. A large size costs
        # nothing: what is held of a chunk counts as what is held of its message.
        if size == 0 or size > 0x7FFFFFFF:
            raise RemoteProtocolError(f"Set Chunk Size to {size}, which is not from 1 to 2147483647")
        self.chunk_size = min(size, MAX_LENGTH)

    def _abort(self, chunk_stream_id: int) -> None:
        stream = self._streams.get(chunk_stream_id)
        if stream is not None and stream.assembled is not None:
            self._assembling -= len(stream.assembled)
            stream.assembled = None
