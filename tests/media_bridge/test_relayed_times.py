"""Times of one stream on another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.relayed_times import RelayedTimes


def placed(*arrivals: tuple[int, int]) -> list[int]:
    times = RelayedTimes()
    return [times.place(source_ms, now_ms) for source_ms, now_ms in arrivals]


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ([(7000, 500), (7020, 519), (7040, 545)], [500, 520, 540]),
        ([(0, 0), (20, 5000), (40, 5000), (5000, 5000)], [0, 20, 40, 5000]),  # a burst after a stall
        ([(0, 0), (20, 0), (40, 0), (60, 0)], [0, 20, 40, 60]),  # faster than real time
        ([(0, 0), (30_000, 30_000), (30_020, 30_020)], [0, 30_000, 30_020]),  # a pause
        ([(100, 0), (60, 0), (120, 20)], [0, 0, 20]),  # pictures behind the sound
        ([(0xFFFFFFF6, 100), (10, 120), (30, 140)], [100, 120, 140]),  # the sender's 32 bits wrap around
        ([(0, 100), (20, 120), (90_000, 140), (90_020, 160)], [100, 120, 140, 160]),  # a jump ahead
        ([(90_000, 100), (90_020, 120), (0, 300), (20, 320)], [100, 120, 300, 320]),  # the sender begins anew
    ],
)
def test_where_messages_are_placed(arrivals: list[tuple[int, int]], expected: list[int]) -> None:
    assert placed(*arrivals) == expected


def test_another_stream_goes_on_from_now() -> None:
    times = RelayedTimes()
    times.place(500, 0)
    times.restart()
    assert times.place(520, 300) == 300


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 10_000))))
def test_they_never_go_back(arrivals: list[tuple[int, int]]) -> None:
    now_ms, seen = 0, []
    times = RelayedTimes()
    for source_ms, waited_ms in arrivals:
        now_ms += waited_ms
        seen.append(times.place(source_ms, now_ms))
    assert seen == sorted(seen)
