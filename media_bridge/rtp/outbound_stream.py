"""The stream that we send: its numbers and timestamps, and what a sender report says of it."""

from __future__ import annotations

from random import Random

from media_bridge.rtp.ntp import to_ntp
from media_bridge.rtp.packet import serialize_plain
from media_bridge.rtp.rtcp_reports import ReportBlock, SenderReport

ECHOED_PACKETS = 8192
"""How far back an echo may be: many seconds."""


class OutboundStream:
    """Makes RTP packets of payloads."""

    def __init__(self, clock_rate_hz: int, timestamp_offset: int | None, random: Random) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._random = random
        self._offset = random.getrandbits(32) if timestamp_offset is None else timestamp_offset
        self._reference: tuple[int, float] | None = None
        self._mapped = False
        self.ssrc = 0
        self.restart()

    def restart(self) -> None:
        """Begin a new stream: another SSRC, and counts from zero.

        The first sequence number is below 2^15, so that SRTP's roll-over counter cannot be guessed wrong if
        the first packets are lost (RFC 3711 §3.3.1).
        """
        previous = self.ssrc
        while self.ssrc in {previous, 0}:
            self.ssrc = self._random.getrandbits(32)
        self.sequence_number = self._random.getrandbits(15)
        """Of the next packet."""
        self.packet_count = self.octet_count = 0
        self.last_sent_s = float("-inf")

    def make_packet(
        self, payload_type: int, payload: bytes, marker: bool, timestamp: int, now_s: float
    ) -> bytes:
        """Return the next packet; `timestamp` is the media's, without the random offset."""
        number = self.sequence_number
        self.sequence_number = number + 1 & 0xFFFF
        self.packet_count = self.packet_count + 1 & 0xFFFFFFFF
        self.octet_count = self.octet_count + len(payload) & 0xFFFFFFFF
        self.last_sent_s = now_s
        if not self._mapped:
            self._reference = timestamp, now_s
        return serialize_plain(
            payload_type, marker, number, timestamp + self._offset & 0xFFFFFFFF, self.ssrc, payload
        )

    def has_sent(self, sequence_number: int) -> bool:
        """Whether this is the number of a packet of ours, so what has it and our SSRC is an echo of it.

        Echo services send back what they get as it is; by RFC 3550 §8.2 alone that is a loop, and dropped.
        """
        age = self.sequence_number - 1 - sequence_number & 0xFFFF
        return age < min(self.packet_count, ECHOED_PACKETS)

    def map_timestamp(self, timestamp: int, at_s: float) -> None:
        """Say when a timestamp was or will be, from here on instead of when its packet is sent."""
        self._mapped = True
        self._reference = timestamp, at_s

    def sender_report(
        self, now_s: float, wall_clock_offset_s: float, blocks: tuple[ReportBlock, ...]
    ) -> SenderReport:
        """Return a report for this moment; a packet has been sent before."""
        timestamp, at_s = self._reference or (0, now_s)
        ticks = timestamp + self._offset + round((now_s - at_s) * self._clock_rate_hz)
        return SenderReport(
            self.ssrc,
            to_ntp(now_s + wall_clock_offset_s),
            ticks & 0xFFFFFFFF,
            self.packet_count,
            self.octet_count,
            blocks,
        )
