"""When a client's audio is played, on a simulated time line of client, queue and bridge."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from media_bridge.frames import frame_bytes
from media_bridge.pcm_queue import PcmQueue
from media_bridge.playout_clock import PlayoutClock

RATE_HZ = 8000
FRAME = frame_bytes(RATE_HZ)
SILENCE = bytes(FRAME)


class Bridge:
    """A client that sends frames at their times but for what makes it late, and ticks between them."""

    def __init__(self, late_ms: Callable[[int], float] = lambda _: 0.0) -> None:
        self.queue, self.clock = PcmQueue(RATE_HZ), PlayoutClock(RATE_HZ)
        self._late_ms = late_ms
        self._next_ms = 0

    def run(self, frames: int) -> list[float]:
        """Play for so long; return what is said of the moment 0 of the client after each tick."""
        said = []
        for _ in range(frames):
            tick_ms = 20 * (self.clock.count_ticks() + 1)
            while self._next_ms + self._late_ms(self._next_ms) < tick_ms - 10:
                self.clock.note_push(self.queue.pushed_samples, self._next_ms)
                self.queue.push(SILENCE)
                self._next_ms += 20
            self.queue.take(FRAME)
            self.clock.note_tick(self.queue.played_samples, tick_ms / 1000)
            played_ms = self.clock.played_at(0)
            said += [] if played_ms is None else [played_ms]
        return said


def test_before_anything_was_played() -> None:
    clock = PlayoutClock(RATE_HZ)
    clock.note_push(0, 0)
    clock.note_tick(0, 100.0)
    assert clock.played_at(0) is None
    assert clock.count_ticks() == 1
    assert clock.at(100.5) == pytest.approx(520)


def test_a_steady_client() -> None:
    """What it sends at 0 is taken with the first tick, on the bridge's clock at 20 ms."""
    assert set(Bridge().run(200)) == {20.0}


@pytest.mark.parametrize("frames_late", [1, 4])
def test_the_queue_of_a_client_that_was_late(frames_late: int) -> None:
    """It is longer from then on, and some seconds later it is cut to a quarter of a frame."""
    bridge = Bridge(lambda sent_ms: 20.0 * frames_late if sent_ms >= 1000 else 0.0)
    before = bridge.run(50)
    during = bridge.run(100)
    assert before[-1] == 20.0
    assert set(during[frames_late:]) == {20.0 + 20 * frames_late}


def test_the_queue_after_a_moment_of_lateness() -> None:
    """The frames from 1000 to 1060 ms come together; the surplus goes where it is not heard."""
    bridge = Bridge(lambda sent_ms: max(0.0, 1060.0 - sent_ms) if sent_ms >= 1000 else 0.0)
    said = bridge.run(400)
    assert max(said) == 80.0
    assert said[-1] == pytest.approx(25.0, abs=8)
    assert sum(before != after for before, after in pairwise(said)) == 2


def test_a_pause_between_sentences() -> None:
    """Timestamps go on as time does, though nothing is pushed."""
    bridge = Bridge()
    bridge.run(50)
    bridge._next_ms += 3000
    assert bridge.run(300)[-1] == 20.0


def test_late_ticks_are_those_that_came_in_time() -> None:
    clock = PlayoutClock(RATE_HZ)
    for number in range(1, 200):
        clock.note_push(160 * (number - 1), 20 * (number - 1))
        clock.note_tick(160 * number, 50.0 + 0.02 * number + 0.007 * (number % 3))
    assert clock.at(60.0) == pytest.approx(10_000, abs=1)
    assert clock.played_at(1000) == 1020
