"""AVC in FLV video tags, which are RTMP's video messages ("Adobe Flash Video File Format" E.4.3).

The parameter sets are in a tag of their own, the sequence header, and pictures come without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from media_bridge.errors import CodecDataError
from media_bridge.frames import Payload
from media_bridge.h264.access_unit import AccessUnit, rtp_timestamp
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.limits import DEFAULT_LIMITS, AccessUnitLimits
from media_bridge.h264.nal import join_length_prefixed, split_length_prefixed

HEADER_SIZE = 5

END_OF_SEQUENCE = b"\x17\x02\0\0\0"
"""The body of the tag that ends a stream."""

_AVC = 7
_KEY, _INTER, _COMMAND = 1, 2, 5
_KEY_PICTURE = bytes((_KEY << 4 | _AVC, 1))
_INTER_PICTURE = bytes((_INTER << 4 | _AVC, 1))
_SEQUENCE_HEADER = bytes((_KEY << 4 | _AVC, 0, 0, 0, 0))


class AvcTagKind(IntEnum):
    """AVCPacketType: what follows the header."""

    SEQUENCE_HEADER = 0
    PICTURE = 1
    END_OF_SEQUENCE = 2


@dataclass(frozen=True, slots=True)
class AvcTag:
    """The body of a tag: avcC, or a picture's NAL units.

    `composition_time_ms` is how long after its decoding the picture is shown; it has a sign.
    """

    kind: AvcTagKind
    composition_time_ms: int
    data: memoryview

    @classmethod
    def parse(cls, body: Payload) -> AvcTag | None:
        """Read a body; None for a command frame, which a server sends around a seek and which has no picture.

        Raise CodecDataError if it is cut short or not AVC.
        """
        if len(body) == 0 or body[0] & 0x0F != _AVC:
            raise CodecDataError("a video message that is not AVC" if len(body) else "an empty video message")
        if body[0] >> 4 == _COMMAND:
            return None
        if len(body) < HEADER_SIZE:
            raise CodecDataError(f"an AVC message of {len(body)} bytes is cut short")
        if body[1] > AvcTagKind.END_OF_SEQUENCE:
            raise CodecDataError(f"an AVC message of unknown type {body[1]}")
        composition_time_ms = int.from_bytes(body[2:HEADER_SIZE], "big", signed=True)
        return cls(AvcTagKind(body[1]), composition_time_ms, memoryview(body)[HEADER_SIZE:])

    def access_unit(
        self, decoding_time_ms: int, length_size: int, limits: AccessUnitLimits = DEFAULT_LIMITS
    ) -> AccessUnit:
        """Return the picture; `decoding_time_ms` is the tag's time, `length_size` that of the configuration.

        Raise CodecDataError if a NAL unit is cut short or the picture is past the limits.
        """
        nals = split_length_prefixed(self.data, length_size, limits)
        return AccessUnit(tuple(nals), rtp_timestamp(decoding_time_ms + self.composition_time_ms))


def picture_body(access_unit: AccessUnit, composition_time_ms: int = 0) -> bytes:
    """Write the body of a picture's tag, with lengths of four bytes.

    Raise CodecDataError if the composition time does not fit 24 bits.
    """
    first = _KEY_PICTURE if access_unit.is_key else _INTER_PICTURE
    try:
        composition = composition_time_ms.to_bytes(3, "big", signed=True)
    except OverflowError as error:
        raise CodecDataError(f"a composition time of {composition_time_ms} ms") from error
    return first + composition + join_length_prefixed(access_unit.nal_units)


def sequence_header_body(configuration: AvcConfiguration) -> bytes:
    """Write the body of the sequence header. Raise CodecDataError as `AvcConfiguration.serialize` does."""
    return _SEQUENCE_HEADER + configuration.serialize()
