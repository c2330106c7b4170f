"""When RTCP is sent (RFC 3550 §6.2, §6.3; RFC 4585 §3.5 for feedback), between two participants."""

from __future__ import annotations

import math
from random import Random

RTCP_SHARE = 0.05
"""Of the session's bandwidth."""

MAX_MIN_INTERVAL_S = 5.0
"""The minimum interval of RFC 3550 for all sessions; a session of high bandwidth may report sooner."""

_REDUCED_MINIMUM_KBITS = 360.0
_COMPENSATION = math.e - 1.5
_HEADERS_BYTES = 28
_FIRST_SIZE_BYTES = 120


class RtcpSchedule:
    """The timer of regular reports, and how soon feedback may go ahead of it.

    Two participants who may both send are never a quarter senders or less, so all of the bandwidth of RTCP is
    shared by both (§6.2). Between two, feedback needs no dithering; what bounds it is the bandwidth: the next
    feedback may leave when the last packet has been paid for, the interval without its minimum (RFC 4585
    §3.5.1).
    """

    def __init__(self, bandwidth_bps: int, min_interval_s: float, random: Random, now_s: float) -> None:
        self._random = random
        self._min_interval_s = min_interval_s
        self._average_bytes = float(_FIRST_SIZE_BYTES)
        self._members = 2
        self._is_first = True
        self.has_sent = False
        """Whether anything was sent yet; who was never heard says no BYE (§6.3.7)."""
        self._last_s = now_s
        self.next_s = now_s
        """When the next regular report is due. The first one may leave at once in unicast (§6.2)."""
        self.feedback_s = now_s
        """From when on feedback may leave."""
        self.set_bandwidth(bandwidth_bps)

    def set_bandwidth(self, bandwidth_bps: int) -> None:
        """Take on what a description says of the whole session."""
        bandwidth_bps = max(bandwidth_bps, 8000)
        self._bytes_per_second = bandwidth_bps / 8 * RTCP_SHARE
        reduced_s = _REDUCED_MINIMUM_KBITS / (bandwidth_bps / 1000)
        self._minimum_s = min(max(reduced_s, self._min_interval_s), MAX_MIN_INTERVAL_S)

    @property
    def _paid_s(self) -> float:
        return self._members * self._average_bytes / self._bytes_per_second

    def _interval_s(self) -> float:
        """A random interval (§6.3.1)."""
        minimum_s = self._minimum_s / 2 if self._is_first else self._minimum_s
        return max(minimum_s, self._paid_s) * self._random.uniform(0.5, 1.5) / _COMPENSATION

    def is_due(self, now_s: float) -> bool:
        """Whether a regular report is to be sent now; if it was too early, the timer is set anew (§6.3.6)."""
        if now_s < self.next_s:
            return False
        if self._is_first:
            return True
        self.next_s = self._last_s + self._interval_s()
        return self.next_s <= now_s

    def hasten(self, now_s: float) -> None:
        """Make a report due now: the first packet is sent, and the peer does not know its time yet."""
        self.next_s = now_s
        self._is_first = True

    def note_received(self, size: int) -> None:
        """Take a packet of the peer into the average size (§6.3.3)."""
        self._average_bytes += (size + _HEADERS_BYTES - self._average_bytes) / 16

    def note_sent(self, size: int, now_s: float, *, regular: bool) -> None:
        """Set the timers after a packet of ours."""
        self.note_received(size)
        self.has_sent = True
        self.feedback_s = now_s + self._paid_s
        if regular:
            self._last_s = now_s
            self.next_s = now_s + self._interval_s()
            self._is_first = False

    def note_members(self, members: int, now_s: float) -> None:
        """Take on how many there are, ourselves included; if fewer, report sooner (§6.3.4)."""
        if members < self._members:
            self.next_s = now_s + (self.next_s - now_s) * members / self._members
        self._members = members
