"""NAL units (H.264 7.3.1, 7.4.1, Annex B): their types, and how they follow each other in bytes.

A NAL unit here is its header byte and what follows, without start code or length. Splitting makes memoryviews
of the bytes that came; nothing is copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from itertools import chain

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.limits import DEFAULT_LIMITS, AccessUnitLimits

TYPE_MASK = 0x1F
"""The bits of a NAL unit's first byte that are its type."""

LENGTH_SIZES = (1, 2, 4)
"""Sizes in bytes that the length in front of a NAL unit may have (ISO/IEC 14496-15 5.2.4.1)."""

_START_CODE = re.compile(b"\0\0\1")
_START_CODE_SIZE = 3
_LONG_START_CODE = b"\0\0\0\1"


class NalType(IntEnum):
    """Types of NAL units (table 7-1) that something here depends on."""

    SLICE = 1
    DATA_PARTITION_A = 2
    IDR_SLICE = 5
    SEI = 6
    SPS = 7
    PPS = 8
    ACCESS_UNIT_DELIMITER = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER_DATA = 12
    SPS_EXTENSION = 13


PARAMETER_SET_TYPES = frozenset({NalType.SPS, NalType.PPS})

SLICE_TYPES = frozenset(range(NalType.SLICE, NalType.IDR_SLICE + 1))
"""Slices and data partitions: the picture itself."""

LAST_TYPE = 23
"""The last type that is H.264's. Those above, and 0, are left to transports: RFC 6184 has packets there."""

DISPENSABLE_TYPES = frozenset(
    {
        NalType.ACCESS_UNIT_DELIMITER,
        NalType.END_OF_SEQUENCE,
        NalType.END_OF_STREAM,
        NalType.FILLER_DATA,
    }
)
"""What no decoder needs once access units are kept apart by other means, as RTP and FLV do.

A delimiter says what the RTP marker and the FLV tag say; filler is there for channels of a constant rate; and
the end of a sequence announces an IDR picture that says so itself.
"""


def nal_type(nal: Payload) -> int:
    """Return the type of a NAL unit, which must not be empty."""
    return nal[0] & TYPE_MASK


def split_annex_b(data: Payload, limits: AccessUnitLimits = DEFAULT_LIMITS) -> list[memoryview]:
    """Return the NAL units of a byte stream (Annex B), empty ones left out.

    Raise CodecDataError for bytes before the first start code, or past the limits.
    """
    _check_size(data, limits)
    view = memoryview(data)
    nals: list[memoryview] = []
    start: int | None = None
    ends = chain((match.start() for match in _START_CODE.finditer(view)), (len(view),))
    for number, end in enumerate(ends):
        nal = _without_trailing_zeros(view[start or 0 : end])
        if number > limits.max_nal_units:
            raise _too_many(limits)
        if start is None and len(nal) > 0:
            raise CodecDataError("a byte stream that does not begin with a start code")
        if len(nal) > 0:
            nals.append(nal)
        start = end + _START_CODE_SIZE
    return nals


def _without_trailing_zeros(nal: memoryview) -> memoryview:
    """They belong to the byte stream, not to the NAL unit, whose last byte is never 0 (7.4.1)."""
    return nal if len(nal) == 0 or nal[-1] != 0 else nal[: len(bytes(nal).rstrip(b"\0"))]


def split_length_prefixed(
    data: Payload, length_size: int, limits: AccessUnitLimits = DEFAULT_LIMITS
) -> list[memoryview]:
    """Return the NAL units of FLV and MP4, each after its length of `length_size` bytes; empty ones left out.

    Raise CodecDataError if one is cut short, or past the limits; ValueError for a length size that is none of
    `LENGTH_SIZES`.
    """
    _check_length_size(length_size)
    _check_size(data, limits)
    view, position, size = memoryview(data), 0, len(data)
    nals: list[memoryview] = []
    for _ in range(limits.max_nal_units):
        if position == size:
            return nals
        start = position + length_size
        position = start + int.from_bytes(view[position:start], "big")
        if start > size or position > size:
            raise CodecDataError(f"NAL unit {len(nals)} of a picture of {size} bytes is cut short")
        if position > start:
            nals.append(view[start:position])
    if position < size:
        raise _too_many(limits)
    return nals


def join_annex_b(nals: Iterable[Payload]) -> bytes:
    """Write a byte stream (Annex B), with start codes of four bytes."""
    return b"".join(part for nal in nals for part in (_LONG_START_CODE, nal))


def join_length_prefixed(nals: Iterable[Payload], length_size: int = 4) -> bytes:
    """Write NAL units with their lengths in front.

    Raise CodecDataError for one whose length does not fit, ValueError for a length size that is none of
    `LENGTH_SIZES`.
    """
    _check_length_size(length_size)
    try:
        return b"".join(part for nal in nals for part in (len(nal).to_bytes(length_size, "big"), nal))
    except OverflowError as error:
        raise CodecDataError(f"a NAL unit is too large for a length of {length_size} bytes") from error


def rbsp(nal: Payload) -> bytes:
    """Return the payload behind the header byte without the emulation prevention bytes (7.3.1)."""
    return bytes(nal[1:]).replace(b"\0\0\3", b"\0\0")


def _check_length_size(length_size: int) -> None:
    if length_size not in LENGTH_SIZES:
        raise ValueError(f"lengths of NAL units have {LENGTH_SIZES} bytes, not {length_size}")


def _check_size(data: Payload, limits: AccessUnitLimits) -> None:
    if len(data) > limits.max_bytes:
        raise CodecDataError(f"access unit of {len(data)} bytes, more than {limits.max_bytes}")


def _too_many(limits: AccessUnitLimits) -> CodecDataError:
    return CodecDataError(f"access unit of more than {limits.max_nal_units} NAL units, empty ones included")
