"""RTMP messages (RTMP 1.0 §5.4, §7.1): the raw message, and the control messages with fields of their own."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from rtmp.errors import LocalProtocolError, RemoteProtocolError

Payload: TypeAlias = bytes | bytearray | memoryview

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_AGGREGATE_HEADER = 11
_BACK_POINTER = 4
_SMALL_WASTE = 256
_MAX_LENGTH = 0xFFFFFF


def compact(payload: Payload) -> Payload:
    """Return the payload, or a copy if it keeps much more than itself alive; for what is kept for long."""
    if isinstance(payload, memoryview) and payload.obj is not None:
        kept = memoryview(payload.obj).nbytes
        if kept > 2 * payload.nbytes + _SMALL_WASTE:
            return bytes(payload)
    return payload


class BandwidthLimit(IntEnum):
    """Limit types of Set Peer Bandwidth (§5.4.5)."""

    HARD = 0
    SOFT = 1
    DYNAMIC = 2


class MessageType(IntEnum):
    """Message type ids."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_ACK_SIZE = 5
    SET_PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    DATA_AMF3 = 15
    SHARED_OBJECT_AMF3 = 16
    COMMAND_AMF3 = 17
    DATA_AMF0 = 18
    SHARED_OBJECT_AMF0 = 19
    COMMAND_AMF0 = 20
    AGGREGATE = 22


class UserControlType(IntEnum):
    """Event types of user control messages (§7.1.7).

    STREAM_DRY is neither sent nor heeded. That a live stream is silent a player sees by its own buffer, and
    `Timeouts.silent_publisher` ends one that stays so.
    """

    STREAM_BEGIN = 0
    STREAM_EOF = 1
    STREAM_DRY = 2
    SET_BUFFER_LENGTH = 3
    STREAM_IS_RECORDED = 4
    PING_REQUEST = 6
    PING_RESPONSE = 7


_USER_CONTROL_FIELDS: dict[int, int] = dict.fromkeys(map(int, UserControlType), 1)
_USER_CONTROL_FIELDS[UserControlType.SET_BUFFER_LENGTH] = 2


class Message(NamedTuple):
    """A whole message as the chunk layer moves it.

    A tuple, not a frozen dataclass: one is made for every media message, and this costs a third.
    `timestamp_ms` is modulo 2^32. A `payload` that is a memoryview keeps the received bytes around it alive.
    """

    type_id: int
    stream_id: int
    timestamp_ms: int
    payload: Payload


@dataclass(frozen=True, slots=True)
class UserControl:
    """A user control message; `values` are its 32-bit fields, of which the first is a stream id or a time."""

    event_type: int
    values: tuple[int, ...]

    @classmethod
    def parse(cls, payload: Payload) -> UserControl:
        """Raise RemoteProtocolError if it is too short for its event."""
        if len(payload) < 2:
            raise RemoteProtocolError("user control message without an event type")
        event_type = int(_U16.unpack_from(payload)[0])
        # whole 32-bit fields only: some event types that are not in the specification carry single bytes
        values = tuple(_U32.unpack_from(payload, at)[0] for at in range(2, len(payload) - 3, 4)[:2])
        if len(values) < _USER_CONTROL_FIELDS.get(event_type, 0):
            raise RemoteProtocolError(f"user control event {event_type} of {len(payload)} bytes is too short")
        return cls(event_type, values)

    def serialize(self) -> bytes:
        """Return the message payload."""
        return _U16.pack(self.event_type) + b"".join(_U32.pack(value) for value in self.values)


def parse_u32(payload: Payload, what: str) -> int:
    """Return the 32-bit field of an acknowledgement or window message. Raise RemoteProtocolError if short."""
    if len(payload) < 4:
        raise RemoteProtocolError(f"{what} message of {len(payload)} bytes instead of 4")
    return int(_U32.unpack_from(payload)[0])


def milliseconds_between(earlier_ms: int, later_ms: int) -> int:
    """Return how much later one timestamp is than another, less than 0 if it is earlier (RTMP 1.0 §5.1).

    Timestamps are modulo 2^32: of the two ways from one to the other the shorter counts.
    """
    return (later_ms - earlier_ms + 0x80000000) % 0x100000000 - 0x80000000


def pack_u32(value: int) -> bytes:
    """Return a 32-bit big-endian field."""
    return _U32.pack(value & 0xFFFFFFFF)


def join_aggregate(messages: Sequence[Message]) -> Message:
    """Return one aggregate message (§7.1.6) that holds them all, with the time and stream id of the first.

    Raises LocalProtocolError if there are none, or if one is an aggregate itself or too long.
    """
    if not messages:
        raise LocalProtocolError("an aggregate message holds at least one message")
    out = bytearray()
    for message in messages:
        if message.type_id == MessageType.AGGREGATE:
            raise LocalProtocolError("an aggregate message cannot hold another one")
        size, time = len(message.payload), pack_u32(message.timestamp_ms)
        if size > _MAX_LENGTH:
            raise LocalProtocolError(f"message of {size} bytes in an aggregate, more than {_MAX_LENGTH}")
        # as in a file: the time's highest byte comes last, and the stream id is zero
        out += bytes((message.type_id, *size.to_bytes(3, "big"), *time[1:], time[0], 0, 0, 0))
        out += message.payload
        out += pack_u32(_AGGREGATE_HEADER + size)
    first = messages[0]
    return Message(MessageType.AGGREGATE, first.stream_id, first.timestamp_ms, bytes(out))


def split_aggregate(message: Message) -> Iterator[Message]:
    """Yield the messages inside an aggregate message (§7.1.6), their timestamps moved to its own.

    Raises RemoteProtocolError at the first submessage that does not fit.
    """
    payload = memoryview(message.payload)
    at = 0
    offset: int | None = None
    while at < len(payload):
        if at + _AGGREGATE_HEADER > len(payload):
            raise RemoteProtocolError(f"aggregate message ends inside the header at byte {at}")
        size = int.from_bytes(payload[at + 1 : at + 4], "big")
        timestamp_ms = int.from_bytes(payload[at + 4 : at + 7], "big") | payload[at + 7] << 24
        start = at + _AGGREGATE_HEADER
        if start + size > len(payload):
            raise RemoteProtocolError(f"aggregate message holds {size} bytes at {at}, beyond its end")
        if payload[at] == MessageType.AGGREGATE:
            raise RemoteProtocolError("aggregate message inside an aggregate message")
        if offset is None:
            offset = message.timestamp_ms - timestamp_ms
        moved = (timestamp_ms + offset) & 0xFFFFFFFF
        yield Message(payload[at], message.stream_id, moved, payload[start : start + size])
        at = start + size + _BACK_POINTER
