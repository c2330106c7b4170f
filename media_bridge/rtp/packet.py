"""RTP packets (RFC 3550 §5.1, §5.3.1): bytes to values and back."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from media_bridge.errors import PacketError

RTP_VERSION = 2
HEADER_BYTES = 12

_HEADER = Struct("!BBHII")
_EXTENSION = Struct("!HH")
_PADDING_BIT = 0x20
_EXTENSION_BIT = 0x10


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """What a header extension holds: 16 bits that its profile defines, and whole 32-bit words."""

    profile: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet. `timestamp` counts ticks of the payload's clock; `padding` is in bytes, 0 for none."""

    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    csrcs: tuple[int, ...] = ()
    extension: HeaderExtension | None = None
    padding: int = 0

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Parse a datagram; raises `PacketError`."""
        if len(data) < HEADER_BYTES:
            raise PacketError(f"{len(data)} bytes are no RTP packet")
        first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
        if first >> 6 != RTP_VERSION:
            raise PacketError(f"version {first >> 6} of RTP")
        if first == 0x80:
            return cls(second & 0x7F, second >= 0x80, sequence_number, timestamp, ssrc, data[HEADER_BYTES:])
        csrcs, start = _parse_csrcs(data, first & 0x0F)
        extension = None
        if first & _EXTENSION_BIT:
            extension, start = _parse_extension(data, start)
        padding = _parse_padding(data, start) if first & _PADDING_BIT else 0
        payload = data[start : len(data) - padding]
        return cls(
            second & 0x7F,
            second >= 0x80,
            sequence_number,
            timestamp,
            ssrc,
            payload,
            csrcs,
            extension,
            padding,
        )

    def serialize(self) -> bytes:
        """Return the packet's bytes. Raises `ValueError` for what no packet can hold."""
        second = self.payload_type | 0x80 if self.marker else self.payload_type
        if not (self.csrcs or self.extension or self.padding):
            return _HEADER.pack(0x80, second, self.sequence_number, self.timestamp, self.ssrc) + self.payload
        if len(self.csrcs) > 15 or self.padding > 255:
            raise ValueError("at most 15 contributing sources and 255 bytes of padding")
        first = RTP_VERSION << 6 | len(self.csrcs)
        parts = [b"", *(csrc.to_bytes(4, "big") for csrc in self.csrcs)]
        if self.extension is not None:
            first |= _EXTENSION_BIT
            parts.append(_serialize_extension(self.extension))
        parts.append(self.payload)
        if self.padding:
            first |= _PADDING_BIT
            parts.append(bytes(self.padding - 1) + bytes([self.padding]))
        parts[0] = _HEADER.pack(first, second, self.sequence_number, self.timestamp, self.ssrc)
        return b"".join(parts)


def serialize_plain(
    payload_type: int, marker: bool, sequence_number: int, timestamp: int, ssrc: int, payload: bytes
) -> bytes:
    """Return an RTP packet without options, as all of ours are, and without making an `RtpPacket` first."""
    second = payload_type | 0x80 if marker else payload_type
    return _HEADER.pack(0x80, second, sequence_number, timestamp, ssrc) + payload


def _parse_csrcs(data: bytes, count: int) -> tuple[tuple[int, ...], int]:
    end = HEADER_BYTES + 4 * count
    if len(data) < end:
        raise PacketError(f"{count} contributing sources do not fit into {len(data)} bytes")
    return tuple(int.from_bytes(data[at : at + 4]) for at in range(HEADER_BYTES, end, 4)), end


def _parse_extension(data: bytes, start: int) -> tuple[HeaderExtension, int]:
    if len(data) < start + 4:
        raise PacketError("the header extension is cut off")
    profile, words = _EXTENSION.unpack_from(data, start)
    end = start + 4 + 4 * words
    if len(data) < end:
        raise PacketError(f"a header extension of {words} words does not fit")
    return HeaderExtension(profile, data[start + 4 : end]), end


def _serialize_extension(extension: HeaderExtension) -> bytes:
    if len(extension.data) % 4:
        raise ValueError("a header extension is made of whole words")
    return _EXTENSION.pack(extension.profile, len(extension.data) // 4) + extension.data


def _parse_padding(data: bytes, start: int) -> int:
    padding = data[-1]
    if not 0 < padding <= len(data) - start:
        raise PacketError(f"{padding} bytes of padding in a packet of {len(data)}")
    return padding
