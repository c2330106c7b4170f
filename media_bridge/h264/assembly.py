"""One access unit while its RTP payloads come in."""

from __future__ import annotations

from collections import Counter

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.drop_reason import DropReason
from media_bridge.h264.limits import AccessUnitLimits
from media_bridge.h264.nal import (
    DISPENSABLE_TYPES,
    LAST_TYPE,
    PARAMETER_SET_TYPES,
    SLICE_TYPES,
    TYPE_MASK,
    NalType,
)
from media_bridge.h264.packet_type import (
    FORBIDDEN_BIT,
    FU_END,
    FU_START,
    INTERLEAVED_TYPES,
    NRI_MASK,
    PacketType,
)
from media_bridge.h264.parameter_sets import ParameterSets

_KEPT_TYPES = frozenset(range(1, LAST_TYPE + 1)) - DISPENSABLE_TYPES - PARAMETER_SET_TYPES
_KNOWN_TYPES = frozenset(range(1, LAST_TYPE + 1))


class Assembly:
    """Gathers the NAL units of the payloads that are added in order; `damage` says what is wrong with them.

    Parameter sets go to `parameter_sets` and not into the picture; they count even if the picture turns out
    to be damaged, since whatever follows depends on them. `passed_over` counts what was ignored.
    """

    __slots__ = (
        "_bytes",
        "_fragments",
        "_limits",
        "_packets",
        "_parameter_sets",
        "_passed_over",
        "damage",
        "has_slice",
        "is_key",
        "nal_units",
        "timestamp",
    )

    def __init__(
        self,
        timestamp: int,
        limits: AccessUnitLimits,
        parameter_sets: ParameterSets,
        passed_over: Counter[DropReason],
    ) -> None:
        self.timestamp = timestamp
        self.nal_units: list[Payload] = []
        self.damage: DropReason | None = None
        self.has_slice = self.is_key = False
        self._fragments: list[Payload] = []
        self._bytes = self._packets = 0
        self._limits = limits
        self._parameter_sets = parameter_sets
        self._passed_over = passed_over

    def spoil(self, reason: DropReason) -> None:
        """Say that it is damaged, and let go of what it holds. The first reason stays."""
        if self.damage is None:
            self.damage = reason
        self.nal_units.clear()
        self._fragments.clear()

    @property
    def is_within_nal_unit(self) -> bool:
        """Whether the rest of a NAL unit in fragments has to come."""
        return bool(self._fragments)

    @property
    def may_have_slices(self) -> bool:
        """Whether slices have come; it is not known of a damaged one, which has let go of them."""
        return self.has_slice or self.damage is not None

    def finish(self) -> None:
        """No more payloads come."""
        if self._fragments:
            self.spoil(DropReason.CUT_FRAGMENT)
        elif not self.has_slice and self.nal_units:
            self.spoil(DropReason.NO_PICTURE)

    def add(self, payload: Payload) -> None:
        """Take the next payload, which must not be empty."""
        self._bytes += len(payload)
        self._packets += 1
        if self._bytes > self._limits.max_bytes or self._packets > self._limits.max_packets:
            self.spoil(DropReason.TOO_LARGE)
            return
        if payload[0] & FORBIDDEN_BIT:
            self.spoil(DropReason.FORBIDDEN_BIT)
            return
        kind = payload[0] & TYPE_MASK
        if kind == PacketType.FU_A:
            if self.damage is None:
                self._add_fragment(payload)
            return
        if self._fragments:
            self.spoil(DropReason.CUT_FRAGMENT)
        if kind in _KNOWN_TYPES:
            self._take(payload, kind)
        elif kind == PacketType.STAP_A:
            self._add_aggregate(payload)
        elif kind in INTERLEAVED_TYPES:
            self.spoil(DropReason.INTERLEAVED)
        else:
            self._passed_over[DropReason.UNKNOWN_TYPE] += 1

    def _add_fragment(self, payload: Payload) -> None:
        """FU-A (5.8): the NAL unit's first byte is split over the first two."""
        if len(payload) < 2:
            self.spoil(DropReason.MALFORMED)
            return
        header, has_begun = payload[1], bool(self._fragments)
        is_start = bool(header & FU_START)
        if is_start == has_begun:
            self.spoil(DropReason.CUT_FRAGMENT)
            return
        if is_start:
            self._fragments.append(bytes((payload[0] & NRI_MASK | header & TYPE_MASK,)))
        self._fragments.append(payload[2:])
        if header & FU_END:
            nal = b"".join(self._fragments)
            self._fragments.clear()
            self._take(nal, nal[0] & TYPE_MASK)

    def _add_aggregate(self, payload: Payload) -> None:
        """STAP-A (5.7.1): NAL units, each behind its 16-bit length."""
        position, size = 1, len(payload)
        while position < size:
            start = position + 2
            position = start + int.from_bytes(payload[position:start], "big")
            if start > size or position > size:
                self.spoil(DropReason.MALFORMED)
            elif position == start:
                self._passed_over[DropReason.EMPTY] += 1
            else:
                self._take(payload[start:position], payload[start] & TYPE_MASK)

    def _take(self, nal: Payload, kind: int) -> None:
        """Take a whole NAL unit."""
        if kind in PARAMETER_SET_TYPES:
            try:
                self._parameter_sets.add(nal)
            except CodecDataError:
                self.spoil(DropReason.BAD_PARAMETER_SET)
        elif kind not in _KNOWN_TYPES:
            self.spoil(DropReason.MALFORMED)
        elif kind in _KEPT_TYPES and self.damage is None:
            self._keep(nal, kind)

    def _keep(self, nal: Payload, kind: int) -> None:
        if len(self.nal_units) >= self._limits.max_nal_units:
            self.spoil(DropReason.TOO_LARGE)
            return
        self.nal_units.append(nal)
        self.has_slice = self.has_slice or kind in SLICE_TYPES
        self.is_key = self.is_key or kind == NalType.IDR_SLICE
