"""What the peer's RTCP tells of its clock, of our stream, and of its wishes."""

from __future__ import annotations

from media_bridge.rtp.events import (
    BitrateLimited,
    Event,
    KeyFrameCause,
    KeyFrameRequested,
    SenderReportReceived,
)
from media_bridge.rtp.ntp import from_ntp, to_ntp
from media_bridge.rtp.round_trip import RoundTrip
from media_bridge.rtp.rtcp_reader import PeerRtcp
from media_bridge.rtp.rtcp_reports import ReportBlock
from media_bridge.rtp.session_statistics import SessionCounters

KEY_FRAME_SPACING_S = 0.25
"""Requests of the peer that come sooner after the last one are left out: it cannot have been answered yet."""

FIR_REPETITION_S = 1.0
"""A FIR with the number of the one before repeats that one for so long. After that the peer still has no
picture, or does not count its requests.
"""


class PeerReports:
    """Makes events of what comes, and remembers the last report about our stream."""

    def __init__(self, wall_clock_offset_s: float) -> None:
        self.round_trip = RoundTrip()
        self.block: ReportBlock | None = None
        """The last one about our stream."""
        self._wall_clock_offset_s = wall_clock_offset_s
        self._requested_s = float("-inf")
        self._last_fir: tuple[int, int] | None = None
        self._last_fir_s = float("-inf")

    def take(self, found: PeerRtcp, now_s: float, counters: SessionCounters) -> list[Event]:
        """Take a datagram of the peer."""
        events: list[Event] = []
        if found.block is not None:
            self.block = found.block
            self.round_trip.note(found.block, to_ntp(now_s + self._wall_clock_offset_s))
        report = found.sender_report
        # A sender that knows no time of day sends zero (RFC 3550 §6.4.1).
        if report is not None and report.ntp:
            events.append(SenderReportReceived(report.ssrc, from_ntp(report.ntp), report.rtp_timestamp))
        events += self._key_frame_requests(found, now_s, counters)
        if found.limit is not None:
            events.append(BitrateLimited(found.limit.bitrate_bps))
        return events

    def _key_frame_requests(self, found: PeerRtcp, now_s: float, counters: SessionCounters) -> list[Event]:
        is_new_fir = self._is_new_fir(found.full_intra, now_s)
        if not is_new_fir and not found.picture_loss:
            return []
        counters.key_frame_requests += 1
        if now_s - self._requested_s < KEY_FRAME_SPACING_S:
            return []
        self._requested_s = now_s
        return [KeyFrameRequested(KeyFrameCause.FIR if is_new_fir else KeyFrameCause.PLI)]

    def _is_new_fir(self, fir: tuple[int, int] | None, now_s: float) -> bool:
        if fir is None or (fir == self._last_fir and now_s - self._last_fir_s < FIR_REPETITION_S):
            return False
        self._last_fir, self._last_fir_s = fir, now_s
        return True
