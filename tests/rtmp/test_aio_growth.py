"""Connections that come and go leave nothing behind: no descriptor, no task, no memory."""

from __future__ import annotations

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from rtmp.aio import RtmpClient
from tests.interop.peers.polling import until
from tests.rtmp.both_loops import on_both_loops
from tests.rtmp.live_server import AVC_HEADER, KEY, Live, Player, live

ROUNDS, CONNECTIONS = 3, 100
MAX_OBJECTS, MAX_BYTES = 20, 20_000
"""What a round may leave, of which a connection that stays alone is a multiple: caches, tables that grow."""


@dataclass(frozen=True, slots=True)
class Usage:
    descriptors: int
    tasks: int
    objects: int
    size: int

    @classmethod
    def now(cls) -> Usage:
        gc.collect()
        return cls(
            len(list(Path("/proc/self/fd").iterdir())),
            len(asyncio.all_tasks()),
            len(gc.get_objects()),
            tracemalloc.get_traced_memory()[0],
        )

    def growth(self, before: Usage) -> tuple[int, ...]:
        return tuple(now - then for now, then in zip(astuple(self), astuple(before), strict=True))


@pytest.fixture
def traced(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, "rtmp")  # else the lines are kept, and counted
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def end(run: Live, client: RtmpClient, *, orderly: bool) -> None:
    client.close() if orderly else client.abort()
    await client.wait_closed()
    run.clients.remove(client)


async def come_and_go(run: Live, number: int) -> None:
    """Connect, and publish, play or do neither; then leave, in good order or not."""
    client = await run.connect()
    stream = await client.create_stream()
    if number % 3 == 0:
        await stream.publish(f"other{number}")
        stream.send_video(0, KEY)
    elif number % 3 == 1:
        player = Player(stream)
        await stream.play("cam")
        await player.until(lambda player: len(player.media) >= 2)
    await end(run, client, orderly=number % 2 == 0)


async def until_alone(run: Live) -> None:
    """Wait until the server has only its first client."""
    await until(
        lambda: len(run.server.connections) == 1 and len(run.application.streams) == 1,
        "the last connection to end",
    )


@on_both_loops
@pytest.mark.usefixtures("traced")
async def test_connections_leave_nothing_behind() -> None:
    async with live() as run:
        publisher = await run.publish()
        publisher.send_video(0, AVC_HEADER)
        publisher.send_video(40, KEY)
        usages = []
        for _ in range(ROUNDS + 1):  # the first one warms up
            for at in range(0, CONNECTIONS, 10):
                await asyncio.gather(*(come_and_go(run, number) for number in range(at, at + 10)))
            await until_alone(run)
            usages.append(Usage.now())
        growths = [now.growth(before) for before, now in pairwise(usages)]
    descriptors, tasks, objects, size = (min(column) for column in zip(*growths, strict=True))
    assert (descriptors, tasks) == (0, 0), growths
    assert objects < MAX_OBJECTS, growths
    assert size < MAX_BYTES, growths
