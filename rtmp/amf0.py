"""AMF0, the encoding of RTMP commands and metadata ("Action Message Format -- AMF 0", Adobe 2007).

Python to AMF0: None null, bool boolean, int and float number, str string or long string, datetime (or
`OtherDate`) date, list strict array, dict object, `EcmaArray` ECMA array, `TypedObject` typed object,
`XmlDocument` XML document. What AMF0 lacks goes as AMF3 behind the avmplus marker: bytes as a byte array,
`Vector` and `Dictionary`. Back again, a number is always a float, text that is not UTF-8 is decoded with
replacement characters, and a reference to a value that it is inside of is a `BackReference`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final

from rtmp.amf3 import Amf3Reader
from rtmp.amf3_writer import Amf3Writer
from rtmp.amf_common import Budget, ReferenceTable, date_from_ms, encode_utf8, ms_from_date
from rtmp.amf_value import (
    UNDEFINED,
    AmfScalar,
    AmfValue,
    Dictionary,
    EcmaArray,
    OtherDate,
    TypedObject,
    Undefined,
    Vector,
    XmlDocument,
)
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "UNDEFINED",
    "Amf0Reader",
    "AmfValue",
    "EcmaArray",
    "Marker",
    "TypedObject",
    "Undefined",
    "XmlDocument",
    "decode_all",
    "encode",
    "encode_all",
    "encode_all_amf3",
]

_NUMBER = struct.Struct(">Bd")
_DOUBLE = struct.Struct(">d")
_DATE = struct.Struct(">Bdh")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_OBJECT_END = b"\x00\x00\x09"


class Marker(IntEnum):
    """Type markers (AMF0 §2.1)."""

    NUMBER = 0x00
    BOOLEAN = 0x01
    STRING = 0x02
    OBJECT = 0x03
    MOVIECLIP = 0x04
    NULL = 0x05
    UNDEFINED = 0x06
    REFERENCE = 0x07
    ECMA_ARRAY = 0x08
    OBJECT_END = 0x09
    STRICT_ARRAY = 0x0A
    DATE = 0x0B
    LONG_STRING = 0x0C
    UNSUPPORTED = 0x0D
    RECORDSET = 0x0E
    XML_DOCUMENT = 0x0F
    TYPED_OBJECT = 0x10
    AVMPLUS = 0x11


class Amf0Reader:
    """Reads the values of one message; references hold within the message."""

    def __init__(self, data: bytes | bytearray | memoryview, limits: Limits = DEFAULT_LIMITS) -> None:
        self._data = bytes(data)
        self._pos = 0
        self._limits = limits
        self._budget = Budget(limits)
        self._references = ReferenceTable(self._budget)
        self._amf3: Amf3Reader | None = None

    @property
    def position(self) -> int:
        """Where the next value begins, in bytes."""
        return self._pos

    @property
    def at_end(self) -> bool:
        """Whether every byte has been read."""
        return self._pos >= len(self._data)

    def read_value(self, depth: int = 0) -> AmfValue:
        """Return the next value. Raise AmfDecodeError if it is malformed or too large."""
        if depth > self._limits.max_amf_depth:
            raise AmfDecodeError(f"AMF0 value is nested deeper than {self._limits.max_amf_depth}")
        self._budget.spend(1)
        marker = self._take(1)[0]
        reader = _READERS.get(marker)
        if reader is None:
            raise AmfDecodeError(f"AMF0 marker 0x{marker:02x} at byte {self._pos - 1} is not supported")
        return reader(self, depth)

    def _take(self, size: int) -> bytes:
        end = self._pos + size
        if end > len(self._data):
            raise AmfDecodeError(f"AMF0 value needs {end - len(self._data)} bytes more at byte {self._pos}")
        taken = self._data[self._pos : end]
        self._pos = end
        return taken

    def _read_number(self, _depth: int) -> float:
        return float(_DOUBLE.unpack(self._take(8))[0])

    def _read_boolean(self, _depth: int) -> bool:
        return self._take(1) != b"\x00"

    def _take_text(self, size: int) -> str:
        if size > self._limits.max_amf_string:
            raise AmfDecodeError(f"AMF0 string of {size} bytes, more than {self._limits.max_amf_string}")
        return self._take(size).decode(errors="replace")

    def _take_utf8(self) -> str:
        return self._take_text(int(_U16.unpack(self._take(2))[0]))

    def _take_long_utf8(self) -> str:
        return self._take_text(int(_U32.unpack(self._take(4))[0]))

    def _read_string(self, _depth: int) -> str:
        return self._take_utf8()

    def _read_long_string(self, _depth: int) -> str:
        return self._take_long_utf8()

    def _read_xml(self, _depth: int) -> XmlDocument:
        return XmlDocument(self._take_long_utf8())

    def _read_date(self, _depth: int) -> datetime | OtherDate:
        milliseconds = float(_DOUBLE.unpack(self._take(8))[0])
        self._take(2)  # the time zone is reserved and always 0 (§2.13)
        return date_from_ms(milliseconds)

    def _read_reference(self, _depth: int) -> AmfValue:
        return self._references.get(int(_U16.unpack(self._take(2))[0]))

    def _read_avmplus(self, depth: int) -> AmfValue:
        if self._amf3 is None:
            self._amf3 = Amf3Reader(self._data, self._limits, self._budget)
        value, self._pos = self._amf3.read_value_at(self._pos, depth)
        return value

    def _read_object(self, depth: int) -> AmfValue:
        return self._read_members({}, depth)

    def _read_typed_object(self, depth: int) -> AmfValue:
        return self._read_members(TypedObject(self._take_utf8()), depth)

    def _read_ecma_array(self, depth: int) -> AmfValue:
        self._take(4)  # the count is a hint that some writers leave 0; the end marker decides
        return self._read_members(EcmaArray(), depth)

    def _read_members(self, members: dict[str, AmfValue], depth: int) -> AmfValue:
        spent = self._budget.spent
        index = self._references.begin()
        while not self._data.startswith(_OBJECT_END, self._pos):
            name = self._take_utf8()
            members[name] = self.read_value(depth + 1)
        self._take(3)
        self._references.finish(index, spent, members)
        return members

    def _read_strict_array(self, depth: int) -> AmfValue:
        count = int(_U32.unpack(self._take(4))[0])
        if count > len(self._data) - self._pos:
            raise AmfDecodeError(f"AMF0 array of {count} elements in {len(self._data) - self._pos} bytes")
        spent = self._budget.spent
        index = self._references.begin()
        elements = [self.read_value(depth + 1) for _ in range(count)]
        self._references.finish(index, spent, elements)
        return elements


# Not in the reader: bound methods there would hold it in circles, which only the collector could free.
_READERS: Final[dict[int, Callable[[Amf0Reader, int], AmfValue]]] = {
    Marker.NUMBER: Amf0Reader._read_number,
    Marker.BOOLEAN: Amf0Reader._read_boolean,
    Marker.STRING: Amf0Reader._read_string,
    Marker.OBJECT: Amf0Reader._read_object,
    Marker.NULL: lambda _reader, _depth: None,
    Marker.UNDEFINED: lambda _reader, _depth: UNDEFINED,
    Marker.REFERENCE: Amf0Reader._read_reference,
    Marker.ECMA_ARRAY: Amf0Reader._read_ecma_array,
    Marker.STRICT_ARRAY: Amf0Reader._read_strict_array,
    Marker.DATE: Amf0Reader._read_date,
    Marker.LONG_STRING: Amf0Reader._read_long_string,
    # "unsupported" stands for a value its sender could not serialize (§2.14)
    Marker.UNSUPPORTED: lambda _reader, _depth: UNDEFINED,
    Marker.XML_DOCUMENT: Amf0Reader._read_xml,
    Marker.TYPED_OBJECT: Amf0Reader._read_typed_object,
    Marker.AVMPLUS: Amf0Reader._read_avmplus,
}


def decode_all(data: bytes | bytearray | memoryview, limits: Limits = DEFAULT_LIMITS) -> list[AmfValue]:
    """Return every AMF0 value of a message payload. Raise AmfDecodeError."""
    reader = Amf0Reader(data, limits)
    values: list[AmfValue] = []
    while not reader.at_end:
        values.append(reader.read_value())
    return values


def encode(value: AmfValue) -> bytes:
    """Return the AMF0 encoding of one value. Raise AmfEncodeError if it has none."""
    return encode_all((value,))


def encode_all(values: Iterable[AmfValue]) -> bytes:
    """Return the AMF0 encodings of the values, one after the other. Raise AmfEncodeError."""
    out = bytearray()
    for value in values:
        _write(out, value, 0)
    return bytes(out)


def encode_all_amf3(values: Iterable[AmfValue]) -> bytes:
    """Like `encode_all`, with arrays, objects and bytes in AMF3 behind the avmplus marker.

    That is the body of message types 15 and 17 after their first byte, for a peer with object encoding 3.
    """
    out = bytearray()
    for value in values:
        if isinstance(value, Mapping | Sequence | Dictionary) and not isinstance(value, str):
            _write_avmplus(out, value)
        else:
            _write(out, value, 0)
    return bytes(out)


def _write(out: bytearray, value: AmfValue, depth: int) -> None:
    if depth > DEFAULT_LIMITS.max_amf_depth:
        raise AmfEncodeError(f"value is nested deeper than {DEFAULT_LIMITS.max_amf_depth}, or cyclic")
    if isinstance(value, str):
        _write_string(out, value)
    elif isinstance(value, Mapping):
        _write_mapping(out, value, depth)
    elif isinstance(value, bytes | Vector | Dictionary):
        _write_avmplus(out, value)
    elif isinstance(value, Sequence):
        out += bytes((Marker.STRICT_ARRAY,)) + _U32.pack(len(value))
        for element in value:
            _write(out, element, depth + 1)
    else:
        _write_scalar(out, value)


def _write_scalar(out: bytearray, value: AmfScalar) -> None:
    if value is None:
        out.append(Marker.NULL)
    elif value is UNDEFINED:
        out.append(Marker.UNDEFINED)
    elif isinstance(value, bool):
        out += bytes((Marker.BOOLEAN, value))
    elif isinstance(value, int | float):
        _write_number(out, value)
    elif isinstance(value, datetime | OtherDate):
        out += _DATE.pack(Marker.DATE, ms_from_date(value), 0)
    elif isinstance(value, XmlDocument):
        text = encode_utf8(value.text)
        out += bytes((Marker.XML_DOCUMENT,)) + _U32.pack(len(text)) + text
    else:
        raise AmfEncodeError(f"{type(value).__name__} has no AMF0 encoding")


def _write_number(out: bytearray, value: float) -> None:
    try:
        out += _NUMBER.pack(Marker.NUMBER, value)
    except (OverflowError, struct.error) as error:
        raise AmfEncodeError(f"{value} does not fit an AMF0 number") from error


def _write_string(out: bytearray, value: str) -> None:
    text = encode_utf8(value)
    if len(text) <= 0xFFFF:
        out += bytes((Marker.STRING,)) + _U16.pack(len(text)) + text
    else:
        out += bytes((Marker.LONG_STRING,)) + _U32.pack(len(text)) + text


def _write_mapping(out: bytearray, value: Mapping[str, AmfValue], depth: int) -> None:
    if isinstance(value, EcmaArray):
        out += bytes((Marker.ECMA_ARRAY,)) + _U32.pack(len(value))
    elif isinstance(value, TypedObject):
        out.append(Marker.TYPED_OBJECT)
        _write_name(out, value.class_name)
    else:
        out.append(Marker.OBJECT)
    for name, member in value.items():
        _write_name(out, name)
        _write(out, member, depth + 1)
    out += _OBJECT_END


def _write_name(out: bytearray, name: str) -> None:
    text = encode_utf8(name)
    if len(text) > 0xFFFF:
        raise AmfEncodeError(f"member name of {len(text)} bytes, more than 65535")
    out += _U16.pack(len(text)) + text


def _write_avmplus(out: bytearray, value: AmfValue) -> None:
    out.append(Marker.AVMPLUS)
    out += Amf3Writer().write_value(value)
