"""Whether a sender sets the RTP marker where a picture ends (RFC 6184 5.1), or on each slice.

Some set it on each slice. What a marker has ended is handed on at once, so with those it is half a picture,
and what follows would be another half. They give themselves away by what comes after a marker with the same
timestamp: a slice that does not begin a picture.
"""

from __future__ import annotations

from media_bridge.frames import Payload
from media_bridge.h264.nal import SLICE_TYPES, TYPE_MASK, NalType
from media_bridge.h264.packet_type import FU_START, PacketType

_WITH_HEADER = frozenset({NalType.SLICE, NalType.IDR_SLICE, NalType.DATA_PARTITION_A})
_FIRST_MB_IS_0 = 0x80
"""`first_mb_in_slice` begins the slice header (7.3.3), and the code of 0 is the bit 1."""


class MarkerWatch:
    """Judges the markers of one RTP stream.

    Two pictures may well have the same timestamp. So what counts is the first slice after the marker alone,
    and only if nothing has been lost between them.
    """

    __slots__ = ("_marked_timestamp", "is_trusted")

    def __init__(self) -> None:
        self.is_trusted = True
        """Whether a marker ends the access unit. Where it does not, the next timestamp does."""
        self._marked_timestamp: int | None = None

    def picture_marked(self, timestamp: int) -> None:
        """Note that a packet with slices had the marker, which has ended an access unit."""
        self._marked_timestamp = timestamp

    def is_rest(self, payload: Payload, timestamp: int, *, is_after_loss: bool) -> bool:
        """Take the next packet, and return whether it goes on with a picture that a marker has ended.

        No marker is trusted from then on.
        """
        if timestamp != self._marked_timestamp:
            return False
        begins = None if is_after_loss else _begins_picture(payload)
        if is_after_loss or begins is not None:
            self._marked_timestamp = None
        if begins is False:
            self.is_trusted = False
        return begins is False


def _begins_picture(payload: Payload) -> bool | None:
    """Return whether the first slice of a packet is the first of its picture, None if it has no slice."""
    kind = payload[0] & TYPE_MASK
    if kind == PacketType.FU_A:
        return _fragment_begins_picture(payload)
    if kind == PacketType.STAP_A:
        return _aggregate_begins_picture(payload)
    return _slice_begins_picture(kind, payload[1:2])


def _fragment_begins_picture(payload: Payload) -> bool | None:
    if len(payload) < 2:
        return None
    kind = payload[1] & TYPE_MASK
    if payload[1] & FU_START:
        return _slice_begins_picture(kind, payload[2:3])
    return False if kind in SLICE_TYPES else None


def _aggregate_begins_picture(payload: Payload) -> bool | None:
    position = 1
    while position + 2 < len(payload):
        start = position + 2
        position = start + int.from_bytes(payload[position:start], "big")
        if position > start:
            begins = _slice_begins_picture(payload[start] & TYPE_MASK, payload[start + 1 : start + 2])
            if begins is not None:
                return begins
    return None


def _slice_begins_picture(kind: int, header: Payload) -> bool | None:
    """`header` is the first byte behind that of the NAL unit, if there is one."""
    if kind not in SLICE_TYPES:
        return None
    if kind not in _WITH_HEADER:
        return False  # data partitions B and C follow an A
    return bool(header[0] & _FIRST_MB_IS_0) if len(header) else None
