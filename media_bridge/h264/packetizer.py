"""Access units to RTP payloads (RFC 6184 5.6, 5.7.1, 5.8)."""

from __future__ import annotations

from collections.abc import Sequence

from media_bridge.errors import OversizeError
from media_bridge.frames import Payload
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.nal import DISPENSABLE_TYPES, LAST_TYPE, TYPE_MASK
from media_bridge.h264.packet_type import (
    FORBIDDEN_BIT,
    FU_END,
    FU_START,
    NRI_MASK,
    PacketizationMode,
    PacketType,
)

DEFAULT_MAX_PAYLOAD = 1200
"""Fits with RTP, SRTP, UDP, IPv6 and a tunnel or two into 1500 bytes, and into IPv6's least MTU of 1280."""

MIN_PAYLOAD = 3
"""A fragment's two bytes of header, and one byte."""

_MAX_UDP_PAYLOAD = 65_535
_FRAGMENT_HEADER = 2
_STAP_HEADER = 1
_STAP_LENGTH = 2
# NAL units of other types are not H.264's, and a receiver would take them for packets of other kinds.
_CARRIED_TYPES = frozenset(range(1, LAST_TYPE + 1)) - DISPENSABLE_TYPES


class Packetizer:
    """Cuts and gathers NAL units into payloads of at most `max_payload` bytes.

    That counts the payload alone, which begins with the byte that RFC 6184 describes: no RTP header, no
    header extension, no authentication tag. In mode 1, NAL units that follow each other are put into one
    STAP-A where they fit, unless `aggregate` is False, and those that are too large into FU-As. Mode 0 has
    only whole NAL units, one a packet, so there `max_payload` is the largest that the peer takes.

    Raise ValueError if `max_payload` is not in 3-65535.
    """

    __slots__ = ("_aggregates", "_max_payload", "_mode")

    def __init__(
        self,
        mode: PacketizationMode = PacketizationMode.NON_INTERLEAVED,
        *,
        max_payload: int = DEFAULT_MAX_PAYLOAD,
        aggregate: bool = True,
    ) -> None:
        if not MIN_PAYLOAD <= max_payload <= _MAX_UDP_PAYLOAD:
            raise ValueError(f"max_payload of {max_payload}, not in {MIN_PAYLOAD}-{_MAX_UDP_PAYLOAD}")
        self._mode = mode
        self._max_payload = max_payload
        self._aggregates = aggregate

    def payloads(self, access_unit: AccessUnit, parameter_sets: Sequence[bytes] = ()) -> list[bytes]:
        """Return the payloads in sending order. All have the picture's timestamp; the last has the marker.

        `parameter_sets` go in front of a key picture; so a peer that has lost them, or joins late, can
        decode. If the picture brings all of them itself, it stays as it is. NAL units that say nothing in
        RTP are left out (`DISPENSABLE_TYPES`), so there may be no payload at all.

        Raise OversizeError in mode 0 if a NAL unit is larger than `max_payload`; nothing can be sent of the
        picture then, nor of those that follow up to the next key picture.
        """
        nals = [nal for nal in access_unit.nal_units if nal[0] & TYPE_MASK in _CARRIED_TYPES]
        if parameter_sets and access_unit.is_key:
            nals = _with_parameter_sets(nals, parameter_sets)
        if self._mode is PacketizationMode.SINGLE_NAL:
            return self._whole(nals)
        return self._gathered(nals) if self._aggregates else self._cut(nals)

    def _whole(self, nals: list[Payload]) -> list[bytes]:
        largest = max(map(len, nals), default=0)
        if largest > self._max_payload:
            raise OversizeError(
                f"a NAL unit of {largest} bytes, where packetization-mode 0 has {self._max_payload} at most"
            )
        return [bytes(nal) for nal in nals]

    def _cut(self, nals: list[Payload]) -> list[bytes]:
        limit = self._max_payload
        out: list[bytes] = []
        for nal in nals:
            if len(nal) > limit:
                out += _fragments(nal, limit)
            else:
                out.append(bytes(nal))
        return out

    def _gathered(self, nals: list[Payload]) -> list[bytes]:
        limit = self._max_payload
        out: list[bytes] = []
        group: list[Payload] = []
        size = _STAP_HEADER
        for nal in nals:
            needed = _STAP_LENGTH + len(nal)
            if group and size + needed > limit:
                out.append(_aggregate(group))
                group, size = [], _STAP_HEADER
            if len(nal) > limit:
                out += _fragments(nal, limit)
            else:
                group.append(nal)
                size += needed
        if group:
            out.append(_aggregate(group))
        return out


def _with_parameter_sets(nals: list[Payload], parameter_sets: Sequence[bytes]) -> list[Payload]:
    """All sets go in front, as one may refer to another; others that the picture brings come after them."""
    if all(nal in nals for nal in parameter_sets):
        return nals
    return [*parameter_sets, *(nal for nal in nals if nal not in parameter_sets)]


def _aggregate(nals: list[Payload]) -> bytes:
    """Return a STAP-A, with the OR of all F and the highest NRI (5.7); a single NAL unit stays as it is."""
    if len(nals) == 1:
        return bytes(nals[0])
    forbidden = nri = 0
    parts: list[Payload] = [b""]
    for nal in nals:
        forbidden |= nal[0] & FORBIDDEN_BIT
        nri = max(nri, nal[0] & NRI_MASK)
        parts += (len(nal).to_bytes(_STAP_LENGTH, "big"), nal)
    parts[0] = bytes((forbidden | nri | PacketType.STAP_A,))
    return b"".join(parts)


def _fragments(nal: Payload, limit: int) -> list[bytes]:
    """Return the FU-As of a NAL unit that is larger than `limit`: at least two."""
    indicator = nal[0] & (FORBIDDEN_BIT | NRI_MASK) | PacketType.FU_A
    kind = nal[0] & TYPE_MASK
    step = limit - _FRAGMENT_HEADER
    view, cuts = memoryview(nal), range(1, len(nal), step)
    middle = bytes((indicator, kind))
    out = [bytes((indicator, FU_START | kind)) + view[1 : cuts[1]]]
    out += [middle + view[at : at + step] for at in cuts[1:-1]]
    out.append(bytes((indicator, FU_END | kind)) + view[cuts[-1] :])
    return out
