"""The buffer that puts packets back into order, against a model of it that is slow and plain."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.rtp.jitter_buffer import BufferLimits, JitterBuffer, OrderedPacket
from media_bridge.rtp.missing_packets import MAX_ASKED, MAX_PER_NACK
from media_bridge.rtp.packet import RtpPacket


def packet(number: int, payload: bytes = b"") -> RtpPacket:
    """A packet that carries its whole number as its timestamp."""
    return RtpPacket(96, False, number & 0xFFFF, number, 1, payload)


def numbers(ordered: list[OrderedPacket]) -> list[tuple[int, int]]:
    return [(each.packet.timestamp, each.missing) for each in ordered]


def test_nothing_waits_while_nothing_is_missing() -> None:
    buffer = JitterBuffer()
    for number in range(0xFFF0, 0x10010):
        assert numbers(buffer.push(packet(number), 0.0)) == [(number, 0)]
        assert buffer.next_release_s() is None


def test_packets_that_overtook_wait_for_the_one_before() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(1), 0.0)
    assert buffer.push(packet(3), 0.0) == []
    assert buffer.push(packet(4), 0.0) == []
    assert numbers(buffer.push(packet(2), 0.001)) == [(2, 0), (3, 0), (4, 0)]
    assert (buffer.lost, buffer.late, buffer.duplicates) == (0, 0, 0)


def test_a_missing_packet_is_given_up_in_time() -> None:
    buffer = JitterBuffer(BufferLimits(min_depth_s=0.03))
    buffer.push(packet(1), 0.0)
    buffer.push(packet(4), 1.0)
    buffer.push(packet(5), 1.01)
    assert buffer.next_release_s() == 1.03
    assert buffer.advance(1.029) == []
    assert numbers(buffer.advance(1.03)) == [(4, 2), (5, 0)]
    assert (buffer.lost, buffer.next_release_s()) == (2, None)


def test_the_depth_follows_how_late_packets_come() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 1.0)
    assert numbers(buffer.advance(1.01)) == [(2, 1)]
    assert buffer.push(packet(1), 1.08) == [], "too late, this time"
    assert buffer.late == 1
    assert buffer.depth_s == pytest.approx(0.1)
    buffer.push(packet(4), 2.0)
    assert buffer.advance(2.08) == []
    assert numbers(buffer.push(packet(3), 2.08)) == [(3, 0), (4, 0)]
    buffer.push(packet(6), 60.0)
    assert buffer.depth_s == pytest.approx(0.01, abs=0.001), "it forgets"


def test_the_depth_follows_the_jitter() -> None:
    buffer = JitterBuffer()
    buffer.jitter_s = 0.03
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 0.0)
    assert buffer.depth_s == pytest.approx(0.06)


def test_the_depth_is_bounded() -> None:
    buffer = JitterBuffer()
    buffer.jitter_s = 10.0
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 0.0)
    assert buffer.depth_s == 0.2


def test_second_copies_are_dropped() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0), 0.0)
    assert buffer.push(packet(0), 0.0) == []
    buffer.push(packet(2), 0.0)
    assert buffer.push(packet(2), 0.0) == []
    assert buffer.duplicates == 2


@pytest.mark.parametrize("step", [1025, 5000, 30_000])
def test_a_jump_ahead_begins_anew(step: int) -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 0.0)
    assert numbers(buffer.push(packet(2 + step), 0.0)) == [(2, 1), (2 + step, step - 1)]
    assert numbers(buffer.push(packet(3 + step), 0.0)) == [(3 + step, 0)]
    assert buffer.resyncs == 1


def test_a_jump_back_begins_anew() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(20_000), 0.0)
    assert numbers(buffer.push(packet(100), 0.0)) == [(100, 1)], "something may be missing"
    assert numbers(buffer.push(packet(101), 0.0)) == [(101, 0)]


def test_another_stream_begins_anew() -> None:
    buffer = JitterBuffer()
    assert buffer.flush() == []
    assert numbers(buffer.push(packet(5), 0.0)) == [(5, 0)], "nothing was before"
    buffer.push(packet(7), 0.0)
    assert numbers(buffer.flush()) == [(7, 1)]
    assert numbers(buffer.push(packet(900), 0.0)) == [(900, 1)]
    assert buffer.next_release_s() is None


@pytest.mark.parametrize(
    "limits", [BufferLimits(max_packets=10), BufferLimits(max_bytes=1000), BufferLimits(max_gap=9)]
)
def test_what_waits_is_bounded(limits: BufferLimits) -> None:
    buffer = JitterBuffer(limits)
    buffer.push(packet(0), 0.0)
    ordered = [each for number in range(2, 40, 2) for each in buffer.push(packet(number, bytes(100)), 0.0)]
    assert len(buffer) <= 10
    assert all(each.missing == 1 for each in ordered)
    assert len(ordered) + len(buffer) == 19


def test_what_can_be_missing_is_bounded() -> None:
    buffer = JitterBuffer(BufferLimits(max_missing_per_second=100))
    ordered = [each for k in range(1000) for each in buffer.push(packet(500 * k), k / 1000)]
    assert buffer.lost < 1024 + 100
    assert buffer.resyncs > 990
    out = numbers(ordered + buffer.flush())
    assert [number for number, _ in out] == [500 * k for k in range(1000)]
    assert all(missing == 499 for _, missing in out[1:]), "it still says how many"


# -- asking for what is missing


def test_missing_packets_are_asked_for() -> None:
    buffer = JitterBuffer(can_ask=True)
    buffer.round_trip_s = 0.04
    buffer.push(packet(0xFFFE), 0.0)
    buffer.push(packet(0x10001), 1.0)
    assert buffer.next_nack_s() == 1.0
    assert buffer.take_due_nacks(1.0) == [0xFFFF, 0]
    assert buffer.take_due_nacks(1.0) == []
    assert buffer.next_nack_s() == pytest.approx(1.06)
    assert numbers(buffer.push(packet(0xFFFF), 1.05)) == [(0xFFFF, 0)]
    assert buffer.take_due_nacks(1.07) == [0]
    assert buffer.depth_s >= 0.06


def test_a_packet_is_asked_for_a_few_times() -> None:
    buffer = JitterBuffer(can_ask=True)
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 0.0)
    asked = 0
    while (at_s := buffer.next_nack_s()) is not None:
        asked += len(buffer.take_due_nacks(at_s))
    assert asked == MAX_ASKED


def test_what_was_asked_for_often_does_not_keep_others_from_it() -> None:
    buffer = JitterBuffer(can_ask=True)
    buffer.round_trip_s, buffer.jitter_s = 0.001, 0.1
    buffer.push(packet(0), 1.0)
    buffer.push(packet(2), 1.0)
    assert [buffer.take_due_nacks(at_s) for at_s in (1.0, 1.03, 1.06, 1.09)] == [[1], [1], [1], []]
    buffer.push(packet(4), 1.1)
    assert buffer.take_due_nacks(1.1) == [3]
    assert buffer.take_due_nacks(1.13) == [3]


def test_a_nack_is_bounded() -> None:
    buffer = JitterBuffer(can_ask=True)
    buffer.push(packet(0), 0.0)
    buffer.push(packet(1000), 0.0)
    assert len(buffer.take_due_nacks(0.0)) == MAX_PER_NACK


def test_packets_that_overtake_each_other_are_waited_for_before_they_are_asked_for() -> None:
    buffer = JitterBuffer(can_ask=True)
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 0.0)
    buffer.push(packet(1), 0.008)
    buffer.push(packet(4), 1.0)
    assert buffer.next_nack_s() == pytest.approx(1.01, abs=0.002)


@pytest.mark.parametrize(("can_ask", "round_trip_s"), [(False, 0.04), (True, 0.25)])
def test_asking_that_does_not_help(can_ask: bool, round_trip_s: float) -> None:
    buffer = JitterBuffer(can_ask=can_ask)
    buffer.round_trip_s = round_trip_s
    buffer.push(packet(0), 0.0)
    buffer.push(packet(2), 0.0)
    assert buffer.next_nack_s() is None
    assert buffer.take_due_nacks(1.0) == []
    assert buffer.depth_s == 0.01, "and what does not come is not waited for"


# -- the model


@dataclass
class Model:
    """Plain sets; how long it waits it is told."""

    held: set[int] = field(default_factory=set)
    noticed: dict[int, float] = field(default_factory=dict)
    next: int | None = None
    highest: int = -1
    lacking: int = 0

    def push(self, number: int, now_s: float) -> None:
        if self.next is None:
            self.next = self.highest = number
        if number >= self.next:
            self.held.add(number)
            self.noticed.update((missing, now_s) for missing in range(self.highest + 1, number))
            self.highest = max(self.highest, number)

    def release(self, now_s: float, depth_s: float) -> list[tuple[int, int]]:
        ordered = []
        while self.held and self.next is not None:
            if self.next in self.held:
                self.held.remove(self.next)
                ordered.append((self.next, self.lacking))
                self.lacking = 0
            elif now_s >= self.noticed[self.next] + depth_s:
                self.lacking += 1
            else:
                break
            self.next += 1
        return ordered


networks = st.fixed_dictionaries(
    {
        "first": st.sampled_from([0, 1, 0xFFF0, 0x12345]),
        "count": st.integers(1, 120),
        "loss": st.sampled_from([0.0, 0.02, 0.3, 0.9]),
        "duplication": st.sampled_from([0.0, 0.1, 0.9]),
        "reordering_s": st.sampled_from([0.0, 0.002, 0.03, 0.3]),
        "seed": st.integers(0, 1 << 32),
    }
)


def arrivals(
    first: int, count: int, loss: float, duplication: float, reordering_s: float, seed: int
) -> list[tuple[float, int]]:
    dice = random.Random(seed)
    return sorted(
        (number * 0.003 + dice.uniform(0, reordering_s), number)
        for number in range(first, first + count)
        for copy in range(2)
        if dice.random() > loss and (not copy or dice.random() < duplication)
    )


@given(networks, st.booleans())
def test_any_network(network: dict[str, float], can_ask: bool) -> None:
    buffer, model = JitterBuffer(can_ask=can_ask), Model()
    came = arrivals(**network)  # type: ignore[arg-type]
    out: list[tuple[int, int]] = []
    out_at: dict[int, float] = {}

    def note(ordered: list[OrderedPacket], now_s: float) -> None:
        assert numbers(ordered) == model.release(now_s, buffer.depth_s)
        out.extend(numbers(ordered))
        out_at.update((number, now_s) for number, _ in numbers(ordered))

    for now_s, number in came:
        while (deadline_s := buffer.next_release_s()) is not None and deadline_s <= now_s:
            note(buffer.advance(deadline_s), deadline_s)
            buffer.take_due_nacks(deadline_s)
        model.push(number, now_s)
        note(buffer.push(packet(number), now_s), now_s)
    while (deadline_s := buffer.next_release_s()) is not None:
        note(buffer.advance(deadline_s), deadline_s)

    assert not len(buffer)
    for (before, _), (after, missing) in itertools.pairwise(out):
        assert after - before == missing + 1
    assert len(out) + buffer.late + buffer.duplicates == len(came)
    assert buffer.lost == sum(missing for _, missing in out)
    first_at = {number: at_s for at_s, number in reversed(came)}
    assert all(at_s - first_at[number] <= 0.2 + 1e-9 for number, at_s in out_at.items())
