"""Arithmetic of RTP's sequence numbers (16 bits) and timestamps (32 bits), which wrap around."""

from __future__ import annotations

SEQUENCE_CYCLE = 1 << 16
TIMESTAMP_CYCLE = 1 << 32


def sequence_delta(later: int, earlier: int) -> int:
    """How far `later` is ahead of `earlier`, -32768 to 32767, the shorter way around."""
    return ((later - earlier + 0x8000) & 0xFFFF) - 0x8000


def timestamp_delta(later: int, earlier: int) -> int:
    """How far `later` is ahead of `earlier`, in units of the timestamp, the shorter way around."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def extend_sequence(sequence_number: int, near: int) -> int:
    """Return the extended sequence number nearest to `near` whose low 16 bits are `sequence_number`.

    Extended numbers count on where the 16 bits wrap around (RFC 3550 §6.4.1), and may be negative for what
    was sent before the first one that was seen.
    """
    return near + sequence_delta(sequence_number, near & 0xFFFF)
