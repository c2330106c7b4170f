"""The stream that we receive: which SSRC it is, its statistics, and its packets in order."""

from __future__ import annotations

from dataclasses import dataclass

from media_bridge.rtp.jitter_buffer import BufferLimits, JitterBuffer, OrderedPacket
from media_bridge.rtp.latch import Address
from media_bridge.rtp.ntp import to_compact
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.receive_statistics import PROBATION, ReceiveStatistics, Verdict
from media_bridge.rtp.rtcp_reports import ReportBlock

MIN_SWITCH_S = 0.5
"""The SSRC is not changed twice in this time: two streams at once must not take turns with every picture."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a packet: which ones are used now, whether their SSRC is new, and what may go on.

    None is used while it is kept until the next one shows what it is; `dropped` are those that were kept in
    vain. `previous` is the rest of the stream before, which goes on first.
    """

    used: tuple[RtpPacket, ...] = ()
    is_new: bool = False
    ordered: tuple[OrderedPacket, ...] = ()
    previous: tuple[OrderedPacket, ...] = ()
    dropped: int = 0


@dataclass(slots=True)
class _Candidate:
    """An SSRC that is not valid yet, at one source, and its last packet, which is used once it is."""

    statistics: ReceiveStatistics
    source: Address
    packet: RtpPacket


class InboundStream:
    """The peer's one stream. Packets of other SSRCs are candidates for its successor."""

    def __init__(self, clock_rate_hz: int, limits: BufferLimits) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._statistics: ReceiveStatistics | None = None
        self._candidate: _Candidate | None = None
        self._stray: RtpPacket | None = None
        self._switched_s = float("-inf")
        self._last_sr: tuple[int, int, float] = (0, 0, 0.0)
        self._reported = 0
        self.buffer = JitterBuffer(limits)

    @property
    def ssrc(self) -> int | None:
        """The SSRC, None before a first one is valid."""
        return None if self._statistics is None else self._statistics.ssrc

    @property
    def jitter_s(self) -> float:
        """The interarrival jitter, 0.0 before anything came."""
        return 0.0 if self._statistics is None else self._statistics.jitter_s

    def take(self, packet: RtpPacket, source: Address, now_s: float, *, trusted: bool) -> Taken:
        """Take a packet in. `trusted`: the first stream needs no probation, it is from where it should be."""
        statistics = self._statistics
        if statistics is None or packet.ssrc != statistics.ssrc:
            return self._take_candidate(packet, source, now_s, trusted and statistics is None)
        verdict = statistics.note_sequence(packet.sequence_number)
        if verdict is Verdict.VALID:
            return Taken((packet,), ordered=tuple(self._push(packet, statistics, now_s)))
        before, self._stray = self._stray, packet
        if verdict is Verdict.STRAY or before is None:
            return Taken(dropped=before is not None)
        self._stray = None
        ordered = self.buffer.flush()
        for each in (before, packet):
            ordered += self._push(each, statistics, now_s)
        return Taken((before, packet), ordered=tuple(ordered))

    def _push(self, packet: RtpPacket, statistics: ReceiveStatistics, now_s: float) -> list[OrderedPacket]:
        statistics.note_arrival(packet.timestamp, now_s)
        self.buffer.jitter_s = statistics.jitter_s
        return self.buffer.push(packet, now_s)

    def _take_candidate(self, packet: RtpPacket, source: Address, now_s: float, trusted: bool) -> Taken:
        candidate = self._candidate
        had_candidate = candidate is not None
        if candidate is None or candidate.statistics.ssrc != packet.ssrc or candidate.source != source:
            statistics = ReceiveStatistics(
                packet.ssrc, packet.sequence_number, self._clock_rate_hz, 0 if trusted else PROBATION
            )
            self._candidate = candidate = _Candidate(statistics, source, packet)
            if trusted:
                return self._adopt(candidate, (packet,), now_s)
            return Taken(dropped=had_candidate)
        verdict = candidate.statistics.note_sequence(packet.sequence_number)
        before, candidate.packet = candidate.packet, packet
        if verdict is not Verdict.VALID or now_s - self._switched_s < MIN_SWITCH_S:
            return Taken(dropped=1)
        return self._adopt(candidate, (before, packet), now_s)

    def _adopt(self, candidate: _Candidate, packets: tuple[RtpPacket, ...], now_s: float) -> Taken:
        """Make a candidate the stream; the first packet of it is what the probation kept."""
        self._statistics, self._candidate, self._stray = candidate.statistics, None, None
        self._switched_s, self._reported = now_s, 0
        previous = self.buffer.flush()
        ordered: list[OrderedPacket] = []
        for packet in packets:
            ordered += self._push(packet, candidate.statistics, now_s)
        return Taken(packets, True, tuple(ordered), tuple(previous))

    # -- reports

    def note_sender_report(self, ssrc: int, compact_ntp: int, now_s: float) -> None:
        """Remember the peer's last sender report, for the report block."""
        self._last_sr = ssrc, compact_ntp, now_s

    def report_blocks(self, now_s: float) -> tuple[ReportBlock, ...]:
        """Return a block about the stream if packets came since the last one (RFC 3550 §6.4)."""
        statistics = self._statistics
        if statistics is None or statistics.received == self._reported:
            return ()
        self._reported = statistics.received
        ssrc, last_sr, at_s = self._last_sr
        if ssrc != statistics.ssrc:
            return (statistics.report(0, 0),)
        return (statistics.report(last_sr, to_compact(now_s - at_s)),)
