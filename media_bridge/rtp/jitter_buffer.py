"""Puts RTP packets back into order, waiting for a missing one no longer than is of use.

Video needs no even pace: what has nothing missing before it goes on at once. A gap holds up what comes after
it, until the missing packet is there or has been waited for as long as `depth_s`. That follows what was seen:
how late packets came that others had overtaken (the largest of the last seconds), the jitter, and, if missing
ones can be asked for, the round trip that this takes; within `BufferLimits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from media_bridge.rtp.decaying_peak import DecayingPeak
from media_bridge.rtp.missing_packets import MissingPackets
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.sequence import extend_sequence
from media_bridge.rtp.token_bucket import TokenBucket

_GIVEN_UP_KEPT = 256
_MAX_REORDERING_S = 0.02
_UNKNOWN_ROUND_TRIP_S = 0.1
_MARGIN = 1.25


@dataclass(frozen=True, slots=True)
class BufferLimits:
    """Bounds of the waiting, in seconds, and of what waits.

    More than `max_gap` sequence numbers without a packet are no gap but a new beginning; and so is any gap
    while more than `max_missing_per_second` are missing, each of which costs time to keep account of.
    """

    min_depth_s: float = 0.01
    max_depth_s: float = 0.2
    max_packets: int = 1024
    max_bytes: int = 2 * 1024 * 1024
    max_gap: int = 1024
    max_missing_per_second: int = 2000


@dataclass(frozen=True, slots=True)
class OrderedPacket:
    """A packet, and how many are missing between the one before and it."""

    packet: RtpPacket
    missing: int = 0


class JitterBuffer:
    """One source's packets in order, each at most once. `can_ask`: missing ones are asked for by NACK.

    What waits and what is missing together are all sequence numbers from the next one to the highest.
    """

    def __init__(self, limits: BufferLimits | None = None, *, can_ask: bool = False) -> None:
        self._limits = limits or BufferLimits()
        self.can_ask = can_ask
        self.duplicates = self.late = self.lost = self.resyncs = 0
        """Packets that came twice, came after they had been given up, were given up; new beginnings."""
        self.jitter_s = 0.0
        """The interarrival jitter, as the statistics have it."""
        self.round_trip_s: float | None = None
        self.depth_s = self._limits.min_depth_s
        """How long a missing packet is waited for now."""
        self._reordering = DecayingPeak()
        self._answering = DecayingPeak()
        self._missing = MissingPackets()
        self._account = TokenBucket(self._limits.max_missing_per_second, self._limits.max_gap, 0.0)
        self._given_up: dict[int, tuple[float, bool]] = {}
        self._held: dict[int, RtpPacket] = {}
        self._held_bytes = 0
        self._next: int | None = None
        self._highest = 0
        self._lacking = 0

    def __len__(self) -> int:
        return len(self._held)

    # -- packets

    def push(self, packet: RtpPacket, now_s: float) -> list[OrderedPacket]:
        """Take a packet in; return those that may go on, in order."""
        number = extend_sequence(packet.sequence_number, self._highest)
        if self._next is None:
            return [self._begin(packet)]
        if number == self._next and not self._held:
            self._next, self._highest = number + 1, number
            return [OrderedPacket(packet)]
        if abs(number - self._highest) > self._limits.max_gap or not self._may_lack(number, now_s):
            return self._resync(packet, number - self._highest - 1)
        if number < self._next:
            self._note_late(number, now_s)
            return []
        if number in self._held:
            self.duplicates += 1
            return []
        self._hold(number, packet, now_s)
        return self._release(now_s)

    def advance(self, now_s: float) -> list[OrderedPacket]:
        """Return what need not wait any longer at this time."""
        return self._release(now_s)

    def flush(self) -> list[OrderedPacket]:
        """Return all that waits, whatever is missing, and begin anew with the next packet."""
        ordered = self._release(math.inf)
        if self._next is not None:
            self._lacking = 1
        self._given_up.clear()
        self._next = None
        return ordered

    def _may_lack(self, number: int, now_s: float) -> bool:
        """Whether the packets between the highest and this one can be kept account of."""
        lacking = number - self._highest - 1
        return lacking <= 0 or self._account.take(lacking, now_s)

    def _begin(self, packet: RtpPacket) -> OrderedPacket:
        self._highest = packet.sequence_number
        self._next = self._highest + 1
        missing, self._lacking = self._lacking, 0
        return OrderedPacket(packet, missing)

    def _resync(self, packet: RtpPacket, skipped: int) -> list[OrderedPacket]:
        """Begin anew with a packet that is far ahead of the others, or far behind them."""
        self.resyncs += 1
        ordered = self.flush()
        self._lacking = max(skipped, 1)
        return [*ordered, self._begin(packet)]

    def _hold(self, number: int, packet: RtpPacket, now_s: float) -> None:
        if number > self._highest:
            self._missing.add(range(self._highest + 1, number), now_s, self._reordering_s(now_s))
            self._highest = number
        else:
            self._note_lateness(*self._missing.found(number), now_s)
        self._held[number] = packet
        self._held_bytes += len(packet.payload)
        self._adapt(now_s)

    def _release(self, now_s: float) -> list[OrderedPacket]:
        ordered: list[OrderedPacket] = []
        while self._held and self._next is not None:
            packet = self._held.pop(self._next, None)
            if packet is not None:
                self._held_bytes -= len(packet.payload)
                ordered.append(OrderedPacket(packet, self._lacking))
                self._lacking = 0
            elif self._may_wait(now_s):
                break
            else:
                self._give_up()
            self._next += 1
        return ordered

    def _may_wait(self, now_s: float) -> bool:
        limits = self._limits
        return (
            now_s < self._missing.first_since_s() + self.depth_s
            and len(self._held) <= limits.max_packets
            and self._held_bytes <= limits.max_bytes
            and len(self._missing) <= limits.max_gap
        )

    def _give_up(self) -> None:
        number, since_s, asked = self._missing.drop_first()
        self.lost += 1
        self._lacking += 1
        self._given_up[number] = since_s, asked
        if len(self._given_up) > _GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]

    def reset_counters(self) -> None:
        """Begin to count anew."""
        self.duplicates = self.late = self.lost = self.resyncs = 0

    # -- how long

    def _note_late(self, number: int, now_s: float) -> None:
        """A packet that was given up shows that the depth was too small; any other one is a second copy."""
        given_up = self._given_up.pop(number, None)
        if given_up is None:
            self.duplicates += 1
            return
        self.late += 1
        self._note_lateness(*given_up, now_s)
        self._adapt(now_s)

    def _note_lateness(self, since_s: float, asked: bool, now_s: float) -> None:
        peak = self._answering if asked else self._reordering
        peak.note(min(now_s - since_s, self._limits.max_depth_s), now_s)

    def _reordering_s(self, now_s: float) -> float:
        """How long a packet is waited for before it is asked for."""
        return min(self._reordering.value(now_s) * _MARGIN, _MAX_REORDERING_S)

    def _adapt(self, now_s: float) -> None:
        limits = self._limits
        depth_s = max(limits.min_depth_s, self._reordering.value(now_s) * _MARGIN, 2 * self.jitter_s)
        if self._asking_helps:
            answer_s = _UNKNOWN_ROUND_TRIP_S if self.round_trip_s is None else 1.5 * self.round_trip_s
            answer_s = max(answer_s + limits.min_depth_s, self._answering.value(now_s) * _MARGIN)
            depth_s = max(depth_s, answer_s + self._reordering_s(now_s))
        self.depth_s = min(depth_s, limits.max_depth_s)

    @property
    def _asking_helps(self) -> bool:
        """Whether an answer could come in time."""
        return self.can_ask and (self.round_trip_s or 0.0) < self._limits.max_depth_s

    # -- asking, and the clock

    def take_due_nacks(self, now_s: float) -> list[int]:
        """Return the sequence numbers to be asked for now, and take them as asked for."""
        if not self._asking_helps:
            return []
        return [number & 0xFFFF for number in self._missing.take_due(now_s, self.round_trip_s)]

    def next_nack_s(self) -> float | None:
        """Return when `take_due_nacks` has something to ask for, None if there is nothing."""
        return self._missing.next_ask_s() if self._asking_helps else None

    def next_release_s(self) -> float | None:
        """Return when `advance` has something to do, None while nothing is missing."""
        return self._missing.first_since_s() + self.depth_s if self._missing else None
