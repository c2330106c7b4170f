"""Rests between turns of the loop: only while there is much sound, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rtmp.aio.live.coalescing import LEAST_MESSAGES_PER_S, Coalescing
from rtmp.relay.live_stream import LiveStream
from tests.interop.peers.polling import until
from tests.rtmp.relay.live_outlet import AUDIO, VIDEO, key

REST_S = 0.002
SOUND = b"\xb2" + bytes(40)


@asynccontextmanager
async def sound(*streams: LiveStream, per_s: float) -> AsyncIterator[None]:
    """Publish sound on the streams, so many messages a second together."""
    loop = asyncio.get_running_loop()

    async def publish() -> None:
        began_s = loop.time()
        for number, stream in enumerate(itertools.cycle(streams)):
            await asyncio.sleep(began_s + number / per_s - loop.time())
            stream.push(AUDIO, number, SOUND)

    task = asyncio.create_task(publish())
    yield
    task.cancel()


def publishing(count: int) -> list[LiveStream]:
    streams = [LiveStream(str(number)) for number in range(count)]
    for stream in streams:
        stream.begin()
    return streams


async def turns_of_the_loop(seconds: float) -> int:
    """How many there are."""
    loop = asyncio.get_running_loop()
    end_s, turns = loop.time() + seconds, 0
    while loop.time() < end_s:
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_much_sound_makes_the_loop_rest() -> None:
    streams = publishing(3)
    coalescing = Coalescing(lambda: streams, REST_S)
    coalescing.published()
    async with sound(*streams, per_s=3 * LEAST_MESSAGES_PER_S):
        await until(lambda: coalescing.is_resting, "rests")
        assert await turns_of_the_loop(0.2) <= 0.2 / REST_S + 1
        streams[1].push(VIDEO, 0, key())
        await until(lambda: not coalescing.is_resting, "no rests beside video")
        streams[1].end()
        streams.pop(1)
        await until(lambda: coalescing.is_resting, "rests again")
    await until(lambda: not coalescing.is_resting, "no rests when the sound has stopped")


async def test_rests_end_with_the_streams() -> None:
    streams = publishing(2)
    coalescing = Coalescing(lambda: streams, REST_S)
    async with sound(*streams, per_s=3 * LEAST_MESSAGES_PER_S):
        coalescing.published()
        await until(lambda: coalescing.is_resting, "rests")
        published, streams[:] = list(streams), []
        await until(lambda: not coalescing.is_resting, "no rests without a stream")
        streams[:] = published
        coalescing.published()
        await until(lambda: coalescing.is_resting, "rests with the next ones")
        streams.clear()
    await until(lambda: not coalescing.is_resting, "the end")


async def test_little_sound_does_not() -> None:
    streams, looks = publishing(2), 0

    def find() -> list[LiveStream]:
        nonlocal looks
        looks += 1
        return streams

    coalescing = Coalescing(find, REST_S)
    coalescing.published()
    async with sound(*streams, per_s=LEAST_MESSAGES_PER_S / 4):
        await until(lambda: looks > 2, "looks with something to compare with")
        assert not coalescing.is_resting
    streams.clear()


async def test_without_a_time_nothing_runs() -> None:
    coalescing = Coalescing(list, 0.0)
    coalescing.published()
    assert not coalescing.is_resting
    assert coalescing._review is None
