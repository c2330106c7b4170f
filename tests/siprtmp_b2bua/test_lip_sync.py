"""Lip-sync of a call: what its parts are told, and the times that come of it."""

from __future__ import annotations

import pytest

from media_bridge.rtp.events import SenderReportReceived
from siprtmp_b2bua.lip_sync import WALL_CLOCK_OFFSET_S, LipSync
from siprtmp_b2bua.pj_events import AudioArrival, SentAudio


def test_pictures_are_due_with_the_audio_that_the_client_gets() -> None:
    """The audio is 50 ms behind, by its timestamps: what arrives now is due by as much earlier."""
    sync = LipSync()
    before_ms = sync.delay_ms
    sync.note_audio(1000, 1050.0)
    assert sync.delay_ms == before_ms - 50.0


@pytest.mark.parametrize("late_s", [0.15, -0.1])
def test_pictures_that_the_peer_sends_late_are_due_earlier(late_s: float) -> None:
    sync = LipSync()
    before_ms = sync.delay_ms
    for number in range(100):
        now_s = number / 25
        if number % 25 == 0:
            sync.note_audio_arrival(AudioArrival(1, 320 * number, now_s, 1e9 + now_s), 8000)
            sync.note_video_report(SenderReportReceived(2, 1e9 + now_s, 3600 * number), now_s)
        sync.note_audio_arrival(AudioArrival(1, 320 * number, now_s + 0.2), 8000)
        sync.note_picture(2, 3600 * number, now_s + 0.2 + late_s)
    assert sync.delay_ms == pytest.approx(before_ms - 1000 * late_s, abs=2)


def test_our_reports_are_on_the_clock_of_the_audio() -> None:
    sync = LipSync()
    plain_s = sync.moment_s(0, 100.0)
    sync.note_sent_audio(SentAudio(1_700_000_000.9, 0, 160, 8000, 100.0))
    shift_s = 1_700_000_000 + 0.02 - 100.0 - WALL_CLOCK_OFFSET_S
    assert sync.moment_s(40, 100.04) == pytest.approx(plain_s + 0.04 + shift_s)
