"""What workers are told of the number of calls that they have together. There are no processes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from siprtmp_b2bua.workers import reports
from siprtmp_b2bua.workers.commands import TakeNoCalls
from tests.interop.peers.polling import until
from tests.siprtmp_b2bua.workers.gang import Gang, MakeGang, make_gang

__all__ = ["make_gang"]


async def with_two(make_gang: MakeGang, max_calls: int | None) -> Gang:
    """Two workers."""
    gang = make_gang(least=2)
    gang.crew.size = replace(gang.crew.size, max_calls=max_calls)
    await gang.begin()
    return gang


async def has_calls(gang: Gang, number: int, calls: int) -> None:
    """Have a worker report how many calls it has."""
    gang.ends[number].send(reports.pack(reports.Beat(is_overloaded=False, calls=calls)))
    await until(lambda: gang.crew.workers[number].calls == calls, "the report to come")


def told(gang: Gang, number: int) -> list[bool]:
    """What a worker has been told since the last time."""
    return [command.is_full for command in gang.told(number, TakeNoCalls)]


async def test_all_hear_that_there_are_as_many_as_may_be_and_when_there_are_fewer(
    make_gang: MakeGang,
) -> None:
    gang = await with_two(make_gang, 3)
    await has_calls(gang, 1, 2)
    assert told(gang, 1) == told(gang, 2) == []
    await has_calls(gang, 2, 1)
    await has_calls(gang, 2, 2)
    assert told(gang, 1) == told(gang, 2) == [True]
    await has_calls(gang, 1, 0)
    assert told(gang, 1) == told(gang, 2) == [False]


async def test_the_calls_of_a_worker_that_dies_count_no_more(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang, 2)
    await has_calls(gang, 1, 2)
    assert told(gang, 2) == [True]
    gang.die(1)
    assert told(gang, 2) == [False]


async def test_a_worker_that_starts_hears_it_too(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang, 1)
    gang.die(2)
    await has_calls(gang, 1, 1)
    await gang.ready(2)
    assert told(gang, 2) == [True]


async def test_without_a_limit_nobody_hears_anything(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang, None)
    await has_calls(gang, 1, 1000)
    assert told(gang, 1) == told(gang, 2) == []


async def test_other_settings_are_told_at_once(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang, 1)
    await has_calls(gang, 1, 1)
    assert told(gang, 2) == [True]
    gang.crew.renew(replace(gang.crew.size, max_calls=None), ())
    assert told(gang, 2) == [False]


async def test_a_worker_that_turns_out_to_be_dead_does_not_keep_the_others_from_hearing(
    make_gang: MakeGang, monkeypatch: pytest.MonkeyPatch
) -> None:
    gang = await with_two(make_gang, 3)
    await has_calls(gang, 1, 1)
    gang.can_fork, first = False, gang.crew.workers[1]
    monkeypatch.setattr(first, "tell", lambda _command: gang.crew.on_lost(first))
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    await has_calls(gang, 2, 3)
    assert (told(gang, 2), failures) == ([True], [])
