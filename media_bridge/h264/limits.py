"""How much of a peer is taken for one picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessUnitLimits:
    """How large an access unit may be; `max_packets` counts the RTP packets it comes in."""

    max_bytes: int = 4 << 20
    max_nal_units: int = 4096
    max_packets: int = 16384


DEFAULT_LIMITS = AccessUnitLimits()
