"""Kinds of RTP payload (RFC 6184 5.2, table 1), told apart by what is the type in a NAL unit's first byte."""

from enum import IntEnum


class PacketType(IntEnum):
    """Payloads that are not a single NAL unit."""

    STAP_A = 24
    STAP_B = 25
    MTAP16 = 26
    MTAP24 = 27
    FU_A = 28
    FU_B = 29


class PacketizationMode(IntEnum):
    """`packetization-mode` of SDP (RFC 6184 6.2, 6.3). Interleaved mode, 2, is not offered and not sent."""

    SINGLE_NAL = 0
    NON_INTERLEAVED = 1


INTERLEAVED_TYPES = frozenset({PacketType.STAP_B, PacketType.MTAP16, PacketType.MTAP24, PacketType.FU_B})
"""Only in interleaved mode."""

FU_START, FU_END = 0x80, 0x40
"""Bits of the second byte of a fragment (5.8)."""

FORBIDDEN_BIT = 0x80
NRI_MASK = 0x60
"""Bits of the first byte (5.3): F says that the unit is damaged; NRI how much depends on it."""
