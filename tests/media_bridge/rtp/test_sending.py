"""What the sender keeps and how it spreads packets: history, pacer, token bucket, RTCP's timer."""

from __future__ import annotations

import itertools
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.rtp.outbound_stream import OutboundStream
from media_bridge.rtp.pacer import BURST_PACKETS, INTERVAL_S, MAX_DELAY_S, MAX_QUEUED, Pacer
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp_schedule import RtcpSchedule
from media_bridge.rtp.send_history import HistoryLimits, SendHistory
from media_bridge.rtp.token_bucket import TokenBucket

# -- history


def test_a_packet_goes_out_again() -> None:
    history = SendHistory(0.0)
    for number in range(5):
        history.add(number, bytes([number]), 0.0)
    assert history.resend([3, 1, 3, 77], 0.1) == [b"\x03", b"\x01"]


def test_a_packet_goes_out_again_a_few_times() -> None:
    history = SendHistory(0.0, HistoryLimits(max_resends=2, min_interval_s=0.02))
    history.add(1, b"x", 0.0)
    assert history.resend([1], 0.1)
    assert not history.resend([1], 0.119), "the answer is on its way"
    assert history.resend([1], 0.121)
    assert not history.resend([1], 0.5)


@pytest.mark.parametrize(
    ("limits", "kept"), [(HistoryLimits(max_packets=3), 3), (HistoryLimits(max_bytes=250), 2)]
)
def test_the_history_is_bounded(limits: HistoryLimits, kept: int) -> None:
    history = SendHistory(0.0, limits)
    for number in range(10):
        history.add(number, bytes(100), 0.0)
    assert len(history) == kept
    assert len(history.resend(range(10), 0.1)) == kept


def test_old_packets_are_forgotten() -> None:
    history = SendHistory(0.0, HistoryLimits(max_age_s=1.0))
    history.add(1, b"x", 0.0)
    assert not history.resend([1], 1.01)
    history.add(2, b"x", 2.0)
    assert len(history) == 1


def test_what_a_peer_gets_again_is_bounded() -> None:
    history = SendHistory(0.0, HistoryLimits(max_bytes_per_second=1000))
    for number in range(20):
        history.add(number, bytes(100), 0.0)
    assert len(history.resend(range(20), 0.0)) == 5
    assert len(history.resend(range(20), 0.2)) == 2


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 300), st.floats(0, 0.5)), max_size=60))
def test_the_history_against_a_model(sent: list[tuple[int, int, float]]) -> None:
    limits = HistoryLimits(max_packets=8, max_bytes=900, max_age_s=1.0, max_resends=10**6, min_interval_s=0.0)
    history, model, now_s = SendHistory(0.0, limits), [], 0.0
    for number, size, pause_s in sent:
        now_s += pause_s
        model = [each for each in model if each[0] != number] + [(number, size, now_s)]
        while len(model) > 8 or sum(each[1] for each in model) > 900 or now_s - model[0][2] > 1.0:
            del model[0]
        history.add(number, bytes(size), now_s)
        assert len(history) == len(model)
        assert [len(data) for data in history.resend([each[0] for each in model], now_s)] == [
            each[1] for each in model
        ]


# -- pacer


def drain(pacer: Pacer, now_s: float) -> list[tuple[float, int]]:
    taken = [(now_s, len(pacer.take(now_s)))]
    while (at_s := pacer.next_deadline_s()) is not None:
        assert at_s > now_s
        now_s = at_s
        taken.append((now_s, len(pacer.take(now_s))))
    return taken


def test_a_small_picture_goes_at_once() -> None:
    pacer = Pacer()
    for _ in range(BURST_PACKETS):
        pacer.push(b"")
    assert drain(pacer, 1.0) == [(1.0, BURST_PACKETS)]


def test_a_key_picture_is_spread() -> None:
    pacer = Pacer()
    for _ in range(170):
        pacer.push(b"")
    taken = drain(pacer, 0.0)
    assert max(count for _, count in taken) == BURST_PACKETS
    assert taken[-1][0] == pytest.approx(18 * INTERVAL_S)


def test_no_packet_waits_for_long() -> None:
    pacer = Pacer()
    assert all(pacer.push(b"") for _ in range(MAX_QUEUED))
    assert not pacer.push(b"")
    taken = drain(pacer, 0.0)
    assert sum(count for _, count in taken) == MAX_QUEUED
    assert taken[-1][0] <= MAX_DELAY_S + INTERVAL_S


def test_packets_keep_their_order_and_turns_do_not_add_up() -> None:
    pacer = Pacer()
    for number in range(32):
        pacer.push(bytes([number]))
    first = pacer.take(0.0)
    assert pacer.take(0.001) == []
    assert [*first, *pacer.take(0.005), *pacer.take(5.0)] == [bytes([number]) for number in range(32)]


# -- token bucket


@given(
    st.lists(st.tuples(st.integers(1, 20), st.floats(0, 1)), max_size=60), st.floats(1, 100), st.floats(1, 50)
)
def test_a_bucket_never_gives_more(uses: list[tuple[int, float]], rate: float, burst: float) -> None:
    bucket, now_s, used = TokenBucket(rate, burst, 0.0), 0.0, 0
    for amount, pause_s in uses:
        now_s += pause_s
        used += amount if bucket.take(amount, now_s) else 0
        assert used <= burst + rate * now_s + 1e-6


def test_a_bucket_fills_again_and_no_clock_empties_it() -> None:
    bucket = TokenBucket(10, 5, 100.0)
    assert bucket.take(5, 100.0)
    assert not bucket.take(1, 50.0)
    assert bucket.take(1, 100.11)
    assert bucket.take(5, 1000.0)
    assert not bucket.take(1, 1000.0)


# -- the timer of RTCP


def intervals(bandwidth_bps: int, size: int, count: int = 2000) -> list[float]:
    schedule, now_s, found = RtcpSchedule(bandwidth_bps, 1.0, Random(1), 0.0), 0.0, []
    while len(found) < count:
        now_s = schedule.next_s
        if schedule.is_due(now_s):
            found.append(now_s)
            schedule.note_sent(size, now_s, regular=True)
    return [after - before for before, after in itertools.pairwise(found)]


@pytest.mark.parametrize(("bandwidth_bps", "average_s"), [(2_500_000, 1.0), (128_000, 2.8), (20_000, 5.0)])
def test_reports_come_by_the_minimum_interval(bandwidth_bps: int, average_s: float) -> None:
    found = intervals(bandwidth_bps, 80)
    assert all(0.5 * average_s / 1.22 <= each <= 1.5 * average_s / 1.21 for each in found)
    # Dividing by e - 3/2 (§6.3.1) makes up for what reconsideration adds, if not quite with two members.
    assert 0.8 * average_s < sum(found) / len(found) < 1.1 * average_s


def test_large_reports_are_rare() -> None:
    """20 kb/s allow 125 bytes of RTCP a second, and two share them."""
    found = intervals(20_000, 972)
    assert sum(found) / len(found) == pytest.approx(16, rel=0.2)


def test_the_first_report_may_leave_at_once() -> None:
    schedule = RtcpSchedule(1_000_000, 1.0, Random(1), 5.0)
    assert schedule.is_due(5.0)
    schedule.note_sent(80, 5.0, regular=True)
    assert not schedule.is_due(5.0)
    assert 0.2 < schedule.next_s - 5.0 < 1.3
    schedule.hasten(5.1)
    assert schedule.is_due(5.1)


def test_feedback_waits_for_the_bandwidth() -> None:
    schedule = RtcpSchedule(80_000, 1.0, Random(1), 0.0)  # 500 bytes of RTCP a second
    assert schedule.feedback_s == 0.0
    before_s = schedule.next_s
    schedule.note_sent(92, 1.0, regular=False)
    assert schedule.feedback_s == pytest.approx(1.0 + 2 * 120 / 500)
    assert schedule.next_s == before_s, "regular reports go on as they were"


def test_who_is_alone_reports_sooner() -> None:
    schedule = RtcpSchedule(1_000_000, 1.0, Random(1), 0.0)
    schedule.note_sent(80, 0.0, regular=True)
    before_s = schedule.next_s
    schedule.note_members(1, 0.1)
    assert schedule.next_s == pytest.approx(0.1 + (before_s - 0.1) / 2)


# -- the stream


def test_numbers_and_timestamps_wrap_around() -> None:
    stream = OutboundStream(90_000, 0xFFFFFFFF, Random(1))
    assert stream.sequence_number < 0x8000
    stream.sequence_number = 0xFFFF
    made = [RtpPacket.parse(stream.make_packet(96, b"abc", k == 1, 5 + k, 0.0)) for k in range(2)]
    assert [each.sequence_number for each in made] == [0xFFFF, 0]
    assert [each.timestamp for each in made] == [4, 5]
    assert [each.marker for each in made] == [False, True]


def test_a_sender_report_names_the_moment() -> None:
    stream = OutboundStream(90_000, 1000, Random(1))
    stream.make_packet(96, b"abc", True, 9000, 10.0)
    report = stream.sender_report(10.5, 0.0, ())
    assert report.rtp_timestamp == 1000 + 9000 + 45_000
    assert (report.packet_count, report.octet_count) == (1, 3)
    stream.map_timestamp(9000, 9.9)
    stream.make_packet(96, b"abc", True, 12_000, 10.6)
    assert stream.sender_report(10.9, 0.0, ()).rtp_timestamp == 1000 + 9000 + 90_000


def test_a_new_stream_counts_anew() -> None:
    stream = OutboundStream(90_000, None, Random(1))
    stream.make_packet(96, b"abc", True, 0, 0.0)
    before = stream.ssrc
    stream.restart()
    assert stream.ssrc not in {before, 0}
    assert (stream.packet_count, stream.octet_count, stream.last_sent_s) == (0, 0, -math.inf)
