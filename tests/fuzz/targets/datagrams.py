"""Inputs that are many packets: each behind a byte that says what is special about it, and its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Datagram(NamedTuple):
    """A packet; what its flags mean is the target's."""

    flags: int
    data: bytes


def read(data: bytes) -> Iterator[Datagram]:
    """Yield the packets; any bytes are some."""
    at = 0
    while at + 3 <= len(data):
        end = at + 3 + int.from_bytes(data[at + 1 : at + 3])
        yield Datagram(data[at], data[at + 3 : end])
        at = end


def write(packets: Iterable[Datagram | tuple[int, bytes]]) -> bytes:
    """Write packets of up to 64 kB each."""
    return b"".join(bytes((flags,)) + len(data).to_bytes(2) + data for flags, data in packets)
