"""AVCDecoderConfigurationRecord, "avcC" (ISO/IEC 14496-15 5.2.4.1): the parameter sets of FLV and MP4.

SDP has the same sets as `sprop-parameter-sets` (RFC 6184 8.1).
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.nal import LENGTH_SIZES, NalType, nal_type
from media_bridge.h264.profile_level import SIMPLE_PROFILE_IDCS, ProfileLevel
from media_bridge.h264.sps import SequenceParameterSet

MAX_SPS = 31
MAX_PPS = 255
"""What the record can count."""

MAX_BYTES = 1 << 16
"""Of a record, and of `sprop-parameter-sets`: far above what there is."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class AvcConfiguration:
    """The parameter sets of a stream, and the size of the lengths in front of its NAL units.

    Raise CodecDataError without an SPS and a PPS, or for more than the record can count.
    """

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    sps_extensions: tuple[bytes, ...] = ()
    length_size: int = 4

    def __post_init__(self) -> None:
        if not 1 <= len(self.sps) <= MAX_SPS or not 1 <= len(self.pps) <= MAX_PPS:
            raise CodecDataError(f"{len(self.sps)} SPS and {len(self.pps)} PPS, where each is needed")
        if self.length_size not in LENGTH_SIZES:
            raise CodecDataError(f"avcC with lengths of {self.length_size} bytes")
        if len(self.sps_extensions) > MAX_PPS or sum(map(len, self.parameter_sets)) > MAX_BYTES:
            raise CodecDataError("more parameter sets than avcC is made for")
        if len(self.sps[0]) < 4:
            raise CodecDataError("an SPS is cut short")

    @classmethod
    def of(cls, nals: Iterable[Payload]) -> AvcConfiguration:
        """Make one of parameter sets in any order; NAL units of other types are left out."""
        sets: dict[int, list[bytes]] = {NalType.SPS: [], NalType.PPS: [], NalType.SPS_EXTENSION: []}
        for nal in nals:
            if len(nal) > 0 and nal_type(nal) in sets:
                sets[nal_type(nal)].append(bytes(nal))
        sps, pps, extensions = (tuple(group) for group in sets.values())
        return cls(sps, pps, extensions)

    @classmethod
    def parse(cls, data: Payload) -> AvcConfiguration:
        """Read a record; a missing High tail and bytes behind it are passed over, as players do.

        Raise CodecDataError if it is cut short or holds what it should not.
        """
        if not 7 <= len(data) <= MAX_BYTES or data[0] != _VERSION:
            raise CodecDataError(f"no avcC of version 1 in {len(data)} bytes")
        content = bytes(data)
        sps, position = _read_sets(content, 6, content[5] & 0x1F, NalType.SPS)
        if position >= len(content):
            raise CodecDataError("avcC is cut short before its PPS")
        pps, position = _read_sets(content, position + 1, content[position], NalType.PPS)
        extensions: tuple[bytes, ...] = ()
        if content[1] not in SIMPLE_PROFILE_IDCS and len(content) >= position + 4:
            count = content[position + 3]
            extensions, _ = _read_sets(content, position + 4, count, NalType.SPS_EXTENSION)
        return cls(sps, pps, extensions, (content[4] & 3) + 1)

    @classmethod
    def from_sprop(cls, text: str) -> AvcConfiguration:
        """Read the value of `sprop-parameter-sets`. Raise CodecDataError for anything else."""
        if len(text) > MAX_BYTES:
            raise CodecDataError(f"sprop-parameter-sets of {len(text)} characters")
        try:
            return cls.of(b64decode(part, validate=True) for part in text.split(","))
        except (binascii.Error, ValueError) as error:
            raise CodecDataError(f"sprop-parameter-sets is not base64: {error}") from error

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """All sets, each after those it refers to."""
        return (*self.sps, *self.sps_extensions, *self.pps)

    @property
    def profile_level(self) -> ProfileLevel:
        """What the first SPS asks of a decoder. Raise CodecDataError for an unknown profile or level."""
        return ProfileLevel.from_bytes(self.sps[0][1:4])

    def first_sps(self) -> SequenceParameterSet:
        """Read the first SPS. Raise CodecDataError if it is damaged."""
        return SequenceParameterSet.parse(self.sps[0])

    def serialize(self) -> bytes:
        """Write the record. Raise CodecDataError if it needs a High tail and the first SPS is damaged."""
        parts = [bytes((_VERSION,)), self.sps[0][1:4], bytes((0xFC | self.length_size - 1,))]
        parts += [bytes((0xE0 | len(self.sps),)), *_write_sets(self.sps)]
        parts += [bytes((len(self.pps),)), *_write_sets(self.pps)]
        if self.sps[0][1] not in SIMPLE_PROFILE_IDCS:
            chroma = self.first_sps().chroma
            depths = (0xF8 | chroma.bit_depth_luma - 8, 0xF8 | chroma.bit_depth_chroma - 8)
            parts += [bytes((0xFC | chroma.idc, *depths, len(self.sps_extensions)))]
            parts += _write_sets(self.sps_extensions)
        return b"".join(parts)

    def to_sprop(self) -> str:
        """Write the value of `sprop-parameter-sets`."""
        return ",".join(b64encode(nal).decode() for nal in (*self.sps, *self.pps))


def _read_sets(content: bytes, position: int, count: int, kind: NalType) -> tuple[tuple[bytes, ...], int]:
    """Return `count` sets, each behind its 16-bit length, and where they end."""
    sets = []
    for _ in range(count):
        start = position + 2
        position = start + int.from_bytes(content[position:start], "big")
        if start > len(content) or position > len(content):
            raise CodecDataError(f"avcC is cut short in its {kind.name}")
        nal = content[start:position]
        if not nal or nal_type(nal) != kind:
            raise CodecDataError(f"avcC has something else where {kind.name} should be")
        sets.append(nal)
    return tuple(sets), position


def _write_sets(sets: tuple[bytes, ...]) -> list[bytes]:
    return [part for nal in sets for part in (len(nal).to_bytes(2, "big"), nal)]
