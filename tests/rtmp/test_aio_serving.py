"""`serve_forever`: how long it serves, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket

import pytest

from rtmp.aio import RtmpClient, RtmpServer, start_server
from rtmp.aio.live import LiveApplication
from tests.interop.peers.ports import HOST, free_port
from tests.rtmp.both_loops import on_both_loops


async def serve() -> tuple[RtmpServer, asyncio.Task[None]]:
    """A server that serves, and has had its turn to end too early."""
    server = await start_server(LiveApplication().make_handler, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve_forever())
    await connect(server, stay=False)
    return server, serving


async def connect(server: RtmpServer, *, stay: bool = True) -> RtmpClient:
    client = await RtmpClient.connect(f"rtmp://127.0.0.1:{server.port}/live")
    if not stay:
        client.close()
        await client.wait_closed()
        await server.wait_closed()
    return client


async def test_it_serves_until_it_is_closed() -> None:
    async with asyncio.timeout(5):
        server, serving = await serve()
        client = await connect(server)
        assert not serving.done()
        server.close()
        await serving
        assert not server.connections
        assert await client.wait_closed() is None


async def test_connections_may_live_on_when_it_is_closed() -> None:
    async with asyncio.timeout(5):
        server, serving = await serve()
        client = await connect(server)
        server.close(connections=False)
        await client.create_stream()  # takes a round trip, in which the server could have closed it
        assert not serving.done()
        client.close()
        await serving


@pytest.mark.parametrize("while_it_ends", [False, True])
async def test_when_it_is_cancelled_it_closes_its_connections(while_it_ends: bool) -> None:
    async with asyncio.timeout(5):
        server, serving = await serve()
        client = await connect(server)
        if while_it_ends:
            server.close(connections=False)
            await client.create_stream()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert not server.connections
        assert await client.wait_closed() is None
        assert server.sockets == ()


@on_both_loops
async def test_whoever_is_cancelled_while_it_begins_to_listen_does_not_listen() -> None:
    port = free_port()
    for turns in itertools.count(1):
        starting = asyncio.create_task(start_server(LiveApplication().make_handler, HOST, port))
        for _ in range(turns):
            await asyncio.sleep(0)
        if starting.done():
            starting.result().close()
            break
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        await asyncio.sleep(0)  # uvloop closes sockets a turn later
        socket.create_server((HOST, port)).close()
