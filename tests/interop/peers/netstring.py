"""Netstrings (`12:hello world!,`), the framing of baresip's control connection."""

import asyncio

MAX_LENGTH_DIGITS = 7


def serialize_netstring(payload: bytes) -> bytes:
    """A payload as a netstring."""
    return b"%d:%b," % (len(payload), payload)


async def read_netstring(reader: asyncio.StreamReader) -> bytes:
    """The payload of the next netstring; IncompleteReadError at the end, ValueError for anything else."""
    prefix = await reader.readuntil(b":")
    if len(prefix) > MAX_LENGTH_DIGITS + 1:
        raise ValueError(f"netstring length {prefix!r} is too long")
    payload = await reader.readexactly(int(prefix[:-1]))
    if await reader.readexactly(1) != b",":
        raise ValueError("a netstring does not end with a comma")
    return payload
