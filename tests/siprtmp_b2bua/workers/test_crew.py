"""Which workers a crew starts and lets go. There are no processes."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rtmp.admission import Admission
from rtmp.aio.handover import Handover
from rtmp.aio.places import Places
from siprtmp_b2bua.errors import CapacityError, StartupError
from siprtmp_b2bua.workers import commands, crew, reports
from siprtmp_b2bua.workers.fork_request import Forked
from siprtmp_b2bua.workers.watch import watch
from tests.interop.peers.polling import until
from tests.siprtmp_b2bua.workers.gang import NO_PID, MakeGang, make_gang

__all__ = ["make_gang"]


async def test_clients_that_come_before_the_first_worker_start_no_others(make_gang: MakeGang) -> None:
    gang = make_gang()
    gang.crew.start()
    clients = [asyncio.ensure_future(gang.crew.worker_for(number, None)) for number in range(5)]
    await asyncio.sleep(0)
    assert gang.forked == [1]
    await gang.ready(1)
    done, waiting = await asyncio.wait(clients, timeout=0.1)
    assert (len(done), len(waiting)) == (2, 3)
    assert gang.forked == [1, 2]
    await gang.ready(2)
    assert sorted(handle.number for handle in await asyncio.gather(*clients)) == [1, 1, 1, 2, 2]


async def test_clients_do_not_wait_for_long_for_a_worker_while_others_have_lines(
    make_gang: MakeGang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_RELIEF_S", 0.05)
    gang = make_gang()
    await gang.begin()
    clients = [asyncio.ensure_future(gang.crew.worker_for(number, None)) for number in range(5)]
    done, waiting = await asyncio.wait(clients, timeout=1)
    assert {handle.result().number for handle in done} == {1}
    assert (len(done), len(waiting)) == (4, 1)
    await gang.ready(2)
    assert (await waiting.pop()).number == 2


async def test_workers_are_started_once_for_all_who_wait(
    make_gang: MakeGang, monkeypatch: pytest.MonkeyPatch
) -> None:
    gang = make_gang()
    await gang.begin()
    clients = [asyncio.ensure_future(gang.crew.worker_for(number, None)) for number in range(12)]
    await until(lambda: gang.forked == [1, 2, 3, 4], "workers to be started for all")
    asked = 0
    start_ahead = gang.crew.start_ahead

    def count() -> None:
        nonlocal asked
        asked += 1
        start_ahead()

    monkeypatch.setattr(gang.crew, "start_ahead", count)
    gang.tell_process(3)
    gang.die(3)
    await asyncio.sleep(0)
    assert asked == 1
    assert gang.forked == [1, 2, 3, 4, 3]
    for number in (2, 3, 4):
        await gang.ready(number)
    await asyncio.gather(*clients)


_STANDING = ("Alice@pbx", "bob@pbx", "carol@pbx", "dave@pbx")


async def test_the_lines_of_accounts_are_for_their_clients(make_gang: MakeGang) -> None:
    gang = make_gang()
    gang.crew.start(_STANDING)
    await gang.ready(1)
    await gang.ready(2)
    somebody = [await gang.crew.worker_for(connection, None) for connection in range(4)]
    assert {handle.number for handle in somebody} == {2}
    theirs = [await gang.crew.worker_for(10 + at, aor.lower()) for at, aor in enumerate(_STANDING)]
    assert {handle.number for handle in theirs} == {1}


async def test_all_workers_that_accounts_need_are_started_and_one_for_others(make_gang: MakeGang) -> None:
    gang = make_gang()
    gang.crew.start((*_STANDING, "eve@pbx"))
    await gang.ready(1)
    assert gang.forked == [1, 2]
    await gang.ready(2)
    assert [gang.crew.workers[number].member.free_lines for number in (1, 2)] == [0, 3]


async def test_clients_who_wait_for_the_worker_of_their_accounts_start_no_others(make_gang: MakeGang) -> None:
    gang = make_gang()
    gang.crew.start(_STANDING)
    await gang.ready(1)
    await gang.ready(2)
    await gang.crew.wait_ready()
    gang.die(1)
    clients = [
        asyncio.ensure_future(gang.crew.worker_for(at, aor.lower())) for at, aor in enumerate(_STANDING)
    ]
    await asyncio.sleep(0)
    assert gang.forked == [1, 2, 1]
    await gang.ready(1)
    assert {handle.number for handle in await asyncio.gather(*clients)} == {1}
    assert gang.forked == [1, 2, 1]


async def test_the_only_worker_is_replaced_by_one(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    gang.die(1)
    gang.crew.start_ahead()
    gang.crew.keep_size()
    assert gang.forked == [1, 1]


async def test_a_process_is_not_taken_for_that_of_the_next_of_its_number(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    before = gang.serials[1]
    gang.die(1)
    gang.crew.keep_size()
    assert gang.serials[1] != before
    gang.crew.on_forked(Forked(before, NO_PID + 1))
    assert gang.crew.workers[1].pid is None
    gang.tell_process(1)
    assert gang.crew.workers[1].pid == NO_PID + 1


async def test_a_number_that_cannot_start_is_tried_alone(make_gang: MakeGang) -> None:
    gang = make_gang(least=2)
    await gang.begin()
    for _ in range(10):
        if 2 in gang.crew.workers:
            gang.tell_process(2)
            gang.die(2)
        gang.crew.keep_size()
    # at once, then after a pause; meanwhile one other, as there are to be two
    assert gang.forked[:3] == [1, 2, 2]
    assert sorted(gang.forked[3:]) == [3]


async def test_workers_that_die_one_after_the_other_are_not_started_without_end(
    make_gang: MakeGang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siprtmp_b2bua.workers.crew._PLACE_S", 0.1)
    gang = make_gang()
    now_s = 100.0
    monkeypatch.setattr(gang.crew, "_clock", lambda: now_s)
    await gang.begin()
    gang.take_lines(0)
    client = asyncio.ensure_future(gang.crew.worker_for(1, None))
    while living := list(gang.crew.workers):
        for number in living:
            gang.tell_process(number)
            gang.die(number)
        await asyncio.sleep(0)
    forked = len(gang.forked)
    assert forked <= 10
    with pytest.raises(CapacityError, match="no worker has started in time"):
        await client
    gang.crew.start_ahead()
    gang.crew.keep_size()
    assert len(gang.forked) == forked
    now_s = 101.0
    gang.crew.keep_size()
    assert len(gang.forked) == forked + 1


async def test_the_first_number_comes_back_after_a_reload(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    client = await gang.crew.worker_for(7, None)
    gang.crew.renew(gang.crew.size, ())
    assert gang.forked == [1, 2]
    await gang.ready(2)
    gang.crew.give_up(client, 7)
    gang.crew.workers[1].end(commands.Stop())
    gang.die(1)
    assert gang.forked == [1, 2, 1]


async def test_the_first_number_is_not_what_idles(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    gang.crew._start_one()
    await gang.ready(2)
    watching = asyncio.ensure_future(watch(gang.crew))
    await until(lambda: gang.states[2] == "ENDING", "the second to end")
    assert gang.states[1] == "READY"
    watching.cancel()


async def test_no_other_is_started_while_the_first_one_fails(
    make_gang: MakeGang, monkeypatch: pytest.MonkeyPatch
) -> None:
    gang = make_gang()
    gang.crew.start()
    gang.tell_process(1)
    gang.ends[1].send(reports.pack(reports.Failed(reason="its port is taken")))
    await until(lambda: gang.states[1] == "ENDING", "the report to come")
    turned = asyncio.Event()
    monkeypatch.setattr(gang.crew, "keep_size", turned.set)
    watching = asyncio.ensure_future(watch(gang.crew))
    async with asyncio.timeout(5):
        await turned.wait()
    watching.cancel()
    assert gang.forked == [1]


async def test_a_reload_starts_nothing_while_the_gateway_drains(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    drained = asyncio.ensure_future(gang.crew.drain())
    await asyncio.sleep(0)
    gang.crew.renew(gang.crew.size, ())
    assert gang.forked == [1]
    gang.die(1)
    async with asyncio.timeout(5):
        await drained


async def test_who_was_not_forked_when_the_forker_died_is_forgotten(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    gang.crew._start_one()
    gang.can_fork = False
    gang.crew.on_forker_lost()
    assert gang.states == {1: "READY"}
    gang.crew.keep_size()
    assert gang.states == {1: "READY"}
    gang.can_fork = True
    gang.crew.keep_size()
    assert gang.states == {1: "READY", 2: "STARTING"}
    gang.ends[1].close()  # an orphan ends, which only its channel tells
    await until(lambda: gang.forked[-1] == 1, "the orphan to be replaced")


async def test_a_worker_whose_fork_failed_is_gone(make_gang: MakeGang) -> None:
    gang = make_gang(least=2)
    await gang.begin()
    gang.crew._start_one()
    gang.ends[3].close()
    await until(lambda: gang.forked.count(3) == 2, "another to be forked in its place")
    assert gang.states[1] == gang.states[2] == "READY"


async def test_stopping_ends_although_nobody_says_that_a_worker_has_ended(
    make_gang: MakeGang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siprtmp_b2bua.workers.crew._KILL_S", 0.05)
    gang = make_gang()
    await gang.begin()
    async with asyncio.timeout(5):
        await gang.crew.stop()


async def test_a_client_is_given_to_a_worker_that_was_told_to_retire_meanwhile(make_gang: MakeGang) -> None:
    gang = make_gang()
    await gang.begin()
    ours, theirs = socket.socketpair()
    place = Places(Admission()).enter(asyncio.Transport(), ("127.0.0.1", 1))
    assert place is not None
    handle = await gang.crew.worker_for(7, None)
    gang.crew.renew(gang.crew.size, ())
    handle.adopt(theirs, Handover(7, None, (), 0), place)
    assert handle.member.clients == {7: None}
    handle.end(commands.Stop())
    handle.adopt(ours, Handover(7, None, (), 0), place)
    assert handle.member.clients == {}


async def test_a_first_worker_that_fails_is_told(make_gang: MakeGang) -> None:
    gang = make_gang()
    gang.crew.start()
    begun = asyncio.ensure_future(gang.crew.wait_ready())
    gang.tell_process(1)
    gang.die(1)
    with pytest.raises(StartupError, match="exit status 1"):
        await begun
