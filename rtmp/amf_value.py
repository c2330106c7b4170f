"""The Python values that AMF0 and AMF3 data turn into, shared by both codecs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Dictionary:
    """ActionScript's `Dictionary`: keys of any type, objects too, so the entries are pairs in their order."""

    entries: tuple[tuple[AmfValue, AmfValue], ...] = ()
    weak_keys: bool = False


@dataclass(frozen=True, slots=True)
class OtherDate:
    """A date that `datetime` does not have: before the year 1, after 9999, or none at all.

    `milliseconds` after 1970, UTC; NaN for ActionScript's "Invalid Date", which is what `new Date("x")` is.
    """

    milliseconds: float


class BackReference:
    """Stands in a value for one that it is inside of, such as the parent that a child refers to.

    Values that contained themselves could not be printed, compared or sent without end, so the circle is
    open here: only who reads `target` goes on. It cannot be encoded.
    """

    __slots__ = ("_target",)

    def __init__(self) -> None:
        self._target: AmfValue = None

    @property
    def target(self) -> AmfValue:
        """The value around this one."""
        return self._target

    def close(self, target: AmfValue) -> None:
        """Say what it stands for, for a reader that has now come to its end."""
        self._target = target

    def __repr__(self) -> str:
        return f"BackReference({type(self._target).__name__})"


AmfValue: TypeAlias = Union[  # noqa: UP007 - a recursive alias needs names that are strings
    Undefined,
    bool,
    float,
    int,
    str,
    bytes,
    datetime,
    OtherDate,
    XmlDocument,
    Dictionary,
    BackReference,
    Sequence["AmfValue"],
    Mapping[str, "AmfValue"],
    None,
]


AmfScalar: TypeAlias = Undefined | bool | float | datetime | OtherDate | XmlDocument | BackReference | None
"""What has no members, and is no text either."""


class VectorType(Enum):
    """What the elements of a `Vector` are."""

    INT = "int"
    UINT = "uint"
    NUMBER = "Number"
    OBJECT = "Object"


class Vector(list[AmfValue]):
    """ActionScript's `Vector`: a list of one type. Other than a list it has no encoding in AMF0 itself.

    `class_name` is the class of the elements of an OBJECT vector, empty for any; a `fixed` one cannot grow.
    """

    def __init__(
        self,
        item_type: VectorType,
        items: Iterable[AmfValue] = (),
        *,
        fixed: bool = False,
        class_name: str = "",
    ) -> None:
        super().__init__(items)
        self.item_type = item_type
        self.fixed = fixed
        self.class_name = class_name

    @property
    def shape(self) -> tuple[VectorType, bool, str]:
        """All but the elements."""
        return self.item_type, self.fixed, self.class_name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Vector) and other.shape != self.shape:
            return False
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"Vector({self.item_type}, {super().__repr__()})"


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
