"""Messages that go to many players: cut into chunks once for all of them.

Of a message's first chunk only the header of format 0 names the message stream, and only to a receiver that
had the message before does a shorter header mean the same. So the messages of one kind of one live stream
are numbered, and a chunk writer that sent the one before takes the common cut of the next.
"""

from __future__ import annotations

import itertools
from typing import Final

from rtmp.chunk import EXTENDED, TIMESTAMP_MASK, basic_header, check_length
from rtmp.messages import Payload

_ids = itertools.count(1)
_SAME_SHAPE: Final = 2
_OTHER_SHAPE: Final = 1


class SharedMessage:
    """A message, and its chunks for those who had the one before.

    `id` is unique in the process; `follows` is the id of the message before, 0 if no delta leads here from
    it. `is_key` marks a picture at which a decoder can begin, `is_header` what it needs before that.
    `payload` must not change. Not a dataclass: one is made for every message that is relayed.
    """

    __slots__ = (
        "_delta",
        "_same_shape",
        "chunks",
        "chunks_size",
        "chunks_stream",
        "follows",
        "id",
        "is_header",
        "is_key",
        "payload",
        "timestamp_ms",
        "type_id",
    )

    def __init__(
        self, type_id: int, timestamp_ms: int, payload: Payload, before: SharedMessage | None = None
    ) -> None:
        self.id = next(_ids)
        self.type_id = type_id
        self.timestamp_ms = timestamp_ms & TIMESTAMP_MASK
        self.payload = payload
        self.is_key = False
        self.is_header = False
        self.follows = 0
        self.chunks = b""
        self.chunks_size = self.chunks_stream = 0
        if before is not None:
            delta = self.timestamp_ms - before.timestamp_ms
            if 0 <= delta < EXTENDED:
                self.follows = before.id
                self._delta = delta
                self._same_shape = len(payload) == len(before.payload) and type_id == before.type_id

    def moved_to(self, timestamp_ms: int) -> SharedMessage:
        """Return the message with another time, for a player that begins there."""
        return SharedMessage(self.type_id, timestamp_ms, self.payload)

    def cut(self, chunk_size: int, chunk_stream_id: int) -> None:
        """Make the chunks for a receiver that had the message `follows`, which must not be 0.

        They stay in `chunks`, with their size and stream beside them, for the next who wants the same, until
        `forget_chunks`. The header is of format 1 or 2, never 3: the message before may have gone out with a
        header of format 0, after which format 3 is ambiguous. Raises LocalProtocolError if the payload is
        longer than a header can say.
        """
        length = len(self.payload)
        check_length(length)
        header = basic_header(_SAME_SHAPE if self._same_shape else _OTHER_SHAPE, chunk_stream_id)
        header += self._delta.to_bytes(3, "big")
        if not self._same_shape:
            header += (length << 8 | self.type_id).to_bytes(4, "big")
        if length <= chunk_size:
            chunks = header + self.payload
        else:
            view = memoryview(self.payload)
            pieces = [view[at : at + chunk_size] for at in range(0, length, chunk_size)]
            chunks = header + basic_header(3, chunk_stream_id).join(pieces)
        self.chunks, self.chunks_size, self.chunks_stream = chunks, chunk_size, chunk_stream_id

    def forget_chunks(self) -> None:
        """Free them: whoever comes later begins with a header of format 0 anyway."""
        self.chunks = b""
        self.chunks_size = 0
