"""Our RTCP, and when it leaves: reports by the timer, feedback as soon as the bandwidth allows."""

from __future__ import annotations

from random import Random

from media_bridge.rtp.feedback_queue import FeedbackQueue
from media_bridge.rtp.inbound_stream import InboundStream
from media_bridge.rtp.outbound_stream import OutboundStream
from media_bridge.rtp.rtcp import RtcpPacket
from media_bridge.rtp.rtcp_feedback import BitrateEntry, FullIntraRequest, Nack, PictureLoss
from media_bridge.rtp.rtcp_schedule import RtcpSchedule
from media_bridge.rtp.rtcp_writer import RtcpWriter
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.rtp.session_statistics import SessionCounters


class RtcpSender:
    """Makes the datagrams; `take_due` is asked after each thing that happens."""

    def __init__(
        self,
        outbound: OutboundStream,
        inbound: InboundStream,
        negotiated: Negotiated,
        options: SessionOptions,
        random: Random,
        now_s: float,
    ) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._negotiated = negotiated
        self._writer = RtcpWriter(outbound, inbound, options.cname, options.wall_clock_offset_s)
        self._feedback = FeedbackQueue()
        self.schedule = RtcpSchedule(negotiated.bandwidth_bps, options.min_rtcp_interval_s, random, now_s)

    def renegotiate(self, negotiated: Negotiated) -> None:
        """Take on what is allowed from now on."""
        self._negotiated = negotiated
        self.schedule.set_bandwidth(negotiated.bandwidth_bps)
        if not self.can_request_key_frames:
            self._feedback.forget_key_frame()

    @property
    def can_request_key_frames(self) -> bool:
        """Whether the peer takes PLI or FIR."""
        return self._negotiated.pli or self._negotiated.fir

    def want_key_frame(self) -> None:
        """Ask for a key picture as soon as may be."""
        self._feedback.want_key_frame()

    def forget_key_frame(self) -> None:
        """Ask no more: it has come."""
        self._feedback.forget_key_frame()

    def notify_limit(self, limit: BitrateEntry) -> None:
        """Answer a TMMBR."""
        self._feedback.notify_limit(limit)

    def take_due(self, now_s: float, counters: SessionCounters) -> bytes | None:
        """Return the datagram that is to be sent now, None if there is none."""
        feedback = self._take_feedback(now_s, counters) if now_s >= self.schedule.feedback_s else []
        is_regular = self.schedule.is_due(now_s)
        if not feedback and not is_regular:
            return None
        if self._negotiated.reduced_size and not is_regular:
            data = self._writer.reduced(feedback)
        else:
            data = self._writer.full(feedback, now_s)
        self.schedule.note_sent(len(data), now_s, regular=is_regular)
        return data

    def farewell(self, now_s: float) -> bytes:
        """Return the BYE of our stream."""
        return self._writer.farewell(now_s)

    def next_deadline_s(self) -> float:
        """Return when `take_due` has something to send."""
        wanted = [due_s for due_s in (self._feedback.due_s(), self._next_nack_s()) if due_s is not None]
        if not wanted or self._inbound.ssrc is None:
            return self.schedule.next_s
        return min(self.schedule.next_s, max(self.schedule.feedback_s, min(wanted)))

    def _next_nack_s(self) -> float | None:
        return self._inbound.buffer.next_nack_s() if self._negotiated.nack else None

    def _take_feedback(self, now_s: float, counters: SessionCounters) -> list[RtcpPacket]:
        ours, theirs = self._outbound.ssrc, self._inbound.ssrc
        if theirs is None:
            return []
        due_s = self._feedback.due_s()
        packets = (
            self._feedback.take(ours, theirs, now_s, pli=self._negotiated.pli)
            if due_s is not None and due_s <= now_s
            else []
        )
        counters.key_frames_requested += sum(
            isinstance(packet, PictureLoss | FullIntraRequest) for packet in packets
        )
        nacked = self._inbound.buffer.take_due_nacks(now_s) if self._negotiated.nack else []
        if nacked:
            counters.nacked += len(nacked)
            packets.append(Nack(ours, theirs, tuple(nacked)))
        return packets
