"""What the first worker is told of the users that others have. There are no processes."""

from __future__ import annotations

from siprtmp_b2bua.workers.commands import Redirect
from tests.siprtmp_b2bua.workers.gang import Gang, MakeGang, make_gang

__all__ = ["make_gang"]

SECOND_PORT = 5061
"""See `Gang.ready`."""


async def with_two(make_gang: MakeGang) -> Gang:
    """Two workers, of which the first has three clients already."""
    gang = make_gang(least=2)
    await gang.begin()
    gang.crew.workers[1].member.clients |= {101: None, 102: "carol@x", 103: None}
    return gang


def told(gang: Gang) -> list[Redirect]:
    """What the first worker has been told since the last time."""
    return gang.told(1, Redirect)


async def test_each_client_of_others_that_registers(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang)
    for number, aor in enumerate(("alice@x", None, "alice@y")):
        assert (await gang.crew.worker_for(number, aor)).number == 2
    assert told(gang) == [Redirect("alice", SECOND_PORT)]


async def test_until_the_last_of_that_name_has_gone(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang)
    handle = await gang.crew.worker_for(1, "alice@x")
    await gang.crew.worker_for(2, "alice@y")
    told(gang)
    gang.crew.give_up(handle, 1)
    assert told(gang) == []
    gang.crew.give_up(handle, 2)
    assert told(gang) == [Redirect("alice", 0)]


async def test_when_a_worker_has_died(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang)
    await gang.crew.worker_for(1, "alice@x")
    told(gang)
    gang.die(2)
    assert told(gang) == [Redirect("alice", 0)]


async def test_a_new_first_worker_is_told_all(make_gang: MakeGang) -> None:
    gang = await with_two(make_gang)
    await gang.crew.worker_for(1, "alice@x")
    gang.die(1)
    gang.crew.keep_size()
    await gang.ready(1)
    assert told(gang) == [Redirect("alice", SECOND_PORT)]


async def test_accounts_of_the_configuration(make_gang: MakeGang) -> None:
    gang = make_gang()
    gang.crew.start(tuple(f"user{number}@x" for number in range(6)))
    await gang.ready(1)
    await gang.ready(2)
    assert sorted(told(gang), key=lambda each: each.user) == [
        Redirect("user4", SECOND_PORT),
        Redirect("user5", SECOND_PORT),
    ]
