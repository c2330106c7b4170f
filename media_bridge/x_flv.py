"""x-flv/90000: whole RTMP messages in RTP, between two gateways of this kind.

A message is its type, size and time (32 bits each) and its body. It is cut into chunks, one a payload, each
behind "RTMP", the number of the message (32 bits) and of the chunk (16 bits); the first chunk also has the
size of the whole (16 bits). The RTP timestamp is the message's time in 90 kHz ticks, the marker is not set.
Gateways that read the size as a signed number drop messages of more than 32767 bytes.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from media_bridge.errors import OversizeError
from media_bridge.frames import Payload

ENCODING = "x-flv/90000"
MAX_CHUNK = 1000
MAX_BODY = 0xFFFF - 12
"""Bytes of a message's body: the size of the whole has 16 bits."""

_MAGIC = b"RTMP"
_MESSAGE_HEADER = struct.Struct(">III")
_CHUNK_HEADER = struct.Struct(">4sIH")
_FIRST_CHUNK_HEADER = struct.Struct(">4sIHH")
_MASK = 0xFFFFFFFF
_AUDIO, _VIDEO = 8, 9


@dataclass(frozen=True, slots=True)
class FlvMessage:
    """An RTMP audio (8) or video (9) message."""

    type_id: int
    timestamp_ms: int
    body: Payload


class XFlvPacketizer:
    """Numbers the messages of one RTP stream and cuts them."""

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = 0

    def payloads(self, message: FlvMessage) -> list[bytes]:
        """Return the payloads in sending order.

        Raise OversizeError if the body has more than `MAX_BODY` bytes; the message is to be left out.
        """
        if len(message.body) > MAX_BODY:
            raise OversizeError(f"a message of {len(message.body)} bytes, where x-flv has at most {MAX_BODY}")
        header = _MESSAGE_HEADER.pack(message.type_id, len(message.body), message.timestamp_ms & _MASK)
        whole, number = header + message.body, self._number
        self._number = number + 1 & _MASK
        out = [_FIRST_CHUNK_HEADER.pack(_MAGIC, number, 0, len(whole)) + whole[:MAX_CHUNK]]
        for chunk, start in enumerate(range(MAX_CHUNK, len(whole), MAX_CHUNK), 1):
            out.append(_CHUNK_HEADER.pack(_MAGIC, number, chunk) + whole[start : start + MAX_CHUNK])
        return out


class XFlvDropReason(Enum):
    """What was wrong."""

    NOT_X_FLV = "no x-flv payload"
    MISSING_CHUNK = "a message of which a chunk is missing"
    MALFORMED = "a message that contradicts itself, or is neither audio nor video"


class XFlvDepacketizer:
    """Puts the messages of one RTP stream together; payloads come in the order of their sequence numbers.

    Never raises for what they say. One message at a time is kept, of 64 kB at most.
    """

    __slots__ = ("_chunks", "_dropped", "_left", "_number")

    def __init__(self) -> None:
        self._chunks: list[Payload] = []
        self._number = -1
        self._left = 0
        self._dropped: Counter[XFlvDropReason] = Counter()

    @property
    def dropped(self) -> Mapping[XFlvDropReason, int]:
        """How many payloads or messages were dropped so far, and why."""
        return dict(self._dropped)

    def push(self, payload: Payload) -> FlvMessage | None:
        """Take a payload and return the message that is complete with it, if there is one."""
        if len(payload) < _CHUNK_HEADER.size or payload[:4] != _MAGIC:
            self._dropped[XFlvDropReason.NOT_X_FLV] += 1
            return None
        _, number, chunk = _CHUNK_HEADER.unpack_from(payload)
        if chunk == 0:
            return self._begin(payload, number)
        if number != self._number or chunk != len(self._chunks):
            self._pass_over(number)
            return None
        return self._add(payload[_CHUNK_HEADER.size :])

    def _begin(self, payload: Payload, number: int) -> FlvMessage | None:
        self._drop_unfinished()
        if len(payload) < _FIRST_CHUNK_HEADER.size:
            self._dropped[XFlvDropReason.MALFORMED] += 1
            return None
        self._number = number
        _, _, _, self._left = _FIRST_CHUNK_HEADER.unpack_from(payload)
        return self._add(payload[_FIRST_CHUNK_HEADER.size :])

    def _add(self, chunk: Payload) -> FlvMessage | None:
        self._chunks.append(chunk)
        self._left -= len(chunk)
        if self._left > 0 and len(chunk) > 0:
            return None
        whole = b"".join(self._chunks)
        self._chunks.clear()
        message = _parse(whole) if self._left == 0 else None
        if message is None:
            self._dropped[XFlvDropReason.MALFORMED] += 1
        return message

    def _pass_over(self, number: int) -> None:
        """A chunk does not follow; its message has lost one, unless it was complete already."""
        self._drop_unfinished()
        if number != self._number:
            self._number = number
            self._dropped[XFlvDropReason.MISSING_CHUNK] += 1

    def _drop_unfinished(self) -> None:
        if self._chunks:
            self._dropped[XFlvDropReason.MISSING_CHUNK] += 1
            self._chunks.clear()


def _parse(whole: bytes) -> FlvMessage | None:
    if len(whole) < _MESSAGE_HEADER.size:
        return None
    type_id, size, timestamp_ms = _MESSAGE_HEADER.unpack_from(whole)
    body = memoryview(whole)[_MESSAGE_HEADER.size :]
    if size != len(body) or type_id not in (_AUDIO, _VIDEO):
        return None
    return FlvMessage(type_id, timestamp_ms, body)
