"""The clock of pjmedia's sender reports, from how far its stream is."""

from __future__ import annotations

import pytest

from siprtmp_b2bua.audio_report_clock import AudioReportClock
from siprtmp_b2bua.pj_events import SentAudio

RATE_HZ = 8000
BEGAN_S = 1_700_000_000.36


def sent(ticks: int, *, packets: int, first: int = 0, began_s: float = BEGAN_S) -> SentAudio:
    """A stream that has sent so many packets."""
    return SentAudio(began_s, first, (first + 160 * packets) % (1 << 32), RATE_HZ, ticks)


@pytest.mark.parametrize("earlier", [0, 7])
@pytest.mark.parametrize("first", [0, (1 << 32) - 1000])
def test_the_pause_before_the_first_packet_and_the_milliseconds_are_left_out(
    earlier: int, first: int
) -> None:
    """pjmedia says of the packet with timestamp `first + n` that it is of the whole second and n / rate.

    The port came when the stream had sent `earlier` packets.
    """
    clock = AudioReportClock()
    clock.note(sent(100, packets=100 + earlier, first=first))
    assert clock.unix_s(2000.0) == pytest.approx(int(BEGAN_S) + 2.0 + 0.02 * earlier)


def test_one_bad_reading_does_not_count() -> None:
    """In the first one the last tick's packet was not sent yet."""
    clock = AudioReportClock()
    for lag in (1, 0, 0, 1, 0):
        clock.note(sent(100, packets=100 - lag))
    assert clock.unix_s(2000.0) == pytest.approx(int(BEGAN_S) + 2.0)


def test_a_stream_that_goes_on_without_the_port() -> None:
    clock = AudioReportClock()
    for _ in range(5):
        clock.note(sent(100, packets=100))
    for _ in range(3):
        clock.note(sent(200, packets=250))
    assert clock.unix_s(4000.0) == pytest.approx(int(BEGAN_S) + 5.0)


def test_another_stream_has_another_clock() -> None:
    clock = AudioReportClock()
    clock.note(sent(500, packets=500))
    clock.note(sent(500, packets=3, first=5000, began_s=BEGAN_S + 19))
    assert clock.unix_s(10_000.0) == pytest.approx(int(BEGAN_S) + 19 + 0.06)


def test_nothing_is_known_without_a_reading() -> None:
    clock = AudioReportClock()
    assert clock.unix_s(0.0) is None
    clock.note(sent(1, packets=1))
    clock.restart()
    assert clock.unix_s(0.0) is None
