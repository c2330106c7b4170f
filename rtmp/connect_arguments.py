"""The arguments of `connect` as the programs rtmpdump (`-C`) and FFmpeg (`-rtmp_conn`) write them.

One text an argument: `B:1` or `B:0`, `N:number`, `S:text`, `Z:` (null), and `O:1` … `O:0` around the members
of an object. A member has its name in between, behind an N: `NS:name:text`, `NO:name:1` … `O:0`. FFmpeg
takes them all in one text, with blanks between; rtmpdump knows no `NZ:`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rtmp.amf_value import AmfValue
from rtmp.errors import InvalidConnectArgument
from rtmp.limits import DEFAULT_LIMITS

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MAX_DEPTH = DEFAULT_LIMITS.max_amf_depth


def parse_connect_arguments(texts: Iterable[str]) -> tuple[AmfValue, ...]:
    """Return the values, numbers as floats and objects as dicts.

    Raises InvalidConnectArgument, which says which text is wrong and why, but not the value in it: it may be
    a password.
    """
    values = _Values()
    for index, text in enumerate(texts):
        kind, name, value = _split(index, text)
        if kind != "O":
            values.add(index, name, _parse_value(index, kind, value))
        elif _parse_flag(index, value):
            values.begin_object(index, name)
        else:
            values.end_object(index, name)
    return values.finish()


@dataclass(slots=True)
class _OpenObject:
    """An object whose end has not come yet; `index` is where it began."""

    index: int
    name: str | None
    members: dict[str, AmfValue] = field(default_factory=dict)


class _Values:
    """Collects values and members."""

    def __init__(self) -> None:
        self._values: list[AmfValue] = []
        self._open: list[_OpenObject] = []

    def add(self, index: int, name: str | None, value: AmfValue) -> None:
        self._check_name(index, name)
        if name is None:
            self._values.append(value)
        else:
            self._open[-1].members[name] = value

    def begin_object(self, index: int, name: str | None) -> None:
        self._check_name(index, name)
        if len(self._open) >= _MAX_DEPTH:
            raise InvalidConnectArgument(index, f"objects are more than {_MAX_DEPTH} deep")
        self._open.append(_OpenObject(index, name))

    def end_object(self, index: int, name: str | None) -> None:
        if not self._open:
            raise InvalidConnectArgument(index, "an object ends that has not begun")
        if name is not None:
            raise InvalidConnectArgument(index, "the end of an object has no name")
        ended = self._open.pop()
        self.add(index, ended.name, ended.members)

    def finish(self) -> tuple[AmfValue, ...]:
        if self._open:
            raise InvalidConnectArgument(self._open[-1].index, "the object that begins here does not end")
        return tuple(self._values)

    def _check_name(self, index: int, name: str | None) -> None:
        if name is None and self._open:
            raise InvalidConnectArgument(index, "a member of an object needs a name")
        if name is not None and not self._open:
            raise InvalidConnectArgument(index, f"{name!r} has a name but is in no object")
        if name is not None and name in self._open[-1].members:
            raise InvalidConnectArgument(index, f"the object has two members {name!r}")


def _split(index: int, text: str) -> tuple[str, str | None, str]:
    """Return the letter of the type, the name of a member, and the value."""
    head, colon, rest = text.partition(":")
    if not colon or head not in ("B", "N", "S", "O", "Z", "NB", "NN", "NS", "NO", "NZ"):
        raise InvalidConnectArgument(index, "it begins with none of B: N: S: O: Z: NB: NN: NS: NO: NZ:")
    if len(head) == 1:
        return head, None, rest
    name, colon, value = rest.partition(":")
    if not colon or not name:
        raise InvalidConnectArgument(index, f"a member is {head}:name:value")
    return head[1], name, value


def _parse_value(index: int, kind: str, text: str) -> AmfValue:
    if kind == "B":
        return _parse_flag(index, text)
    if kind == "N":
        if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
            raise InvalidConnectArgument(index, "not a number")
        return number
    if kind == "Z" and text:
        raise InvalidConnectArgument(index, "null has no value")
    return text if kind == "S" else None


def _parse_flag(index: int, text: str) -> bool:
    if text not in ("0", "1"):
        raise InvalidConnectArgument(index, "it is neither 0 nor 1")
    return text == "1"


def format_connect_arguments(values: Iterable[AmfValue]) -> list[str]:
    """Return the texts that `parse_connect_arguments` makes these values of.

    Raises InvalidConnectArgument, with the index of the value, for what has no such form: other types than
    bool, number, text, null and mapping, numbers that are not finite, names that are empty or have a colon.
    """
    texts: list[str] = []
    for index, value in enumerate(values):
        texts.extend(_format(index, value, None, 0))
    return texts


def _format(index: int, value: AmfValue, name: str | None, depth: int) -> Iterator[str]:
    before, after = ("", ":") if name is None else ("N", f":{name}:")
    if value is None:
        yield f"{before}Z{after}"
    elif isinstance(value, bool):
        yield f"{before}B{after}{value:d}"
    elif isinstance(value, int | float) and abs(value) <= sys.float_info.max:
        yield f"{before}N{after}{float(value)!r}"
    elif isinstance(value, str):
        yield f"{before}S{after}{value}"
    elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
        yield f"{before}O{after}1"
        for member, member_value in value.items():
            if not member or ":" in member:
                raise InvalidConnectArgument(index, f"a member cannot be named {member!r}")
            yield from _format(index, member_value, member, depth + 1)
        yield "O:0"
    else:
        raise InvalidConnectArgument(index, f"{type(value).__name__} has no form as text")
