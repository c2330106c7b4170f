"""How late media arrive by their sender reports, and when those are not to be believed."""

from __future__ import annotations

import pytest

from media_bridge.rtp.stream_clock import StreamClock, skew_ms

PEER_UNIX_S = 1_700_000_000.0
"""The peer's time of day when our clock says 0."""


def stream(
    rate_hz: int, late_s: float, *, first: int = 0, report_late_s: float = 0.02, clock_s: float = PEER_UNIX_S
) -> StreamClock:
    """Ten seconds of a stream: a report each second, a packet each 20 ms, a few of which come even later."""
    clock = StreamClock(rate_hz)
    for number in range(500):
        at_s = number / 50
        timestamp = round(first + at_s * rate_hz) % (1 << 32)
        if number % 50 == 0:
            clock.note_report(7, clock_s + at_s, timestamp, at_s + report_late_s)
        clock.note_packet(7, timestamp, at_s + late_s + (0.03 if number % 5 else 0.0))
    return clock


def test_how_late_a_stream_is() -> None:
    clock = stream(8000, 0.1)
    assert clock.late_ms == pytest.approx(100 - 1000 * PEER_UNIX_S, abs=5)
    assert clock.reports_late_ms == pytest.approx(20 - 1000 * PEER_UNIX_S, abs=1)


@pytest.mark.parametrize("late_s", [-0.2, 0.0, 0.15])
def test_by_how_much_the_video_is_later(late_s: float) -> None:
    audio, video = stream(8000, 0.3), stream(90_000, 0.3 + late_s)
    assert skew_ms(audio, video) == pytest.approx(1000 * late_s, abs=2)


def test_timestamps_may_wrap_around() -> None:
    audio, video = stream(8000, 0.1, first=(1 << 32) - 9000), stream(90_000, 0.2, first=(1 << 32) - 400_000)
    assert skew_ms(audio, video) == pytest.approx(100, abs=2)


def test_reports_of_two_clocks_say_nothing() -> None:
    """Those of pjsip 2.15, which leave out the milliseconds of when each stream began."""
    assert skew_ms(stream(8000, 0.1), stream(90_000, 0.1, clock_s=PEER_UNIX_S - 0.36)) == 0.0


def test_a_skew_that_no_sender_has_says_nothing() -> None:
    assert skew_ms(stream(8000, 0.1), stream(90_000, 1.3)) == 0.0


def test_without_reports_nothing_is_known() -> None:
    silent = StreamClock(90_000)
    silent.note_packet(7, 1000, 1.0)
    assert silent.late_ms is None
    assert skew_ms(stream(8000, 0.1), silent) == skew_ms(silent, stream(8000, 0.1)) == 0.0


def test_another_source_begins_anew() -> None:
    clock = stream(8000, 0.1)
    clock.note_report(8, PEER_UNIX_S, 0, 11.0)
    assert clock.late_ms is None
    clock.note_packet(7, 0, 11.0)
    assert clock.late_ms is None
    clock.note_packet(8, 0, 11.5)
    assert clock.late_ms == pytest.approx(11_500 - 1000 * PEER_UNIX_S)
