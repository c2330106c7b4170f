"""When which part of a recording is due, and where what follows it begins."""

from __future__ import annotations

from math import inf

from rtmp.recording.play_clock import PlayClock
from rtmp.recording.play_end import START_OF_STREAM, PlayEnd
from rtmp.recording.play_schedule import PlaySchedule


def test_the_clock() -> None:
    clock = PlayClock()
    assert clock.position_ms(50.0) == 0
    clock.run(100.0)
    assert clock.position_ms(101.5) == 1500
    clock.move(5000, 102.0)
    assert clock.position_ms(103.0) == 6000
    clock.stand(103.0)
    clock.move(2000, 110.0)
    assert clock.position_ms(120.0) == 2000
    clock.run(120.0)
    clock.run(121.0)
    assert clock.position_ms(122.0) == 4000


def test_what_follows_is_due_once_the_client_has_played_what_was_before() -> None:
    end = PlayEnd.after(1960, ahead_ms=1500, at_s=10.0)
    assert end.time_ms == 2000
    assert end.left_ms(11.0) == 500
    assert end.left_ms(12.0) == 0
    schedule = PlaySchedule(inf, 1000, 60_000)
    schedule.run(11.0)
    schedule.begin(0, end, 11.0)
    assert schedule.until_ms(11.0) == 500
    assert schedule.wait_s(800, 11.0) == 0.3
    assert schedule.ahead_ms(500, 11.0) == 1000


def test_a_pause_and_a_client_that_waits_for_more() -> None:
    schedule = PlaySchedule(5000, 1000, 2000)
    schedule.run(0.0)
    schedule.begin(0, START_OF_STREAM, 0.0)
    assert schedule.until_ms(4.5) == 5000
    schedule.stand(3000, 4.5)  # it was sent no more than that
    assert schedule.ahead_ms(3000, 9.0) == 0
    schedule.run(10.0)
    assert schedule.until_ms(10.5) == 4500
    schedule.set_buffer(60_000)
    assert schedule.buffer_ms == 2000
    schedule.set_buffer(0)
    assert schedule.buffer_ms == 100


def test_all_at_once() -> None:
    schedule = PlaySchedule(5000, inf, 2000)
    schedule.set_buffer(100)
    assert schedule.until_ms(0.0) == 5000
    assert schedule.wait_s(4000, 0.0) < 0
