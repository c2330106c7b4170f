"""What the settings of `live` make of the applications: how long clients may stay, and what is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rtmp.aio import RtmpClient, RtmpServer, start_server
from rtmp.events import StatusReceived
from rtmp.limits import DEFAULT_TIMEOUTS
from siprtmp_b2bua.applications import Applications, make_live_application
from siprtmp_b2bua.config import LiveConfig
from tests.interop.peers.ports import HOST
from tests.rtmp.running_server import EventLog

ALERT = replace(DEFAULT_TIMEOUTS, ping=0.01)


@asynccontextmanager
async def serve(config: LiveConfig) -> AsyncIterator[RtmpServer]:
    """A server with both applications; its telephone accepts everything."""
    applications = Applications(config, EventLog)
    server = await start_server(applications.make_handler, HOST, 0, timeouts=ALERT)
    try:
        yield server
    finally:
        applications.close()
        server.close()
        async with asyncio.timeout(5):
            await server.wait_closed()
            await applications.wait_recorded()


async def connect(server: RtmpServer, app: str) -> tuple[RtmpClient, list[str]]:
    """A client, and the codes that it is told."""
    codes: list[str] = []

    def note(event: StatusReceived) -> None:
        codes.append(event.code)

    return await RtmpClient.connect(f"rtmp://{HOST}:{server.port}/{app}", on_status=note), codes


async def test_an_idle_client_of_live_is_closed_and_a_phone_stays() -> None:
    async with serve(LiveConfig(idle_timeout_s=0.1)) as server, asyncio.timeout(5):
        phone, _ = await connect(server, "sip")
        viewer, _ = await connect(server, "live")
        await (await viewer.create_stream()).play("cam")
        idle, codes = await connect(server, "live")
        assert await idle.closed is None
        assert codes == ["NetConnection.Connect.IdleTimeout"]
        for client in (phone, viewer):  # which have been there for longer
            assert not client.closed.done()
            client.close()


async def test_a_silent_publisher_is_closed() -> None:
    async with serve(LiveConfig(silent_publisher_timeout_s=0.1)) as server, asyncio.timeout(5):
        client, _ = await connect(server, "live")
        stream = await client.create_stream()
        codes: list[str] = []
        stream.on_status = lambda event: codes.append(event.code)
        await stream.publish("cam")
        assert await client.closed is None
        assert codes[-1] == "NetStream.Publish.Idle"


async def test_the_other_times_stay_as_they_are() -> None:
    async with serve(LiveConfig()) as server, asyncio.timeout(5):
        client, _ = await connect(server, "live")
        (connection,) = server.connections
        assert connection.timeouts == replace(ALERT, idle=600.0)
        client.close()


@pytest.mark.parametrize("record_all", [True, False])
async def test_all_is_recorded_if_it_should_be(record_all: bool, tmp_path: Path) -> None:
    async with serve(LiveConfig(recordings=str(tmp_path), record_all=record_all)) as server:
        client, _ = await connect(server, "live")
        stream = await client.create_stream()
        await stream.publish("cam")
        stream.send_audio(0, b"\xb2speex")
        await client.call("checkBandwidth")
    files = await asyncio.to_thread(lambda: [path.read_bytes() for path in tmp_path.rglob("*.flv")])
    assert [b"\xb2speex" in file for file in files] == [True] * record_all


def test_only_in_a_process_of_their_own_live_streams_may_rest() -> None:
    def rest_s(*, has_own_loop: bool) -> float:
        live = make_live_application(LiveConfig(sound_rest_ms=2.0), has_own_loop=has_own_loop)
        assert live is not None
        return live._services.coalescing._rest_s

    assert rest_s(has_own_loop=True) == 0.002
    assert rest_s(has_own_loop=False) == 0.0
