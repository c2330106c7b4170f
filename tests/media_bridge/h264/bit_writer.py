"""Writes headers of H.264 bit by bit, for tests."""

from __future__ import annotations

import re


class BitWriter:
    """A NAL unit that begins with `start`; what is written after it gets emulation prevention."""

    def __init__(self, start: bytes) -> None:
        self._start = start
        self._bits = ""

    def bits(self, value: int, count: int) -> BitWriter:
        self._bits += f"{value:0{count}b}"[-count:] if count else ""
        return self

    def ue(self, value: int) -> BitWriter:
        digits = f"{value + 1:b}"
        self._bits += "0" * (len(digits) - 1) + digits
        return self

    def se(self, value: int) -> BitWriter:
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def cut(self, count: int) -> BitWriter:
        """Take the last bits back, and a few more up to a whole byte."""
        self._bits = self._bits[: (len(self._bits) - count) // 8 * 8]
        return self

    def nal(self, *, stop: bool = True) -> bytes:
        """The NAL unit, with the stop bit and zeros up to a whole byte."""
        text = self._bits + "1" * stop
        text += "0" * (-len(text) % 8)
        payload = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
        return self._start + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)


def simple_sps(
    *, profile: str = "42c01e", poc_type: int = 0, mbs: tuple[int, int] = (20, 15), crop: tuple[int, ...] = ()
) -> BitWriter:
    """The SPS up to its VUI."""
    writer = BitWriter(b"\x67" + bytes.fromhex(profile)).ue(0)
    if profile.startswith("64"):
        writer.ue(1).ue(0).ue(0).bits(0, 2)
    writer.ue(0).ue(poc_type)
    if poc_type == 0:
        writer.ue(0)
    if poc_type == 1:
        writer.bits(0, 1).se(-3).se(4).ue(2).se(1).se(-1)
    writer.ue(1).bits(0, 1).ue(mbs[0] - 1).ue(mbs[1] - 1).bits(0b11, 2)
    writer.bits(bool(crop), 1)
    for value in crop:
        writer.ue(value)
    return writer


def sps_with_vui(profile: str = "42c01e") -> BitWriter:
    """An SPS of 30 frames a second, of which 2 can be reordered and 3 are kept."""
    writer = simple_sps(profile=profile).bits(1, 1).bits(0b00001, 5).bits(1000, 32).bits(60000, 32)
    writer.bits(0b100011, 6)
    for value in (1, 2, 1, 1, 2, 3):
        writer.ue(value)
    return writer
