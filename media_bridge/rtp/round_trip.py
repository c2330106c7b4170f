"""The round-trip time, from what the peer says of our sender reports (RFC 3550 §6.4.1)."""

from __future__ import annotations

from media_bridge.rtp.ntp import compact_ntp, from_compact
from media_bridge.rtp.rtcp_reports import ReportBlock

_MAX_S = 10.0
_MAX_ROUNDED_S = 0.01
"""How far below zero both sides' clocks and roundings may bring what takes no time, on one machine."""
_HALF = 1 << 31


class RoundTrip:
    """Smooths the measurements: each new one counts an eighth, as in TCP."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        """None until it has been measured."""

    def note(self, block: ReportBlock, ntp: int) -> None:
        """Take a block about us that arrived at the NTP time `ntp`; what is impossible is left out."""
        if not block.last_sr:
            return
        ticks = compact_ntp(ntp) - block.last_sr - block.delay_since_last_sr
        measured_s = from_compact((ticks + _HALF) % (2 * _HALF) - _HALF)
        if not -_MAX_ROUNDED_S <= measured_s <= _MAX_S:
            return
        measured_s = max(0.0, measured_s)
        self.seconds = measured_s if self.seconds is None else self.seconds + (measured_s - self.seconds) / 8
