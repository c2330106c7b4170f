"""Connections that are alive and of no use: how long they may stay."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from rtmp import events as ev
from rtmp.aio import RtmpClient
from rtmp.errors import IdleTimeout, PublisherSilent
from rtmp.limits import DEFAULT_TIMEOUTS, Timeouts
from tests.rtmp.running_server import EventLog, Running, running

ALERT = replace(DEFAULT_TIMEOUTS, ping=0.01)
IDLE = replace(ALERT, idle=0.1)
SILENT = replace(ALERT, silent_publisher=0.1)


async def connect(run: Running) -> tuple[RtmpClient, EventLog, asyncio.Queue[ev.StatusReceived]]:
    statuses: asyncio.Queue[ev.StatusReceived] = asyncio.Queue()
    client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x", on_status=statuses.put_nowait)
    return client, await run.logs.get(), statuses


async def pings(log: EventLog, count: int) -> None:
    """Wait for answers to so many more pings."""
    seen = sum(isinstance(event, ev.PongReceived) for event in log.events)
    async with asyncio.timeout(5):
        while sum(isinstance(event, ev.PongReceived) for event in log.events) < seen + count:
            log.changed.clear()
            await log.changed.wait()


async def test_a_client_that_only_answers_pings_is_told_and_closed() -> None:
    async with running(timeouts=IDLE) as run:
        client, log, statuses = await connect(run)
        reason = await log.closed()
        assert isinstance(reason, IdleTimeout)
        assert any(isinstance(event, ev.PongReceived) for event in log.events)
        status = await statuses.get()
        assert (status.level, status.code) == ("status", "NetConnection.Connect.IdleTimeout")
        assert await client.closed is None


async def test_by_default_it_may_stay() -> None:
    assert (Timeouts().idle, Timeouts().silent_publisher) == (0.0, 0.0)
    async with running(timeouts=ALERT) as run:
        client, log, _ = await connect(run)
        await pings(log, 20)
        assert not log.connection.is_closed
        client.close()


@pytest.mark.parametrize("use", ["play", "publish", "calls of the client", "calls of the server"])
async def test_a_connection_in_use_stays(use: str) -> None:
    loop = asyncio.get_running_loop()
    async with running(timeouts=IDLE) as run:
        client, log, _ = await connect(run)
        begin = loop.time()
        if use in ("play", "publish"):
            stream = await client.create_stream()
            await (stream.play("cam") if use == "play" else stream.publish("cam"))
        while loop.time() < begin + 3 * IDLE.idle:
            await pings(log, 1)
            if use == "calls of the client":
                client.notify("hello")
            elif use == "calls of the server":
                log.connection.call("hello")
        assert not log.connection.is_closed
        if use in ("play", "publish"):
            stream.close()
        assert isinstance(await log.closed(), IdleTimeout)


async def test_one_connection_can_be_given_its_own_time() -> None:
    async with running(timeouts=ALERT) as run:
        client, log, _ = await connect(run)
        other, other_log, _ = await connect(run)
        log.connection.timeouts = replace(log.connection.timeouts, idle=0.05)
        assert isinstance(await log.closed(), IdleTimeout)
        assert not other_log.connection.is_closed
        assert await client.closed is None
        other.close()


async def test_a_client_program_can_have_its_own_connection_ended() -> None:
    async with running() as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x", timeouts=IDLE)
        async with asyncio.timeout(5):
            assert isinstance(await client.closed, IdleTimeout)


async def test_a_publisher_that_sends_nothing_is_told_and_closed() -> None:
    async with running(timeouts=SILENT) as run:
        client, log, _ = await connect(run)
        await pings(log, 20)
        assert not log.connection.is_closed
        stream = await client.create_stream()
        statuses: asyncio.Queue[ev.StatusReceived] = asyncio.Queue()
        stream.on_status = statuses.put_nowait
        await stream.publish("cam")
        assert isinstance(await log.closed(), PublisherSilent)
        while (status := await statuses.get()).code != "NetStream.Publish.Idle":
            assert status.code == "NetStream.Publish.Start"
        assert status.level == "status"
        assert await client.closed is None


class Sinking(EventLog):
    """Takes media as a relay does, not as events."""

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.PublishRequested):
            self.events.append(event)
            self.connection.accept_publish(event.stream_id, sink=lambda *_: None)
        else:
            super().on_event(event)


@pytest.mark.parametrize("log_class", [EventLog, Sinking])
@pytest.mark.parametrize("what", ["audio", "video", "data"])
async def test_a_publisher_that_sends_something_stays(log_class: type[EventLog], what: str) -> None:
    loop = asyncio.get_running_loop()
    async with running(timeouts=SILENT) as run:
        run.log_class = log_class
        client, log, _ = await connect(run)
        stream = await client.create_stream()
        await stream.publish("cam")
        begin = loop.time()
        while loop.time() < begin + 3 * SILENT.silent_publisher:
            if what == "audio":
                stream.send_audio(0, b"\xaf\x01x")
            elif what == "video":
                stream.send_video(0, b"\x27\x01x")
            else:
                stream.send_data(0, "onCuePoint", {})
            await pings(log, 1)
        assert not log.connection.is_closed
        assert isinstance(await log.closed(), PublisherSilent)
