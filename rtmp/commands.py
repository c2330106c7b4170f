"""Command and data messages (RTMP 1.0 §7.1.1, §7.1.2, §7.2): AMF values with a name in front.

Types 17 and 15 ("AMF3") carry one more byte, 0, and then AMF0 values, of which some may be AMF3 behind the
avmplus marker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rtmp.amf0 import Amf0Reader, AmfValue, Marker, decode_all, encode_all, encode_all_amf3
from rtmp.errors import AmfEncodeError, RemoteProtocolError
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import MessageType, Payload

RESULT = "_result"
ERROR = "_error"
ON_STATUS = "onStatus"
SET_DATA_FRAME = "@setDataFrame"
_SET_DATA_FRAME = encode_all((SET_DATA_FRAME,))
_AMF3_ENVELOPE = b"\x00"
_AMF3_TYPES = frozenset((MessageType.COMMAND_AMF3, MessageType.DATA_AMF3))


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `transaction_id` 0 asks for no answer, and an answer carries the id of its question."""

    name: str
    transaction_id: float
    command_object: AmfValue = None
    arguments: tuple[AmfValue, ...] = ()

    @classmethod
    def parse(cls, type_id: int, payload: Payload, limits: Limits = DEFAULT_LIMITS) -> Command:
        """Raise RemoteProtocolError (AmfDecodeError for bad AMF) if it has no name or no transaction id."""
        values = parse_values(type_id, payload, limits)
        if not values or not isinstance(values[0], str):
            raise RemoteProtocolError("command message does not begin with a name")
        transaction_id = values[1] if len(values) > 1 else 0.0
        if isinstance(transaction_id, bool) or not isinstance(transaction_id, int | float):
            raise RemoteProtocolError(f"command {values[0][:64]!r} has no transaction id")
        if not math.isfinite(transaction_id):
            raise RemoteProtocolError(f"command {values[0][:64]!r} has transaction id {transaction_id}")
        command_object = values[2] if len(values) > 2 else None
        return cls(values[0], float(transaction_id), command_object, tuple(values[3:]))

    def serialize(self, *, amf3: bool = False) -> tuple[MessageType, bytes]:
        """Return the message type and its payload. Raise AmfEncodeError."""
        values = (self.name, float(self.transaction_id), self.command_object, *self.arguments)
        if amf3:
            return MessageType.COMMAND_AMF3, _AMF3_ENVELOPE + encode_all_amf3(values)
        return MessageType.COMMAND_AMF0, encode_all(values)


def parse_values(type_id: int, payload: Payload, limits: Limits = DEFAULT_LIMITS) -> list[AmfValue]:
    """Return the AMF values of a command or data message. Raise AmfDecodeError."""
    return decode_all(_without_envelope(type_id, payload), limits)


def plain_data(type_id: int, payload: Payload, values: Sequence[AmfValue]) -> Payload:
    """Return the AMF0 payload of a data message as players get it: without "@setDataFrame" before the name.

    `values` are what `parse_values` made of it. What can be taken over as it came, is: numbers and names stay
    as their sender wrote them. AMF3 behind the avmplus marker is said in AMF0 where that can be, as players
    without AMF3 cannot read it.
    """
    view = _without_envelope(type_id, payload)
    is_set = bool(values) and values[0] == SET_DATA_FRAME
    if type_id in _AMF3_TYPES and Marker.AVMPLUS in view.tobytes():
        # AMF0 has no room for longer names, and we write no circles
        with suppress(AmfEncodeError):
            return encode_all(values[1:] if is_set else values)
    return _without_first(view) if is_set else view


def opaque_data(type_id: int, payload: Payload) -> Payload:
    """Return what `plain_data` would of a message that cannot be decoded, as far as it can be told."""
    view = _without_envelope(type_id, payload)
    return view[len(_SET_DATA_FRAME) :] if view[: len(_SET_DATA_FRAME)] == _SET_DATA_FRAME else view


def _without_envelope(type_id: int, payload: Payload) -> memoryview:
    view = memoryview(payload)
    return view[1:] if type_id in _AMF3_TYPES and view and view[0] == 0 else view


def _without_first(view: memoryview) -> memoryview:
    reader = Amf0Reader(view)
    reader.read_value()
    return view[reader.position :]


def serialize_data(values: tuple[AmfValue, ...], *, amf3: bool = False) -> tuple[MessageType, bytes]:
    """Return the type and payload of a data message. Raise AmfEncodeError."""
    if amf3:
        return MessageType.DATA_AMF3, _AMF3_ENVELOPE + encode_all_amf3(values)
    return MessageType.DATA_AMF0, encode_all(values)


def make_info(
    level: str, code: str, description: str, extra: Mapping[str, AmfValue] | None = None
) -> dict[str, AmfValue]:
    """Return the information object of onStatus, `_result` and `_error`; `extra` may override."""
    return {"level": level, "code": code, "description": description, **(extra or {})}


def info_text(info: AmfValue, key: str) -> str:
    """Return a text of an information object, "" if it has none there."""
    value = info.get(key) if isinstance(info, Mapping) else None
    return value if isinstance(value, str) else ""
