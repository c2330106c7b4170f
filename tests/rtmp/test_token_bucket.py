"""The token bucket against a simulation of what it promises."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from rtmp.token_bucket import TokenBucket


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = TokenBucket(10.0, 20.0, 100.0)
    assert bucket.mark == 20
    assert bucket.wait(20, 100.0) == 0
    assert bucket.wait(25, 100.0) == 0.5
    assert bucket.wait(25, 100.4) > 0
    assert bucket.wait(25, 100.5) == 0
    assert bucket.mark == 25
    assert bucket.wait(25, 1000.0) == 0
    assert bucket.mark == 45, "a rest saves up one burst, not more"


def test_a_rate_of_nothing_allows_everything() -> None:
    bucket = TokenBucket(0.0, 0.0, 0.0)
    assert bucket.wait(10**12, 0.0) == 0
    assert bucket.mark == math.inf


def test_a_clock_that_goes_back_does_no_harm() -> None:
    bucket = TokenBucket(10.0, 10.0, 100.0)
    assert bucket.wait(15, 50.0) == 0.5


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 2)), min_size=1),
    st.floats(1, 100),
    st.floats(1, 200),
)
def test_who_waits_as_told_never_exceeds_the_rate(
    uses: list[tuple[int, float]], rate: float, burst: float
) -> None:
    bucket, now, total = TokenBucket(rate, burst, 0.0), 0.0, 0
    largest = max(amount for amount, _ in uses)
    for amount, rest in uses:
        now += rest
        total += amount
        if total > bucket.mark:
            now += bucket.wait(total, now)
        assert total <= 2 * burst + rate * now + largest + 1e-6
