"""What RFC 3550 counts, against its formulas written down a second time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.rtp.ntp import compact_ntp, to_compact, to_ntp
from media_bridge.rtp.receive_statistics import (
    MAX_DROPOUT,
    MAX_MISORDER,
    PROBATION,
    ReceiveStatistics,
    Verdict,
)
from media_bridge.rtp.round_trip import RoundTrip
from media_bridge.rtp.rtcp_reports import ReportBlock

RATE = 90_000


def valid(sequence_number: int = 0) -> ReceiveStatistics:
    return ReceiveStatistics(1, sequence_number, RATE, 0)


def test_probation() -> None:
    statistics = ReceiveStatistics(1, 10, RATE, PROBATION)
    assert statistics.note_sequence(20) is Verdict.PROBATION, "not in a row"
    assert not statistics.is_valid
    assert statistics.note_sequence(21) is Verdict.VALID
    assert statistics.is_valid
    assert (statistics.received, statistics.expected, statistics.lost) == (2, 2, 0)


@pytest.mark.parametrize("first", [0xFFFE, 0xFFFF, 0])
def test_sequence_numbers_that_wrap_around(first: int) -> None:
    statistics = ReceiveStatistics(1, first, RATE, PROBATION)
    for k in range(1, 5):
        statistics.note_sequence(first + k & 0xFFFF)
    assert (statistics.received, statistics.expected, statistics.highest_sequence) == (5, 5, first + 4)


def test_a_restart_takes_two_packets_in_a_row() -> None:
    statistics = valid(100)
    far = 100 + MAX_DROPOUT
    assert statistics.note_sequence(far) is Verdict.STRAY
    assert statistics.note_sequence(far + 7) is Verdict.STRAY
    assert statistics.note_sequence(101) is Verdict.VALID, "the stream itself goes on"
    assert statistics.note_sequence(far + 8) is Verdict.RESTARTED
    assert (statistics.received, statistics.expected, statistics.highest_sequence) == (2, 2, far + 8)


def test_what_is_stray_and_what_is_not() -> None:
    statistics = valid(1000)
    assert statistics.note_sequence(1000 + MAX_DROPOUT - 1) is Verdict.VALID
    assert statistics.note_sequence(1000 + MAX_DROPOUT - MAX_MISORDER) is Verdict.VALID
    assert statistics.note_sequence(1000 + MAX_DROPOUT - MAX_MISORDER - 2) is Verdict.STRAY


def test_a_packet_of_a_key_picture_that_comes_again_is_no_restart() -> None:
    statistics = valid(0)
    for number in range(1, 400):
        statistics.note_sequence(number)
    assert statistics.note_sequence(20) is statistics.note_sequence(21) is Verdict.VALID


def test_the_fraction_is_of_the_time_since_the_last_report() -> None:
    statistics = valid(0)
    for number in (1, 2, 5, 6, 7):
        statistics.note_sequence(number)
    first = statistics.report(0x1234, 99)
    assert first == ReportBlock(1, 2 * 256 // 8, 2, 7, 0, 0x1234, 99)
    for number in (8, 9):
        statistics.note_sequence(number)
    assert (statistics.report(0, 0).fraction_lost, statistics.lost) == (0, 2)
    for number in (9, 9, 9):
        statistics.note_sequence(number)
    last = statistics.report(0, 0)
    assert (last.fraction_lost, last.cumulative_lost) == (0, -1), "duplicates are received, too"


def test_the_loss_is_bounded() -> None:
    statistics = valid(0)
    number = 0
    for _ in range(3000):
        number = number + MAX_DROPOUT - 1 & 0xFFFF
        statistics.note_sequence(number)
    assert statistics.lost == (1 << 23) - 1
    assert statistics.report(0, 0).fraction_lost == 255


@given(st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=1, max_size=300))
def test_loss_as_appendix_a3_has_it(first: int, arrives: list[bool]) -> None:
    statistics = valid(first)
    for k, does in enumerate(arrives, 1):
        if does:
            assert statistics.note_sequence(first + k & 0xFFFF) is Verdict.VALID
    last = max((k for k, does in enumerate(arrives, 1) if does), default=0)
    lost = last - sum(arrives)
    block = statistics.report(0, 0)
    assert (block.cumulative_lost, block.highest_sequence) == (lost, first + last)
    assert block.fraction_lost == lost * 256 // (last + 1)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1 << 20)), min_size=2, max_size=50),
    st.integers(0, (1 << 32) - 1),
)
def test_jitter_as_appendix_a8_has_it(arrivals: list[tuple[float, int]], offset: int) -> None:
    statistics = valid()
    now_s = timestamp = 0
    jitter, before = 0.0, None
    for pause_s, step in arrivals:
        now_s += pause_s
        timestamp += step
        statistics.note_arrival(timestamp + offset & 0xFFFFFFFF, now_s)
        transit = round(now_s * RATE) - timestamp
        if before is not None:
            jitter += (abs(transit - before) - jitter) / 16
        before = transit
    assert statistics.jitter == pytest.approx(jitter)
    assert statistics.report(0, 0).jitter == int(statistics.jitter)


# -- round trips


def block_about(sent_s: float, held_s: float) -> ReportBlock:
    return ReportBlock(1, 0, 0, 0, 0, compact_ntp(to_ntp(sent_s)), to_compact(held_s))


def test_the_example_of_the_rfc() -> None:
    """RFC 3550 §6.4.1, figure 2."""
    trip = RoundTrip()
    trip.note(ReportBlock(1, 0, 0, 0, 0, 0xB7052000, 0x00054000), 0x0000_B710_8000_0000)
    assert trip.seconds == 6.125


@given(st.floats(1e9, 4e9), st.floats(0, 5), st.floats(0, 5))
def test_round_trips(sent_s: float, held_s: float, trip_s: float) -> None:
    trip = RoundTrip()
    trip.note(block_about(sent_s, held_s), to_ntp(sent_s + held_s + trip_s))
    assert trip.seconds == pytest.approx(trip_s, abs=0.0001)


def test_rounding_below_nothing() -> None:
    """So it is on one machine, whose peer may count from a moment before the report has come."""
    trip = RoundTrip()
    trip.note(block_about(100.0, 1.001), to_ntp(101.0))
    assert trip.seconds == 0.0


def test_what_cannot_be() -> None:
    trip = RoundTrip()
    trip.note(ReportBlock(1, 0, 0, 0, 0, 0, 0), to_ntp(100.0))
    trip.note(block_about(100.0, 1.0), to_ntp(100.5))
    trip.note(block_about(100.0, 1.0), to_ntp(1000.0))
    assert trip.seconds is None


def test_it_is_smoothed() -> None:
    trip = RoundTrip()
    trip.note(block_about(100.0, 0.0), to_ntp(100.1))
    trip.note(block_about(200.0, 0.0), to_ntp(200.9))
    assert trip.seconds == pytest.approx(0.2, abs=0.001)
