"""The parameter sets that are in force in a stream, which may change while it runs."""

from __future__ import annotations

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.bit_reader import BitReader
from media_bridge.h264.configuration import MAX_PPS, MAX_SPS, AvcConfiguration
from media_bridge.h264.nal import NalType, nal_type, rbsp
from media_bridge.h264.sps import MAX_SPS_ID, SequenceParameterSet

MAX_TOTAL_BYTES = 16384
"""Of all sets of a stream together; a set has some tens of bytes.

A peer that changes a small set has a whole avcC sent, so this bounds what it can make of little.
"""

_MAX_PPS_ID = 255


class ParameterSets:
    """SPS and PPS by their ids; a later one of an id replaces the one before (7.4.1.2.1)."""

    __slots__ = ("_has_changed", "_known", "_pps", "_sps")

    def __init__(self) -> None:
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        self._known: set[bytes] = set()
        self._has_changed = False

    @property
    def is_usable(self) -> bool:
        """Whether there are an SPS and a PPS."""
        return bool(self._sps and self._pps)

    def add(self, nal: Payload) -> None:
        """Take an SPS or PPS.

        Raise CodecDataError, and keep what was, if it is neither, or damaged, or one too many.
        """
        content = bytes(nal)
        if content in self._known:
            return
        kind = nal_type(content) if content else None
        if kind == NalType.SPS:
            self._put(self._sps, SequenceParameterSet.parse(content).sps_id, content, MAX_SPS)
        elif kind == NalType.PPS:
            self._put(self._pps, _pps_id(content), content, MAX_PPS)
        else:
            raise CodecDataError("a NAL unit that is no parameter set")

    def _put(self, sets: dict[int, bytes], number: int, content: bytes, most: int) -> None:
        old = sets.get(number, b"")
        total = sum(map(len, self._known)) - len(old) + len(content)
        if total > MAX_TOTAL_BYTES or (not old and len(sets) >= most):
            raise CodecDataError("a stream with too many or too large parameter sets")
        self._known.discard(old)
        self._known.add(content)
        sets[number] = content
        self._has_changed = True

    def take_change(self) -> AvcConfiguration | None:
        """Return all sets if one has changed since the last time, and there are an SPS and a PPS.

        They are in the order of their ids.
        """
        if not self._has_changed or not self.is_usable:
            return None
        self._has_changed = False
        return AvcConfiguration(_by_id(self._sps), _by_id(self._pps))


def _by_id(sets: dict[int, bytes]) -> tuple[bytes, ...]:
    return tuple(sets[number] for number in sorted(sets))


def _pps_id(nal: bytes) -> int:
    """Return the id of a PPS, whose first fields are its own id and that of its SPS (7.3.2.2)."""
    reader = BitReader(rbsp(nal[:16]))
    number = reader.ue(_MAX_PPS_ID)
    reader.ue(MAX_SPS_ID)
    return number
