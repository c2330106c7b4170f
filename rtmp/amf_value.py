"""The Python values that AMF0 and AMF3 data turn into, shared by both codecs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias, Union


class Undefined(Enum):
    """ActionScript's `undefined`, which is not null; its only member is `UNDEFINED`."""

    UNDEFINED = "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED = Undefined.UNDEFINED


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """An XML document as text; nothing here parses it. `legacy` is AMF3's `XMLDocument` (flash.xml)."""

    text: str
    legacy: bool = False


AmfValue: TypeAlias = Union[  # noqa: UP007 - a recursive alias needs names that are strings
    Undefined,
    bool,
    float,
    int,
    str,
    bytes,
    datetime,
    XmlDocument,
    Sequence["AmfValue"],
    Mapping[str, "AmfValue"],
    None,
]


class EcmaArray(dict[str, AmfValue]):
    """An associative array: a dict that is encoded as an ECMA array instead of an object."""


class TypedObject(dict[str, AmfValue]):
    """An object of a named class."""

    def __init__(self, class_name: str, members: Mapping[str, AmfValue] | None = None) -> None:
        super().__init__(members or {})
        self.class_name = class_name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypedObject) and other.class_name != self.class_name:
            return False
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"TypedObject({self.class_name!r}, {super().__repr__()})"
