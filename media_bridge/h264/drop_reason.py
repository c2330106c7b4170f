"""Why something of an RTP stream of H.264 was dropped, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class DropReason(Enum):
    """What was wrong. All but the last two throw an access unit away."""

    LOSS = "packets are missing"
    EARLY_MARKER = "what came of a picture after a marker, which ends pictures"
    CUT_FRAGMENT = "a fragment without the ones before or after it"
    MALFORMED = "a payload that contradicts itself"
    INTERLEAVED = "a payload of interleaved mode, which was not agreed on"
    FORBIDDEN_BIT = "the sender or a relay says that it is damaged"
    TOO_LARGE = "past the limits"
    BAD_PARAMETER_SET = "a parameter set that cannot be read"
    NO_PARAMETER_SETS = "no parameter sets have come yet"
    NO_PICTURE = "no slice in it"
    WAITING = "no key picture since the start, or since another one was thrown away"
    EMPTY = "an empty payload or NAL unit, which was passed over"
    UNKNOWN_TYPE = "a payload of a type that means nothing, which was passed over"


BAD_INPUT = frozenset(DropReason) - {
    DropReason.LOSS,
    DropReason.NO_PARAMETER_SETS,
    DropReason.NO_PICTURE,
    DropReason.WAITING,
    DropReason.EMPTY,
}
"""Those that no proper sender causes: the others come from a network that loses, or from a late beginning."""


@dataclass(frozen=True, slots=True)
class DepacketizerStats:
    """Access units that were whole, how many of them key pictures, and what was dropped."""

    access_units: int
    key_pictures: int
    dropped: Mapping[DropReason, int]
