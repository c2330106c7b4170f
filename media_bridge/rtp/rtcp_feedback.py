"""Bodies of feedback packets: NACK and PLI (RFC 4585 §6), TMMBR, TMMBN and FIR (RFC 5104 §4.2, §4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from media_bridge.errors import PacketError

_SSRCS = 8
_RATE_MANTISSA_BITS = 17
_OVERHEAD_BITS = 9
_MAX_OVERHEAD = (1 << _OVERHEAD_BITS) - 1


@dataclass(frozen=True, slots=True)
class Nack:
    """These packets of `media_ssrc` are missing: sequence numbers, in the order of the packet."""

    sender_ssrc: int
    media_ssrc: int
    sequence_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """PLI: the picture is damaged and needs a key picture."""

    sender_ssrc: int
    media_ssrc: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """FIR: pairs of a media sender and the number of the request, 0 to 255, which a repetition keeps."""

    sender_ssrc: int
    entries: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class BitrateEntry:
    """A limit of TMMBR or TMMBN: bits a second, and bytes of overhead a packet that they include."""

    ssrc: int
    bitrate_bps: int
    overhead: int


@dataclass(frozen=True, slots=True)
class BitrateRequest:
    """TMMBR: the sender of the packet asks these media senders for no more than a bit rate."""

    sender_ssrc: int
    entries: tuple[BitrateEntry, ...]


@dataclass(frozen=True, slots=True)
class BitrateNotification:
    """TMMBN: the limits that a media sender keeps, each with who asked for it."""

    sender_ssrc: int
    entries: tuple[BitrateEntry, ...]


def parse_nack(body: bytes) -> Nack:
    """Parse what follows the header; raises `PacketError`."""
    sender, media = _parse_ssrcs(body)
    missing: list[int] = []
    for item in _words(body, 4):
        first, mask = item >> 16, item & 0xFFFF
        missing.append(first)
        missing += [first + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return Nack(sender, media, tuple(missing))


def serialize_nack(nack: Nack) -> bytes:
    """Return the body, with up to 17 numbers that follow each other in one item."""
    items: list[tuple[int, int]] = []
    for number in nack.sequence_numbers:
        ahead = number - items[-1][0] & 0xFFFF if items else 0
        if 1 <= ahead <= 16 and items[-1][1] < 1 << ahead - 1:
            items[-1] = items[-1][0], items[-1][1] | 1 << ahead - 1
        else:
            items.append((number, 0))
    body = b"".join(first.to_bytes(2) + mask.to_bytes(2) for first, mask in items)
    return _serialize_ssrcs(nack.sender_ssrc, nack.media_ssrc) + body


def parse_picture_loss(body: bytes) -> PictureLoss:
    """Parse what follows the header; raises `PacketError`."""
    return PictureLoss(*_parse_ssrcs(body))


def serialize_picture_loss(request: PictureLoss) -> bytes:
    """Return the body."""
    return _serialize_ssrcs(request.sender_ssrc, request.media_ssrc)


def parse_full_intra_request(body: bytes) -> FullIntraRequest:
    """Parse what follows the header; raises `PacketError`."""
    sender, _ = _parse_ssrcs(body)
    return FullIntraRequest(sender, tuple((item >> 32, item >> 24 & 0xFF) for item in _words(body, 8)))


def serialize_full_intra_request(request: FullIntraRequest) -> bytes:
    """Return the body."""
    entries = b"".join(ssrc.to_bytes(4) + bytes([number, 0, 0, 0]) for ssrc, number in request.entries)
    return _serialize_ssrcs(request.sender_ssrc, 0) + entries


def parse_bitrate_entries(body: bytes) -> tuple[int, tuple[BitrateEntry, ...]]:
    """Parse what follows the header of TMMBR or TMMBN: its sender and entries; raises `PacketError`."""
    sender, _ = _parse_ssrcs(body)
    return sender, tuple(_parse_bitrate_entry(item) for item in _words(body, 8))


def serialize_bitrate_entries(sender_ssrc: int, entries: Iterable[BitrateEntry]) -> bytes:
    """Return the body; a rate that does not fit into 17 bits loses its lowest bits."""
    return _serialize_ssrcs(sender_ssrc, 0) + b"".join(_serialize_bitrate_entry(entry) for entry in entries)


def _parse_ssrcs(body: bytes) -> tuple[int, int]:
    if len(body) < _SSRCS:
        raise PacketError("the feedback packet is cut off")
    return int.from_bytes(body[:4]), int.from_bytes(body[4:8])


def _serialize_ssrcs(sender: int, media: int) -> bytes:
    return sender.to_bytes(4) + media.to_bytes(4)


def _words(body: bytes, size: int) -> Iterable[int]:
    """Yield the items of `size` bytes; half an item at the end makes the packet malformed."""
    if len(body) == _SSRCS or (len(body) - _SSRCS) % size:
        raise PacketError(f"{len(body) - _SSRCS} bytes are no items of {size} bytes")
    return (int.from_bytes(body[at : at + size]) for at in range(_SSRCS, len(body), size))


def _parse_bitrate_entry(item: int) -> BitrateEntry:
    exponent = item >> 26 & 0x3F
    mantissa = item >> _OVERHEAD_BITS & (1 << _RATE_MANTISSA_BITS) - 1
    return BitrateEntry(item >> 32, mantissa << exponent, item & _MAX_OVERHEAD)


def _serialize_bitrate_entry(entry: BitrateEntry) -> bytes:
    exponent = max(entry.bitrate_bps.bit_length() - _RATE_MANTISSA_BITS, 0)
    rate = exponent << 26 | (entry.bitrate_bps >> exponent) << _OVERHEAD_BITS
    return entry.ssrc.to_bytes(4) + (rate | min(entry.overhead, _MAX_OVERHEAD)).to_bytes(4)
