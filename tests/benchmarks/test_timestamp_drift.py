"""What `benchmarks/churn.py` says of timestamps."""

import random

import pytest

from benchmarks.timestamp_drift import TimestampDrift


def measured(seconds: int, *, rate: float = 1.0, jump_ms: int = 0) -> TimestampDrift:
    """Messages that come 20 ms apart and up to 15 ms late; half-way their timestamps jump."""
    drift, late = TimestampDrift(), random.Random(1)
    for number in range(seconds * 50):
        jumped_ms = jump_ms if number > seconds * 25 else 0
        timestamp_ms = int(number * 20 * rate) + jumped_ms
        drift.note(timestamp_ms, 1000.0 + number * 0.02 + late.random() * 0.015)
    return drift


def test_lateness_is_no_drift() -> None:
    assert measured(600).is_within(1.0)


@pytest.mark.parametrize("jump_ms", [-40, 40])
def test_a_jump_is(jump_ms: int) -> None:
    assert not measured(60, jump_ms=jump_ms).is_within(38.0)
    assert measured(60, jump_ms=jump_ms).is_within(42.0)


def test_a_slow_clock_is() -> None:
    drift = measured(600, rate=0.9999)
    assert not drift.is_within(50.0)
    assert str(drift) == "58.0 ms from the clock at most, in 591 s"


@pytest.mark.parametrize("seconds", [0, 5, 15])
def test_too_few_messages_say_nothing(seconds: int) -> None:
    drift = measured(seconds)
    assert not drift.is_within(1000.0)
    assert str(drift) == "too few to say how far they drift"
