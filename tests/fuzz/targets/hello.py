"""Handshakes of a peer: right ones of each kind, with changes that the input names, and any bytes at all."""

from __future__ import annotations

from rtmp.handshake import (
    CLIENT_KEY,
    CLIENT_VERSION,
    PACKET_SIZE,
    SERVER_KEY,
    SERVER_VERSION,
    VERSION,
    make_first_packet,
)

_CHANGE_SIZE = 3


def read_hello(data: bytes, *, of_client: bool) -> tuple[bytes, bytes]:
    """Return the peer's 3073 bytes (or any others), and the rest of the input.

    The input begins with the kind and the count of changes, each of which is an offset (2 bytes) and a byte.
    """
    if len(data) < 2:
        return data, b""
    kind, changes = data[0] & 3, data[1] & 15
    rest = data[2 + changes * _CHANGE_SIZE :]
    if kind == 3:
        return rest, b""
    hello = bytearray(_right_hello(kind, of_client=of_client))
    for at in range(2, len(data) - len(rest) - 2, _CHANGE_SIZE):
        hello[int.from_bytes(data[at : at + 2], "big") % len(hello)] = data[at + 2]
    return bytes(hello), rest


def _right_hello(kind: int, *, of_client: bool) -> bytes:
    """Return a handshake that is plain (0), or has a digest of either scheme (1, 2)."""
    first = bytes(PACKET_SIZE)
    if kind:
        version, key = (CLIENT_VERSION, CLIENT_KEY) if of_client else (SERVER_VERSION, SERVER_KEY)
        first = make_first_packet(version, key, kind - 1, lambda size: b"\x55" * size)
    return bytes((VERSION,)) + first + bytes(PACKET_SIZE)
