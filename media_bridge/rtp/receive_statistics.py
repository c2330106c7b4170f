"""What RFC 3550 counts of one source that is received: A.1 (validity, cycles), A.3 (loss), A.8 (jitter)."""

from __future__ import annotations

from enum import Enum, auto

from media_bridge.rtp.rtcp_reports import ReportBlock
from media_bridge.rtp.sequence import SEQUENCE_CYCLE, timestamp_delta

PROBATION = 1
"""Packets that have to follow the first one in a row: two together, A.1's MIN_SEQUENTIAL."""

MAX_DROPOUT = 3000
"""A packet further ahead than this is no loss but a restart of the sender, or garbage."""

MAX_MISORDER = 1000
"""A packet further behind than this likewise. A.1 has 100, which is less than a key picture: two packets of
it that come again because they were asked for would look like a restart.
"""

_MAX_LOST = (1 << 23) - 1


class Verdict(Enum):
    """What a sequence number says of its packet."""

    PROBATION = auto()
    """The source is not valid yet; the next packet in a row makes this one good, too."""
    VALID = auto()
    STRAY = auto()
    """Far away from the others. If the next one follows on it, the sender has restarted."""
    RESTARTED = auto()
    """The second packet in a row of a sender that has restarted: it begins anew, with the packet before."""


class ReceiveStatistics:
    """Counts one source from its first packet on, which the constructor takes.

    A packet is noted twice: `note_sequence`, and `note_arrival` once it is known to be valid. `probation` is
    how many packets in a row have to follow the first one until the source is valid. Different from A.1, the
    packets of the probation count, for they are used once it has passed.
    """

    def __init__(self, ssrc: int, sequence_number: int, clock_rate_hz: int, probation: int) -> None:
        self.ssrc = ssrc
        self.jitter = 0.0
        """In ticks of the timestamp."""
        self._clock_rate_hz = clock_rate_hz
        self._probation = self._probation_needed = probation
        self._begin(sequence_number)

    def _begin(self, sequence_number: int) -> None:
        self._base = self._max_sequence = sequence_number
        self._cycles = 0
        self._stray: int | None = None
        self.received = 1
        self._expected_prior = self._received_prior = 0
        self._transit: int | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the probation is over."""
        return not self._probation

    @property
    def highest_sequence(self) -> int:
        """The extended highest sequence number, without a random start of the cycles."""
        return self._cycles + self._max_sequence

    @property
    def expected(self) -> int:
        """How many packets the source has sent since the first one that was received."""
        return self.highest_sequence - self._base + 1

    @property
    def lost(self) -> int:
        """Expected less received packets, negative where some came twice; limited to 24 bits, signed."""
        return max(-_MAX_LOST - 1, min(self.expected - self.received, _MAX_LOST))

    @property
    def jitter_s(self) -> float:
        """The interarrival jitter in seconds."""
        return self.jitter / self._clock_rate_hz

    def note_sequence(self, sequence_number: int) -> Verdict:
        """Judge a packet by its sequence number, and count it if it is good (A.1)."""
        ahead = sequence_number - self._max_sequence & 0xFFFF
        if self._probation:
            return self._note_probation(sequence_number, ahead)
        if ahead < MAX_DROPOUT:
            self._move_on(sequence_number)
        elif ahead <= SEQUENCE_CYCLE - MAX_MISORDER:
            return self._note_stray(sequence_number)
        self.received += 1
        return Verdict.VALID

    def _move_on(self, sequence_number: int) -> None:
        if sequence_number < self._max_sequence:
            self._cycles += SEQUENCE_CYCLE
        self._max_sequence = sequence_number

    def _note_probation(self, sequence_number: int, ahead: int) -> Verdict:
        if ahead != 1:
            self._begin(sequence_number)
            self._probation = self._probation_needed
            return Verdict.PROBATION
        self._move_on(sequence_number)
        self.received += 1
        self._probation -= 1
        return Verdict.PROBATION if self._probation else Verdict.VALID

    def _note_stray(self, sequence_number: int) -> Verdict:
        first, self._stray = self._stray, sequence_number
        if first is None or sequence_number != first + 1 & 0xFFFF:
            return Verdict.STRAY
        self._begin(first)
        self._move_on(sequence_number)
        self.received += 1
        return Verdict.RESTARTED

    def note_arrival(self, timestamp: int, now_s: float) -> None:
        """Take a valid packet into the jitter (A.8)."""
        transit = round(now_s * self._clock_rate_hz) - timestamp & 0xFFFFFFFF
        if self._transit is not None:
            difference = abs(timestamp_delta(transit, self._transit))
            self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    def report(self, last_sr: int, delay_since_last_sr: int) -> ReportBlock:
        """Make a report block. The fraction is of the time since the last one was made (A.3)."""
        expected = self.expected - self._expected_prior
        lost = expected - (self.received - self._received_prior)
        self._expected_prior, self._received_prior = self.expected, self.received
        fraction = min((lost << 8) // expected, 255) if expected > 0 and lost > 0 else 0
        return ReportBlock(
            self.ssrc,
            fraction,
            self.lost,
            self.highest_sequence & 0xFFFFFFFF,
            int(self.jitter),
            last_sr,
            delay_since_last_sr,
        )
