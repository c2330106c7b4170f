"""An RTP session with one peer: payloads in, datagrams out, and the other way around.

It does no I/O and reads no clock: `now_s` is in seconds of any one monotonic clock. After every call,
`take_outgoing` has what is to be sent now, and `next_deadline_s` says when `advance` is to be called at the
latest. Nothing that a peer sends raises an error: what is bad is dropped and counted.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random, SystemRandom

from media_bridge.errors import PacketError
from media_bridge.rtp.admission import Admission, Admitted
from media_bridge.rtp.events import Event, PeerLeft, SourceChanged
from media_bridge.rtp.inbound_stream import InboundStream
from media_bridge.rtp.latch import Address, Standing
from media_bridge.rtp.ntp import compact_ntp
from media_bridge.rtp.outbound_stream import OutboundStream
from media_bridge.rtp.outbox import Outbox, Outgoing
from media_bridge.rtp.packet import HEADER_BYTES, RtpPacket
from media_bridge.rtp.peer_reports import PeerReports
from media_bridge.rtp.rtcp import Compound, parse_compound
from media_bridge.rtp.rtcp_reader import PeerRtcp, sort_compound
from media_bridge.rtp.rtcp_reports import Bye
from media_bridge.rtp.rtcp_sender import RtcpSender
from media_bridge.rtp.send_history import SendHistory
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.rtp.session_statistics import SessionCounters, SessionStatistics
from media_bridge.rtp.srtp import MAX_PLAIN_BYTES, SrtpContext

MAX_PAYLOAD_BYTES = MAX_PLAIN_BYTES - HEADER_BYTES
"""What `send` takes at most, encrypted or not: it fits into Ethernet's 1500 bytes with all headers."""

MAX_NACKED = 512
"""Packets that one datagram can ask for: more than a key picture has."""

MAX_CONFLICTS = 8
"""Sources that used our SSRC that are remembered."""


class RtpSession:
    """The video of one call, or any other medium: one stream each way, and their RTCP."""

    def __init__(
        self,
        negotiated: Negotiated,
        options: SessionOptions,
        now_s: float,
        *,
        srtp: SrtpContext | None = None,
        random: Random | None = None,
    ) -> None:
        random = random or SystemRandom()
        self._negotiated = negotiated
        self._options = options
        self._admission = Admission(negotiated, options.flood, srtp, now_s)
        self._outbound = OutboundStream(options.clock_rate_hz, options.timestamp_offset, random)
        self._inbound = InboundStream(options.clock_rate_hz, options.buffer)
        self._inbound.buffer.can_ask = negotiated.nack
        self._rtcp = RtcpSender(self._outbound, self._inbound, negotiated, options, random, now_s)
        self._reports = PeerReports(options.wall_clock_offset_s)
        self._history = SendHistory(now_s, options.history)
        self._outbox = Outbox(self._admission, rtcp_mux=negotiated.rtcp_mux)
        self._conflicts: set[Address] = set()
        self._left_ssrc: int | None = None
        self._last_received_s: float | None = None
        self._is_closed = False

    @property
    def ssrc(self) -> int:
        """Our SSRC; it changes if the peer has the same."""
        return self._outbound.ssrc

    # -- what is sent

    def send(self, payload: bytes, marker: bool, timestamp: int, now_s: float) -> None:
        """Send a payload. `timestamp` is of the media's clock, without a random offset, and may wrap around.

        Raises `ValueError` above `MAX_PAYLOAD_BYTES`.
        """
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a payload of {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
        counters = self._admission.counters
        if self._is_closed or self._admission.rtp_target is None:
            counters.unsent += 1
            return
        number, is_first = self._outbound.sequence_number, not self._outbound.packet_count
        packet = self._outbound.make_packet(self._negotiated.payload_type, payload, marker, timestamp, now_s)
        data = self._outbox.protect(packet)
        if data is None:
            return
        if self._negotiated.nack:
            self._history.add(number, data, now_s)
        self._outbox.push_rtp(data)
        counters.sent += 1
        counters.sent_bytes += len(payload)
        if is_first:
            self._rtcp.schedule.hasten(now_s)
            self._send_rtcp(now_s)

    def map_timestamp(self, timestamp: int, at_s: float) -> None:
        """Say which moment a timestamp of `send` stands for, for the sender reports.

        Without that it is the moment when its packet is given to `send`.
        """
        self._outbound.map_timestamp(timestamp, at_s)

    def request_key_frame(self, now_s: float) -> bool:
        """Ask the peer for a key picture, now or when a second has passed since the last time.

        Returns False if the peer takes neither PLI nor FIR: there may be other ways, such as SIP INFO.
        """
        if self._is_closed or not self._rtcp.can_request_key_frames:
            return False
        self._rtcp.want_key_frame()
        self._send_rtcp(now_s)
        return True

    def note_key_frame(self) -> None:
        """Say that a key picture has come: a request that still waits is not sent."""
        self._rtcp.forget_key_frame()

    def take_outgoing(self, now_s: float) -> list[Outgoing]:
        """Return what is to be sent now, RTCP and answers to NACKs first."""
        return self._outbox.take(now_s)

    # -- what is received

    def receive_rtp(self, data: bytes, source: Address, now_s: float) -> list[Event]:
        """Take a datagram from the socket of RTP, which is RTCP if they share it (RFC 5761 §4)."""
        if self._negotiated.rtcp_mux and len(data) > 1 and 192 <= data[1] <= 223:
            return self.receive_rtcp(data, source, now_s)
        admitted = self._admission.admit_rtp(data, source, now_s)
        if admitted is None or self._is_closed:
            return []
        counters = self._admission.counters
        try:
            packet = RtpPacket.parse(admitted.data)
        except PacketError:
            counters.malformed += 1
            return []
        if packet.payload_type not in self._negotiated.receive_payload_types:
            counters.wrong_payload_type += 1
            return []
        if packet.ssrc == self._outbound.ssrc and not self._outbound.has_sent(packet.sequence_number):
            self._resolve_collision(source, now_s)
            return []
        events = self._take_packet(packet, admitted, source, now_s)
        self._send_rtcp(now_s)
        return events

    def receive_rtcp(self, data: bytes, source: Address, now_s: float) -> list[Event]:
        """Take a datagram from the socket of RTCP."""
        admitted = self._admission.admit_rtcp(data, source, now_s)
        if admitted is None or self._is_closed:
            return []
        counters = self._admission.counters
        try:
            compound = parse_compound(admitted.data)
        except PacketError:
            counters.rtcp_malformed += 1
            return []
        counters.rtcp_malformed += compound.malformed
        found = sort_compound(compound, self._outbound.ssrc)
        if found.sender_ssrc == self._outbound.ssrc:
            self._resolve_collision(source, now_s)
            return []
        if not self._is_valid_rtcp(compound, found, admitted):
            counters.stray += 1
            return []
        counters.rtcp_received += 1
        self._rtcp.schedule.note_received(len(data))
        moved = self._admission.note_rtcp(source, now_s) and self._negotiated.rtcp_mux
        events: list[Event] = []
        if moved and self._inbound.ssrc is not None:
            events.append(SourceChanged(self._inbound.ssrc, source))
        events += self._take_rtcp(found, now_s)
        self._send_rtcp(now_s)
        return events

    # -- time, and the rest

    def advance(self, now_s: float) -> list[Event]:
        """Do what is due at this time."""
        if self._is_closed:
            return []
        events: list[Event] = list(self._inbound.buffer.advance(now_s))
        self._send_rtcp(now_s)
        return events

    def next_deadline_s(self) -> float | None:
        """Return when `advance` and `take_outgoing` have something to do; None when the session is closed."""
        if self._is_closed:
            return None
        deadlines = (self._inbound.buffer.next_release_s(), self._outbox.next_deadline_s())
        return min([self._rtcp.next_deadline_s(), *(at_s for at_s in deadlines if at_s is not None)])

    def renegotiate(self, negotiated: Negotiated, now_s: float, *, srtp: SrtpContext | None) -> None:
        """Take on a new description (re-INVITE, UPDATE). Give the same `srtp` if its keys are the same."""
        if srtp is not self._admission.srtp or negotiated.rtp_address is None:
            self._history.clear()
            self._outbox.drop_rtp()
        self._negotiated = negotiated
        self._admission.open(negotiated, srtp)
        self._outbox.rtcp_mux = negotiated.rtcp_mux
        self._inbound.buffer.can_ask = negotiated.nack
        self._rtcp.renegotiate(negotiated)
        self._send_rtcp(now_s)

    def close(self, now_s: float) -> None:
        """Say BYE, unless nothing was ever sent, and end; media that wait are dropped."""
        if self._is_closed:
            return
        self._outbox.drop_rtp()
        self._history.clear()
        if self._outbound.packet_count or self._rtcp.schedule.has_sent:
            self._outbox.push_rtcp(self._rtcp.farewell(now_s))
        self._is_closed = True

    def statistics(self) -> SessionStatistics:
        """Return a snapshot."""
        buffer, block = self._inbound.buffer, self._reports.block
        return SessionStatistics(
            counters=replace(self._admission.counters),
            lost=buffer.lost,
            late=buffer.late,
            duplicates=buffer.duplicates,
            resyncs=buffer.resyncs,
            depth_s=buffer.depth_s,
            jitter_s=self._inbound.jitter_s,
            round_trip_s=self._reports.round_trip.seconds,
            peer_fraction_lost=None if block is None else block.fraction_lost / 256,
            peer_lost=None if block is None else block.cumulative_lost,
            peer_jitter_s=None if block is None else block.jitter / self._options.clock_rate_hz,
            last_received_s=self._last_received_s,
        )

    def reset_statistics(self) -> None:
        """Begin to count anew; what RTCP reports goes on."""
        self._admission.counters = SessionCounters()
        self._inbound.buffer.reset_counters()

    # -- inside

    def _take_packet(
        self, packet: RtpPacket, admitted: Admitted, source: Address, now_s: float
    ) -> list[Event]:
        counters = self._admission.counters
        if admitted.standing is Standing.HEIR and packet.ssrc != self._inbound.ssrc:
            counters.strangers += 1
            return []
        taken = self._inbound.take(packet, source, now_s, trusted=admitted.is_trusted)
        counters.stray += taken.dropped
        if not taken.used:
            return []
        counters.received += len(taken.used)
        counters.received_bytes += sum(len(used.payload) for used in taken.used)
        self._last_received_s = now_s
        moved = self._admission.note_rtp(source, now_s)
        if not moved and not taken.is_new:
            return list(taken.ordered)
        self._rtcp.schedule.note_members(2, now_s)
        return [*taken.previous, SourceChanged(packet.ssrc, source), *taken.ordered]

    def _is_valid_rtcp(self, compound: Compound, found: PeerRtcp, admitted: Admitted) -> bool:
        """Whether a datagram is the peer's; by what it says only if its source does not say it yet."""
        if admitted.standing is Standing.PEER or (
            admitted.standing is Standing.CANDIDATE and admitted.is_trusted
        ):
            return True
        if admitted.standing is Standing.HEIR:
            return found.sender_ssrc is not None and found.sender_ssrc == self._inbound.ssrc
        return compound.is_full and not compound.malformed

    def _take_rtcp(self, found: PeerRtcp, now_s: float) -> list[Event]:
        events = self._reports.take(found, now_s, self._admission.counters)
        if found.sender_report is not None:
            report = found.sender_report
            self._inbound.note_sender_report(report.ssrc, compact_ntp(report.ntp), now_s)
        self._inbound.buffer.round_trip_s = self._reports.round_trip.seconds
        if found.limit is not None and self._negotiated.tmmbr:
            self._rtcp.notify_limit(found.limit)
        if found.nacked and self._negotiated.nack:
            for data in self._history.resend(found.nacked[:MAX_NACKED], now_s):
                self._outbox.push_again(data)
        if found.bye is not None:
            events += self._take_bye(found.bye, now_s)
        return events

    def _take_bye(self, bye: Bye, now_s: float) -> list[Event]:
        ssrc = self._inbound.ssrc
        if ssrc is None or ssrc not in bye.ssrcs or ssrc == self._left_ssrc:
            return []
        self._left_ssrc = ssrc
        self._rtcp.schedule.note_members(1, now_s)
        return [*self._inbound.buffer.flush(), PeerLeft(ssrc, bye.reason.decode(errors="replace"))]

    def _resolve_collision(self, source: Address, now_s: float) -> None:
        """Change our SSRC because somebody else has it (RFC 3550 §8.2).

        Where the same source then has the new one, too, our own packets come back to us: that is a loop.
        """
        counters = self._admission.counters
        if source in self._conflicts or len(self._conflicts) == MAX_CONFLICTS:
            counters.stray += 1
            return
        self._conflicts.add(source)
        counters.collisions += 1
        self._outbox.push_rtcp(self._rtcp.farewell(now_s))
        self._history.clear()
        self._outbound.restart()

    def _send_rtcp(self, now_s: float) -> None:
        if self._is_closed:
            return
        data = self._rtcp.take_due(now_s, self._admission.counters)
        if data is not None:
            self._outbox.push_rtcp(data)
