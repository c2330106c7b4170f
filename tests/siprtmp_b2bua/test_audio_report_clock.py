"""The clock of pjmedia's sender reports, from how far its stream is."""

from __future__ import annotations

import pytest

from siprtmp_b2bua.audio_report_clock import AudioReportClock
from siprtmp_b2bua.pj_events import SentAudio

RATE_HZ = 8000
BEGAN_S = 1_700_000_000.36


def sent(now_s: float, *, begins_s: float, first: int = 0, began_s: float = BEGAN_S) -> SentAudio:
    """A stream whose first packet went at `begins_s`, one each 20 ms."""
    packets = int((now_s - begins_s) * 50) + 1
    return SentAudio(began_s, first, (first + 160 * packets) % (1 << 32), RATE_HZ, now_s)


@pytest.mark.parametrize("pause_s", [0.02, 2.5])
@pytest.mark.parametrize("first", [0, (1 << 32) - 1000])
def test_the_pause_before_the_first_packet_and_the_milliseconds_are_left_out(
    pause_s: float, first: int
) -> None:
    """pjmedia says of the packet with timestamp `first + n` that it is of the whole second and n / rate."""
    clock, made_s = AudioReportClock(), 50.0
    begins_s = made_s + pause_s
    for look in range(40):
        now_s = begins_s + 0.01 + 0.507 * look
        offset_s = clock.offset_s(sent(now_s, begins_s=begins_s, first=first))
    assert offset_s == pytest.approx(int(BEGAN_S) + 0.02 - begins_s, abs=0.003)


def test_another_stream_has_another_clock() -> None:
    clock = AudioReportClock()
    clock.offset_s(sent(60.0, begins_s=50.0))
    offset_s = clock.offset_s(sent(70.0, begins_s=69.0, first=5000, began_s=BEGAN_S + 19))
    assert offset_s == pytest.approx(int(BEGAN_S) + 19 + 0.02 - 69.0, abs=0.003)
