"""The input of a session's target: a list of operations, so that a fuzzer gets past `connect`.

An operation is a kind, two small arguments and a body: five bytes of header, and the body. Every byte string
is a list of operations, and every list is a byte string; a body whose length lies is cut.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

_HEADER = 5
_MAX_BODY = 0xFFFF


class Kind(IntEnum):
    """What an operation does. Its `a` and `b` are in parentheses."""

    MESSAGE = 0
    """The peer sends a message (type, chunk stream << 4 | message stream) with this payload."""
    COMMAND = 1
    """The peer sends a command (name, transaction << 4 | message stream); the body follows, in AMF0."""
    RAW = 2
    """The peer sends these bytes."""
    LOCAL = 3
    """Our side calls a method (which, message stream); the body has its arguments."""
    CHUNK_SIZE = 4
    """The peer sets its chunk size to a << 8 | b."""
    TIME = 5
    """The peer's messages have this time (4 bytes) from here on."""
    REPEAT = 6
    """The operation before happens (a) times more, up to a bound for all of an input."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a session; see `Kind`."""

    kind: Kind
    a: int = 0
    b: int = 0
    body: bytes = b""


def parse(data: bytes) -> list[Operation]:
    """Return the operations that any bytes are."""
    operations = []
    at = 0
    while at + _HEADER <= len(data):
        kind, a, b = data[at : at + 3]
        start = at + _HEADER
        at = start + int.from_bytes(data[at + 3 : start], "big")
        operations.append(Operation(Kind(kind % len(Kind)), a, b, data[start:at]))
    return operations


def serialize(operations: Sequence[Operation]) -> bytes:
    """Return the bytes that `parse` makes into the same operations."""
    return b"".join(
        bytes((op.kind, op.a, op.b)) + len(op.body).to_bytes(2, "big") + op.body for op in operations
    )


MutateBytes = Callable[[bytes, int], bytes]


def mutate(
    operations: list[Operation], known: Sequence[Operation], chance: random.Random, mutate_bytes: MutateBytes
) -> list[Operation]:
    """Return the operations with one changed, doubled, moved or left out, or with one of `known` put in."""
    out = list(operations)
    at = chance.randrange(len(out)) if out else 0
    choice = chance.randrange(8) if out else 0
    if choice <= 1:
        out.insert(chance.randrange(len(out) + 1), chance.choice(known))
    elif choice == 2:
        del out[at]
    elif choice == 3:
        out.insert(chance.randrange(len(out) + 1), out[at])
    elif choice == 4:
        out.insert(chance.randrange(len(out)), out.pop(at))
    elif choice == 5:
        out[at] = replace(out[at], a=chance.randrange(256))
    elif choice == 6:
        out[at] = replace(out[at], b=chance.choice((chance.randrange(256), out[at].b ^ 1, 1)))
    else:
        body = mutate_bytes(out[at].body, min(len(out[at].body) + 64, _MAX_BODY))
        out[at] = replace(out[at], body=body)
    return out
