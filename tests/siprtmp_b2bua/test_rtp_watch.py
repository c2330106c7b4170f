"""When a peer counts as gone."""

from siprtmp_b2bua.rtp_watch import wait_for_silence


async def test_only_a_peer_that_is_silent_for_the_whole_time_is_gone() -> None:
    counts = [1, 2, 2, 2, 2, 3, 3, 3, 3, 3]
    asked: list[int] = []

    async def count() -> int:
        asked.append(counts.pop(0))
        return asked[-1]

    await wait_for_silence(count, lambda: False, 0.01)
    assert asked == [1, 2, 2, 2, 2, 3, 3, 3, 3, 3]


async def test_nobody_is_heard_while_on_hold() -> None:
    holds = [True] * 10 + [False] * 10

    async def count() -> int:
        return 5

    await wait_for_silence(count, lambda: holds.pop(0), 0.01)
    assert len(holds) == 6
