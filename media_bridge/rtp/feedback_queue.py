"""The feedback that waits to be sent: requests for a key picture, and answers to TMMBR."""

from __future__ import annotations

from media_bridge.rtp.rtcp import RtcpPacket
from media_bridge.rtp.rtcp_feedback import BitrateEntry, BitrateNotification, FullIntraRequest, PictureLoss

KEY_FRAME_INTERVAL_S = 1.0
"""Our requests for a key picture are at least this far apart: one costs the peer as much as thirty others."""


class FeedbackQueue:
    """Holds back what would come too soon.

    Each FIR has a number of its own, also where the one before was not answered: a sender that has seen a
    number does nothing when it comes again, and its key picture may have been lost (RFC 5104 §4.3.1.2).
    """

    def __init__(self) -> None:
        self._wanted = False
        self._requested_s = float("-inf")
        self._fir_number = 0
        self._limit: BitrateEntry | None = None

    def want_key_frame(self) -> None:
        """Ask for a key picture as soon as may be."""
        self._wanted = True

    def forget_key_frame(self) -> None:
        """A key picture has come, or nobody can be asked: do not ask any more."""
        self._wanted = False

    def notify_limit(self, limit: BitrateEntry) -> None:
        """Tell the peer that its limit is kept."""
        self._limit = limit

    def due_s(self) -> float | None:
        """Return when there is something to send, None if there is nothing."""
        if self._limit is not None:
            return float("-inf")
        return self._requested_s + KEY_FRAME_INTERVAL_S if self._wanted else None

    def take(self, ours: int, theirs: int, now_s: float, *, pli: bool) -> list[RtcpPacket]:
        """Return what is to be sent now: from our SSRC, about theirs; PLI, or else FIR."""
        packets: list[RtcpPacket] = []
        if self._limit is not None:
            packets.append(BitrateNotification(ours, (self._limit,)))
            self._limit = None
        if self._wanted and now_s >= self._requested_s + KEY_FRAME_INTERVAL_S:
            self._wanted = False
            self._requested_s = now_s
            packets.append(PictureLoss(ours, theirs) if pli else self._full_intra_request(ours, theirs))
        return packets

    def _full_intra_request(self, ours: int, theirs: int) -> FullIntraRequest:
        number, self._fir_number = self._fir_number, self._fir_number + 1 & 0xFF
        return FullIntraRequest(ours, ((theirs, number),))
