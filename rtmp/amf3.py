"""Reading AMF3, to which AMF0 switches behind its avmplus marker ("Action Message Format -- AMF 3", 2013).

The Python values are those of `rtmp.amf_value`. An array with named elements becomes an `EcmaArray` whose
dense part has the names "0", "1", ... An externalizable class writes itself in its own way: of Flex's
collections what is inside them is returned, and other classes are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from rtmp.amf_common import Budget, ReferenceTable, date_from_ms
from rtmp.amf_value import (
    UNDEFINED,
    AmfValue,
    Dictionary,
    EcmaArray,
    OtherDate,
    TypedObject,
    Vector,
    VectorType,
    XmlDocument,
)
from rtmp.errors import AmfDecodeError
from rtmp.limits import DEFAULT_LIMITS, Limits

_DOUBLE = struct.Struct(">d")
_INTEGER_MAX = (1 << 28) - 1
# A referenced string costs a budget element for every so many bytes, as `Budget` explains.
_STRING_BYTES_PER_ELEMENT = 256


class Marker(IntEnum):
    """Type markers (AMF3 §3.1)."""

    UNDEFINED = 0x00
    NULL = 0x01
    FALSE = 0x02
    TRUE = 0x03
    INTEGER = 0x04
    DOUBLE = 0x05
    STRING = 0x06
    XML_DOCUMENT = 0x07
    DATE = 0x08
    ARRAY = 0x09
    OBJECT = 0x0A
    XML = 0x0B
    BYTE_ARRAY = 0x0C
    VECTOR_INT = 0x0D
    VECTOR_UINT = 0x0E
    VECTOR_DOUBLE = 0x0F
    VECTOR_OBJECT = 0x10
    DICTIONARY = 0x11


_WRAPPERS = frozenset(f"flex.messaging.io.{name}" for name in ("ArrayCollection", "ArrayList", "ObjectProxy"))
"""Externalizable classes whose body is one value."""


@dataclass(frozen=True, slots=True)
class Traits:
    """The shape of an object: its class, the names of its sealed members, and whether more may follow."""

    class_name: str
    sealed: tuple[str, ...]
    dynamic: bool
    externalizable: bool = False


class Amf3Reader:
    """Reads AMF3 values out of a message; the three reference tables (§2.2) hold within the message."""

    def __init__(self, data: bytes, limits: Limits = DEFAULT_LIMITS, budget: Budget | None = None) -> None:
        self._data = data
        self._pos = 0
        self._limits = limits
        self._budget = budget or Budget(limits)
        self._objects = ReferenceTable(self._budget)
        self._strings: list[str] = []
        self._traits: list[Traits] = []

    def read_value_at(self, position: int, depth: int = 0) -> tuple[AmfValue, int]:
        """Return the value that begins at a position and the position after it. Raise AmfDecodeError."""
        self._pos = position
        return self._read_value(depth), self._pos

    def _read_value(self, depth: int) -> AmfValue:
        if depth > self._limits.max_amf_depth:
            raise AmfDecodeError(f"AMF3 value is nested deeper than {self._limits.max_amf_depth}")
        self._budget.spend(1)
        marker = self._take(1)[0]
        reader = _READERS.get(marker)
        if reader is not None:
            return reader(self, depth)
        complex_reader = _COMPLEX_READERS.get(marker)
        if complex_reader is None:
            raise AmfDecodeError(f"AMF3 marker 0x{marker:02x} at byte {self._pos - 1} is not supported")
        header = self._take_u29()
        return complex_reader(self, header >> 1, depth) if header & 1 else self._objects.get(header >> 1)

    def _take(self, size: int) -> bytes:
        end = self._pos + size
        if end > len(self._data):
            raise AmfDecodeError(f"AMF3 value needs {end - len(self._data)} bytes more at byte {self._pos}")
        taken = self._data[self._pos : end]
        self._pos = end
        return taken

    def _take_u29(self) -> int:
        """Seven bits a byte while the top bit is set; a fourth byte gives eight (§1.3.1)."""
        value = 0
        for _ in range(3):
            byte = self._take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        return value << 8 | self._take(1)[0]

    def _take_text(self, size: int) -> str:
        if size > self._limits.max_amf_string:
            raise AmfDecodeError(f"AMF3 string of {size} bytes, more than {self._limits.max_amf_string}")
        return self._take(size).decode(errors="replace")

    def _take_string(self) -> str:
        header = self._take_u29()
        if header & 1:
            text = self._take_text(header >> 1)
            if text:  # the empty string is never sent by reference (§1.3.2)
                self._strings.append(text)
            return text
        index = header >> 1
        if index >= len(self._strings):
            raise AmfDecodeError(f"AMF3 string reference {index} of {len(self._strings)}")
        text = self._strings[index]
        self._budget.spend(len(text) // _STRING_BYTES_PER_ELEMENT)
        return text

    def _read_integer(self, _depth: int) -> int:
        value = self._take_u29()
        return value - (1 << 29) if value > _INTEGER_MAX else value

    def _read_double(self, _depth: int) -> float:
        return float(_DOUBLE.unpack(self._take(8))[0])

    def _read_date(self, _header: int, _depth: int) -> AmfValue:
        return self._enter(date_from_ms(float(_DOUBLE.unpack(self._take(8))[0])))

    def _read_xml(self, size: int, *, legacy: bool) -> AmfValue:
        return self._enter(XmlDocument(self._take_text(size), legacy))

    def _read_byte_array(self, size: int, _depth: int) -> AmfValue:
        return self._enter(self._take(size))

    def _enter(self, value: bytes | datetime | OtherDate | XmlDocument) -> AmfValue:
        """Enter a value without members into the object table; like a string it costs by its size."""
        spent = self._budget.spent
        index = self._objects.begin()
        size = len(value.text) if isinstance(value, XmlDocument) else 0
        size = len(value) if isinstance(value, bytes) else size
        self._objects.finish(index, spent - size // _STRING_BYTES_PER_ELEMENT, value)
        return value

    def _read_array(self, count: int, depth: int) -> AmfValue:
        spent = self._budget.spent
        index = self._objects.begin()
        named = EcmaArray()
        while name := self._take_string():
            named[name] = self._read_value(depth + 1)
        dense = [self._read_value(depth + 1) for _ in range(self._checked_count(count))]
        value: AmfValue = dense
        if named:
            named.update((str(position), element) for position, element in enumerate(dense))
            value = named
        self._objects.finish(index, spent, value)
        return value

    def _checked_count(self, count: int) -> int:
        if count > len(self._data) - self._pos:
            raise AmfDecodeError(f"AMF3 count of {count} in {len(self._data) - self._pos} bytes")
        return count

    def _read_object(self, header: int, depth: int) -> AmfValue:
        spent = self._budget.spent
        traits = self._take_traits(header)
        if traits.externalizable:
            return self._read_wrapped(spent, depth)
        members: dict[str, AmfValue] = TypedObject(traits.class_name) if traits.class_name else {}
        index = self._objects.begin()
        for name in traits.sealed:
            members[name] = self._read_value(depth + 1)
        while traits.dynamic and (name := self._take_string()):
            members[name] = self._read_value(depth + 1)
        self._objects.finish(index, spent, members)
        return members

    def _read_wrapped(self, spent: int, depth: int) -> AmfValue:
        index = self._objects.begin()
        value = self._read_value(depth + 1)
        self._objects.finish(index, spent, value)
        return value

    def _read_numbers(self, count: int, item_type: VectorType, code: str) -> AmfValue:
        spent = self._budget.spent
        fixed = self._take_flag()
        self._budget.spend(count)
        numbers = struct.Struct(f">{count}{code}")
        vector = Vector(item_type, numbers.unpack(self._take(numbers.size)), fixed=fixed)
        self._objects.finish(self._objects.begin(), spent, vector)
        return vector

    def _read_vector(self, count: int, depth: int) -> AmfValue:
        spent = self._budget.spent
        fixed = self._take_flag()
        vector = Vector(VectorType.OBJECT, fixed=fixed, class_name=self._take_string())
        index = self._objects.begin()
        vector.extend(self._read_value(depth + 1) for _ in range(self._checked_count(count)))
        self._objects.finish(index, spent, vector)
        return vector

    def _read_dictionary(self, count: int, depth: int) -> AmfValue:
        spent = self._budget.spent
        weak_keys = self._take_flag()
        index = self._objects.begin()
        entries = tuple(
            (self._read_value(depth + 1), self._read_value(depth + 1))
            for _ in range(self._checked_count(count))
        )
        dictionary = Dictionary(entries, weak_keys)
        self._objects.finish(index, spent, dictionary)
        return dictionary

    def _take_flag(self) -> bool:
        return self._take(1) != b"\0"

    def _take_traits(self, header: int) -> Traits:
        """Header bits behind the lowest: inline traits, externalizable, dynamic, count (§3.12)."""
        if not header & 1:
            index = header >> 1
            if index >= len(self._traits):
                raise AmfDecodeError(f"AMF3 traits reference {index} of {len(self._traits)}")
            return self._traits[index]
        class_name = self._take_string()
        if header & 2:
            if class_name not in _WRAPPERS:
                raise AmfDecodeError(f"AMF3 externalizable class {class_name!r} is not supported")
            self._traits.append(Traits(class_name, (), dynamic=False, externalizable=True))
            return self._traits[-1]
        count = self._checked_count(header >> 3)
        self._budget.spend(count)
        traits = Traits(class_name, tuple(self._take_string() for _ in range(count)), bool(header & 4))
        self._traits.append(traits)
        return traits


_READERS: Final[dict[int, Callable[[Amf3Reader, int], AmfValue]]] = {
    Marker.UNDEFINED: lambda _reader, _depth: UNDEFINED,
    Marker.NULL: lambda _reader, _depth: None,
    Marker.FALSE: lambda _reader, _depth: False,
    Marker.TRUE: lambda _reader, _depth: True,
    Marker.INTEGER: Amf3Reader._read_integer,
    Marker.DOUBLE: Amf3Reader._read_double,
    Marker.STRING: lambda reader, _depth: reader._take_string(),
}

# These take the header without its lowest bit, which tells a value from a reference, and the depth.
_COMPLEX_READERS: Final[dict[int, Callable[[Amf3Reader, int, int], AmfValue]]] = {
    Marker.XML_DOCUMENT: lambda reader, size, _depth: reader._read_xml(size, legacy=True),
    Marker.DATE: Amf3Reader._read_date,
    Marker.ARRAY: Amf3Reader._read_array,
    Marker.OBJECT: Amf3Reader._read_object,
    Marker.XML: lambda reader, size, _depth: reader._read_xml(size, legacy=False),
    Marker.BYTE_ARRAY: Amf3Reader._read_byte_array,
    Marker.VECTOR_INT: lambda reader, count, _depth: reader._read_numbers(count, VectorType.INT, "i"),
    Marker.VECTOR_UINT: lambda reader, count, _depth: reader._read_numbers(count, VectorType.UINT, "I"),
    Marker.VECTOR_DOUBLE: lambda reader, count, _depth: reader._read_numbers(count, VectorType.NUMBER, "d"),
    Marker.VECTOR_OBJECT: Amf3Reader._read_vector,
    Marker.DICTIONARY: Amf3Reader._read_dictionary,
}
