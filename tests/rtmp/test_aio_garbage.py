"""A connection that has ended is gone without the collector, whose full runs are far apart."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rtmp.aio import RtmpClient
from rtmp.errors import RemoteProtocolError
from tests.interop.peers.polling import until
from tests.rtmp.both_loops import on_both_loops
from tests.rtmp.live_server import KEY, live
from tests.rtmp.running_server import HELLO, HELLO_ANSWER, full, running
from tests.rtmp.test_aio_handover import two_servers

CONNECTIONS = 3

pytestmark = pytest.mark.usefixtures("log_lines_not_kept")


@pytest.fixture
def log_lines_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Their arguments are errors, whose tracebacks know connections: these would not be garbage."""
    caplog.set_level(logging.CRITICAL, "rtmp")


@contextmanager
def only_without_garbage() -> Iterator[None]:
    """Fail if what happens meanwhile leaves objects of rtmp that only the collector would find."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        names = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not [name for name in names if name.startswith("rtmp.")], names


async def publish_and_play(publisher: RtmpClient, player: RtmpClient) -> None:
    published = await publisher.create_stream()
    await published.publish("cam")
    played = await player.create_stream()
    came: asyncio.Queue[int] = asyncio.Queue()
    played.on_video = lambda timestamp_ms, _payload: came.put_nowait(timestamp_ms)
    await played.play("cam")
    published.send_video(40, KEY)
    assert await came.get() == 40


@pytest.mark.parametrize("orderly", [True, False])
@on_both_loops
async def test_publishers_and_players(orderly: bool) -> None:
    async with live() as run:
        with only_without_garbage():
            for _ in range(CONNECTIONS):
                await publish_and_play(await run.connect(), await run.connect())
                while run.clients:
                    client = run.clients.pop()
                    client.close() if orderly else client.abort()
                    await client.wait_closed()
                    del client
                await until(lambda: not run.server.connections, "the last connection to end")


@on_both_loops
async def test_peers_that_break_the_protocol() -> None:
    async with running() as run:
        with only_without_garbage():
            for broken in (b"GET / HTTP/1.1\r\n\r\n", HELLO + full(2, 3, 1, b"abc")):
                reader, writer, log = await run.connect()
                writer.write(broken)
                await reader.read(HELLO_ANSWER)
                writer.write_eof()
                assert isinstance(await log.closed(), RemoteProtocolError)
                writer.close()
                del reader, writer, log


@on_both_loops
async def test_connections_that_are_handed_over() -> None:
    async with two_servers() as servers:
        with only_without_garbage():
            for _ in range(CONNECTIONS):
                client, log = await servers.connect()
                client.close()
                await client.closed
                await log.closed()
                del client, log
                servers.logs.clear()
                servers.fronts.clear()
                await until(lambda: not servers.behind.connections, "the last connection to end")
