"""Reads the headers of H.264 bit by bit (7.2), with the Exp-Golomb codes of 9.1."""

from __future__ import annotations

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload

_MAX_ZEROS = 31


class BitReader:
    """The bits of some bytes in their order. Every method raises CodecDataError at the end of the bytes."""

    __slots__ = ("_bits", "_left")

    def __init__(self, data: Payload) -> None:
        self._bits = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """Read an unsigned number of `count` bits, u(n)."""
        if count > self._left:
            raise CodecDataError("an H.264 header is cut short")
        self._left -= count
        return self._bits >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        """Read one bit, u(1)."""
        return self.bits(1) == 1

    def ue(self, most: int = (1 << 32) - 2) -> int:
        """Read an unsigned Exp-Golomb number, ue(v). Raise CodecDataError if it is more than `most`."""
        rest = self._bits & (1 << self._left) - 1
        zeros = self._left - rest.bit_length()
        if zeros > _MAX_ZEROS or rest == 0:
            raise CodecDataError("an Exp-Golomb code in an H.264 header is cut short or too long")
        self._left -= zeros
        value = self.bits(zeros + 1) - 1
        if value > most:
            raise CodecDataError(f"{value} in an H.264 header, where at most {most} can be")
        return value

    def se(self) -> int:
        """Read a signed Exp-Golomb number, se(v)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
