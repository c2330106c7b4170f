"""Our own RTCP: which packets a datagram of ours is made of."""

from __future__ import annotations

from collections.abc import Sequence

from media_bridge.rtp.inbound_stream import InboundStream
from media_bridge.rtp.outbound_stream import OutboundStream
from media_bridge.rtp.rtcp import RtcpPacket, serialize_compound
from media_bridge.rtp.rtcp_reports import (
    SDES_CNAME,
    Bye,
    ReceiverReport,
    SdesChunk,
    SourceDescription,
)

MAX_CNAME_BYTES = 255

_SENDER_FOR_S = 10.0
"""Who has sent within this time is a sender, and reports as one (RFC 3550 §6.3.8: two intervals)."""


class RtcpWriter:
    """Writes compound packets about the two streams."""

    def __init__(
        self, outbound: OutboundStream, inbound: InboundStream, cname: str, wall_clock_offset_s: float
    ) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._cname = cname.encode()[:MAX_CNAME_BYTES]
        self._wall_clock_offset_s = wall_clock_offset_s

    def full(self, extra: Sequence[RtcpPacket], now_s: float) -> bytes:
        """Return a report, our name, and what is given, as RFC 3550 §6.1 wants every datagram to be."""
        return serialize_compound([self._report(now_s), self._description(), *extra])

    def reduced(self, feedback: Sequence[RtcpPacket]) -> bytes:
        """Return the feedback alone (RFC 5506)."""
        return serialize_compound(feedback)

    def farewell(self, now_s: float) -> bytes:
        """Return the end of our stream."""
        return self.full([Bye((self._outbound.ssrc,))], now_s)

    def _report(self, now_s: float) -> RtcpPacket:
        blocks = self._inbound.report_blocks(now_s)
        if now_s - self._outbound.last_sent_s > _SENDER_FOR_S:
            return ReceiverReport(self._outbound.ssrc, blocks)
        return self._outbound.sender_report(now_s, self._wall_clock_offset_s, blocks)

    def _description(self) -> SourceDescription:
        return SourceDescription((SdesChunk(self._outbound.ssrc, ((SDES_CNAME, self._cname),)),))
