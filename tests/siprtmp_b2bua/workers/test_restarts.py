"""When a dead worker is started again."""

from __future__ import annotations

from siprtmp_b2bua.workers.restarts import Restarts


def next_start_s(restarts: Restarts, now_s: float) -> float:
    return next(now_s + tenths / 10 for tenths in range(10_000) if restarts.may_start(1, now_s + tenths / 10))


def test_a_crash_loop_backs_off_to_half_a_minute() -> None:
    restarts, now_s, waits = Restarts(), 100.0, []
    for _ in range(10):
        restarts.started(1, now_s)
        died_s = now_s + 1.0
        restarts.failed(1, died_s)
        now_s = next_start_s(restarts, died_s)
        waits.append(round(now_s - died_s, 1))
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert restarts.may_start(2, 100.0)


def test_one_that_lived_long_is_replaced_at_once() -> None:
    restarts = Restarts()
    for start_s in (0.0, 1.0, 2.0):
        restarts.started(1, start_s)
        restarts.failed(1, start_s + 0.5)
    restarts.started(1, 10.0)
    restarts.failed(1, 50.0)
    assert restarts.may_start(1, 50.0)
