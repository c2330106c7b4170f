"""When things were due, from when they arrive."""

import random

from hypothesis import given
from hypothesis import strategies as st

from media_bridge.arrival_clock import ArrivalClock

FRAME_MS = 40.0


def test_the_least_delayed_arrival_counts() -> None:
    """Queues add up to 80 ms; what comes out is as even as what went in."""
    noise = random.Random(1)
    clock = ArrivalClock()
    placed = [
        clock.place(number * FRAME_MS, 1000 + number * FRAME_MS + noise.uniform(0, 80))
        for number in range(500)
    ]
    settled = placed[250:]
    errors = [at - 1000 - (number + 250) * FRAME_MS for number, at in enumerate(settled)]
    assert max(errors) < 5
    assert min(errors) >= 0


def test_a_late_beginning_is_soon_forgotten() -> None:
    """What came in the first 300 ms waited for somebody to listen, and comes at once; times never go back."""
    clock = ArrivalClock()
    placed = [clock.place(number * FRAME_MS, max(300.0, number * FRAME_MS)) for number in range(50)]
    assert placed == sorted(placed)
    assert placed[0] == 300
    assert placed[40] - 40 * FRAME_MS < 1


def test_a_drifting_clock_is_followed() -> None:
    clock = ArrivalClock()
    for number in range(25 * 600):
        now_ms = number * FRAME_MS * 1.0005  # 500 ppm slow: 300 ms in ten minutes
        placed = clock.place(number * FRAME_MS, now_ms)
    assert abs(placed - now_ms) < 10


def test_a_pause_of_the_source_is_not_made_up_for() -> None:
    clock = ArrivalClock()
    for number in range(100):
        clock.place(number * FRAME_MS, number * FRAME_MS)
    assert clock.place(100 * FRAME_MS, 100 * FRAME_MS + 5000) == 100 * FRAME_MS + 5000
    assert clock.place(0, 20_000) == 20_000


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 390)), min_size=1, max_size=200))
def test_nothing_is_placed_after_its_arrival_by_more_than_the_first_was_late(
    steps: list[tuple[float, float]],
) -> None:
    clock, source_ms = ArrivalClock(), 0.0
    for step, late in steps:
        source_ms += step
        placed = clock.place(source_ms, source_ms + late)
        assert source_ms - 1e-6 <= placed <= source_ms + 390
