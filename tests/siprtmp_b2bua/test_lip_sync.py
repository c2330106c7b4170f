"""Lip-sync of a call: what its parts are told, and the times that come of it."""

from __future__ import annotations

import pytest

from media_bridge.playout_clock import PlayoutClock
from media_bridge.rtp.events import SenderReportReceived
from siprtmp_b2bua.lip_sync import WALL_CLOCK_OFFSET_S, LipSync
from siprtmp_b2bua.pj_events import AudioArrival, AudioProgress, SentAudio

BEGAN_S = 1_700_000_000
NOW_S = 100.0
TICKS = 50


def playing(first_ms: int | None) -> PlayoutClock:
    """The clock of a queue after a second of ticks, the last of them now; the first one took `first_ms`."""
    playout = PlayoutClock(8000)
    if first_ms is not None:
        playout.note_push(0, first_ms)
    for number in range(TICKS):
        played = 0 if first_ms is None else 160 * (number + 1)
        playout.note_tick(played, NOW_S + (number + 1 - TICKS) / 50)
    return playout


def sent(sync: LipSync, playout: PlayoutClock) -> LipSync:
    """A packet was sent with each tick."""
    progress = AudioProgress(SentAudio(BEGAN_S + 0.9, 0, 160 * TICKS, 8000, TICKS), 0)
    sync.note_audio_progress(progress, playout)
    return sync


def test_pictures_are_due_with_the_audio_that_the_client_gets() -> None:
    """The audio is 50 ms behind, by its timestamps: what arrives now is due by as much earlier."""
    sync = LipSync()
    before_ms = sync.delay_ms
    sync.note_audio(1000, 1050.0)
    assert sync.delay_ms == before_ms - 50.0


def test_pictures_wait_as_long_as_the_audio_of_the_peer() -> None:
    sync, playout = LipSync(), PlayoutClock(8000)
    for waiting_ms in (40, 60, 40, 60):
        sync.note_audio_progress(AudioProgress(None, waiting_ms), playout)
    before_ms = sync.delay_ms
    for waiting_ms in (100, 120, 120, 100):
        sync.note_audio_progress(AudioProgress(None, waiting_ms), playout)
    assert sync.delay_ms == before_ms + 60.0


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


@pytest.mark.parametrize("first_ms", [4000, 3800, 4300])
def test_our_reports_name_the_moment_of_the_audio_of_the_same_time(first_ms: int) -> None:
    """The first frame went with the first tick, whose packet is of the first 20 ms of pjmedia's clock.

    Whether audio or video is sent late does not matter.
    """
    sync = sent(LipSync(), playing(first_ms))
    moment_s = sync.moment_s(5000, NOW_S) + WALL_CLOCK_OFFSET_S
    assert moment_s == pytest.approx(BEGAN_S + 0.02 + (5000 - first_ms) / 1000)


@pytest.mark.parametrize("first_ms", [None, 90_000], ids=["no audio", "another clock"])
def test_without_common_timestamps_arrival_counts(first_ms: int | None) -> None:
    sync = sent(LipSync(), playing(first_ms))
    moment_s = sync.moment_s(5000, NOW_S) + WALL_CLOCK_OFFSET_S
    assert moment_s == pytest.approx(BEGAN_S + 1.0, abs=0.02)


def test_before_the_reports_of_the_audio_are_known_ours_are_by_our_clock() -> None:
    assert LipSync().moment_s(5000, NOW_S) == pytest.approx(NOW_S, abs=0.02)
