from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.backoff import Backoff, BackoffPolicy
from rtmp.errors import LocalProtocolError


def test_waits_grow_to_the_longest() -> None:
    backoff = Backoff(BackoffPolicy(first_s=1, factor=3, longest_s=20, jitter=0))
    assert [backoff.failed(0, 0.7) for _ in range(5)] == [1, 3, 9, 20, 20]
    assert backoff.attempts == 5


def test_chance_shortens_a_wait() -> None:
    waits = [Backoff(BackoffPolicy(first_s=2, jitter=0.5)).failed(0, chance) for chance in (0, 0.5, 1)]
    assert waits == [2, 1.5, 1]


def test_attempts_end() -> None:
    backoff = Backoff(BackoffPolicy(first_s=1, max_attempts=3))
    assert [backoff.failed(0, 0) for _ in range(3)] == [1, 2, None]
    assert Backoff(BackoffPolicy(max_attempts=1)).failed(0, 0) is None


def test_only_a_success_that_lasts_starts_again() -> None:
    backoff = Backoff(BackoffPolicy(first_s=1, max_attempts=4, stable_s=10))
    assert backoff.failed(0, 0) == 1
    backoff.succeeded(5)
    assert backoff.failed(14.9, 0) == 2
    backoff.succeeded(20)
    assert backoff.failed(30, 0) == 1
    assert backoff.attempts == 1
    assert [backoff.failed(100, 0) for _ in range(3)] == [2, 4, None]


@pytest.mark.parametrize("options", [{"first_s": -1}, {"first_s": 31}, {"factor": 0.5}, {"jitter": 1.5}])
def test_nonsense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(LocalProtocolError):
        BackoffPolicy(**options)  # type: ignore[arg-type]


@given(st.floats(0, 30), st.floats(1, 1e300), st.floats(0, 1), st.lists(st.floats(0, 1), max_size=50))
def test_waits_stay_in_their_bounds(
    first_s: float, factor: float, jitter: float, chances: list[float]
) -> None:
    backoff = Backoff(BackoffPolicy(first_s=first_s, factor=factor, jitter=jitter))
    for chance in chances:
        wait_s = backoff.failed(0, chance)
        assert wait_s is not None
        assert 0 <= wait_s <= 30
