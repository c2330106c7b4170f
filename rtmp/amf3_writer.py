"""Writing AMF3.

An int of 29 bits becomes an integer and bytes a byte array; the rest is as in `rtmp.amf0`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime

from rtmp.amf3 import Marker
from rtmp.amf_common import encode_utf8, ms_from_date
from rtmp.amf_value import (
    UNDEFINED,
    AmfScalar,
    AmfValue,
    Dictionary,
    EcmaArray,
    OtherDate,
    TypedObject,
    Vector,
    VectorType,
    XmlDocument,
)
from rtmp.errors import AmfEncodeError
from rtmp.limits import DEFAULT_LIMITS

_DOUBLE = struct.Struct(">d")
_INTEGER_MIN, _INTEGER_MAX = -(1 << 28), (1 << 28) - 1
_U29_MAX = (1 << 29) - 1
_NUMBER_VECTORS = {
    VectorType.INT: (Marker.VECTOR_INT, "i"),
    VectorType.UINT: (Marker.VECTOR_UINT, "I"),
    VectorType.NUMBER: (Marker.VECTOR_DOUBLE, "d"),
}
"""Marker and the format of an element."""


class Amf3Writer:
    """Writes AMF3 values without references, which any reader accepts."""

    def __init__(self) -> None:
        self._out = bytearray()

    def write_value(self, value: AmfValue) -> bytes:
        """Return the encoding of one value. Raise AmfEncodeError if it has none."""
        self._out = bytearray()
        self._write(value, 0)
        return bytes(self._out)

    def _write(self, value: AmfValue, depth: int) -> None:
        if depth > DEFAULT_LIMITS.max_amf_depth:
            raise AmfEncodeError(f"value is nested deeper than {DEFAULT_LIMITS.max_amf_depth}, or cyclic")
        if isinstance(value, str):
            self._out.append(Marker.STRING)
            self._write_string(value)
        elif isinstance(value, bytes):
            self._write_sized(Marker.BYTE_ARRAY, value)
        elif isinstance(value, Mapping):
            self._write_mapping(value, depth)
        elif isinstance(value, Vector):
            self._write_vector(value, depth)
        elif isinstance(value, Sequence):
            self._write_list(value, depth)
        elif isinstance(value, Dictionary):
            self._write_dictionary(value, depth)
        else:
            self._write_scalar(value)

    def _write_scalar(self, value: AmfScalar) -> None:
        if value is UNDEFINED:
            self._out.append(Marker.UNDEFINED)
        elif value is None:
            self._out.append(Marker.NULL)
        elif isinstance(value, bool):
            self._out.append(Marker.TRUE if value else Marker.FALSE)
        elif isinstance(value, int | float):
            self._write_number(value)
        elif isinstance(value, datetime | OtherDate):
            self._out += bytes((Marker.DATE, 1)) + _DOUBLE.pack(ms_from_date(value))
        elif isinstance(value, XmlDocument):
            marker = Marker.XML_DOCUMENT if value.legacy else Marker.XML
            self._write_sized(marker, encode_utf8(value.text))
        else:
            raise AmfEncodeError(f"{type(value).__name__} has no AMF3 encoding")

    def _write_number(self, value: float) -> None:
        if isinstance(value, int) and _INTEGER_MIN <= value <= _INTEGER_MAX:
            self._out.append(Marker.INTEGER)
            self._write_u29(value & _U29_MAX)
            return
        try:
            packed = _DOUBLE.pack(value)
        except (OverflowError, struct.error) as error:
            raise AmfEncodeError(f"{value} does not fit an AMF3 number") from error
        self._out.append(Marker.DOUBLE)
        self._out += packed

    def _write_u29(self, value: int) -> None:
        if value > _U29_MAX:
            raise AmfEncodeError(f"{value} does not fit 29 bits")
        if value < 0x80:
            self._out.append(value)
        elif value < 0x4000:
            self._out += bytes((value >> 7 | 0x80, value & 0x7F))
        elif value < 0x200000:
            self._out += bytes((value >> 14 | 0x80, value >> 7 & 0x7F | 0x80, value & 0x7F))
        else:
            high = (value >> 22 | 0x80, value >> 15 & 0x7F | 0x80, value >> 8 & 0x7F | 0x80)
            self._out += bytes((*high, value & 0xFF))

    def _write_sized(self, marker: Marker, content: bytes) -> None:
        self._out.append(marker)
        self._write_u29(len(content) << 1 | 1)
        self._out += content

    def _write_string(self, text: str) -> None:
        content = encode_utf8(text)
        self._write_u29(len(content) << 1 | 1)
        self._out += content

    def _write_list(self, value: Sequence[AmfValue], depth: int) -> None:
        self._out.append(Marker.ARRAY)
        self._write_u29(len(value) << 1 | 1)
        self._write_string("")
        for element in value:
            self._write(element, depth + 1)

    def _write_vector(self, vector: Vector, depth: int) -> None:
        if vector.item_type is VectorType.OBJECT:
            self._write_header(Marker.VECTOR_OBJECT, len(vector), vector.fixed)
            self._write_string(vector.class_name)
            for element in vector:
                self._write(element, depth + 1)
            return
        marker, code = _NUMBER_VECTORS[vector.item_type]
        self._write_header(marker, len(vector), vector.fixed)
        try:
            self._out += struct.pack(f">{len(vector)}{code}", *vector)
        except (OverflowError, struct.error) as error:
            raise AmfEncodeError(f"not all elements are of the vector's type: {error}") from error

    def _write_dictionary(self, dictionary: Dictionary, depth: int) -> None:
        self._write_header(Marker.DICTIONARY, len(dictionary.entries), dictionary.weak_keys)
        for key, value in dictionary.entries:
            self._write(key, depth + 1)
            self._write(value, depth + 1)

    def _write_header(self, marker: Marker, count: int, flag: bool) -> None:
        self._out.append(marker)
        self._write_u29(count << 1 | 1)
        self._out.append(flag)

    def _write_mapping(self, value: Mapping[str, AmfValue], depth: int) -> None:
        if isinstance(value, EcmaArray):
            self._out += bytes((Marker.ARRAY, 1))
        else:
            self._out += bytes((Marker.OBJECT, 0x0B))  # inline traits, dynamic, no sealed members
            self._write_string(value.class_name if isinstance(value, TypedObject) else "")
        for name, member in value.items():
            if not name:
                raise AmfEncodeError("AMF3 has no member with an empty name")
            self._write_string(name)
            self._write(member, depth + 1)
        self._write_string("")
