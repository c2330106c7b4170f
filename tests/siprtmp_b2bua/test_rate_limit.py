"""The rate limit counts what falls into its window."""

from siprtmp_b2bua.rate_limit import RateLimit


def test_so_many_in_any_window() -> None:
    limit = RateLimit(3, 1.0)
    assert [limit.take(now) for now in (0.0, 0.5, 0.9, 0.95)] == [True, True, True, False]
    assert limit.take(1.0)  # the first one no longer counts
    assert not limit.take(1.4)
    assert limit.recent(1.4) == 3


def test_several_at_once_are_all_or_none() -> None:
    limit = RateLimit(3, 1.0)
    assert limit.take(0.0, 2)
    assert not limit.take(0.0, 2)
    assert limit.take(0.0, 1)
