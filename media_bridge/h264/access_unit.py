"""Access units: the NAL units of one picture (H.264 7.4.1.2)."""

from __future__ import annotations

from dataclasses import dataclass

from media_bridge.frames import Payload
from media_bridge.h264.nal import TYPE_MASK, NalType

CLOCK_HZ = 90_000
"""The clock of RTP timestamps of H.264 (RFC 6184 5.1)."""

TICKS_PER_MS = CLOCK_HZ // 1000
TIMESTAMP_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: its NAL units in decoding order, and when it is shown (RTP timestamp: 90 kHz, 32 bits).

    None of the NAL units is empty. They may be views of what was received, which lives as long as they do.
    """

    nal_units: tuple[Payload, ...]
    timestamp: int

    @property
    def is_key(self) -> bool:
        """Whether it is an IDR picture, with which decoding can begin."""
        return any(nal[0] & TYPE_MASK == NalType.IDR_SLICE for nal in self.nal_units)


def rtp_timestamp(time_ms: int) -> int:
    """Return a time in ms, such as RTMP's, as an RTP timestamp; RTMP's 32 bits of ms may wrap."""
    return time_ms * TICKS_PER_MS & TIMESTAMP_MASK
