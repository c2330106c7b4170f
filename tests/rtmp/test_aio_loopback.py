"""Our client against our server over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import RtmpClient, RtmpServer, ServerConnection, start_server
from rtmp.errors import CallFailed, ConnectionLost, ConnectRejected, StreamFailed


class Handler:
    """Accepts what it is asked, echoes media of a publisher to the player of the same connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.events: list[ev.Event] = []
        self.seen: dict[type, asyncio.Future[Any]] = {}
        self.play_stream = 0

    def wait(self, kind: type) -> asyncio.Future[Any]:
        future = self.seen.setdefault(kind, asyncio.get_running_loop().create_future())
        for event in self.events:
            if isinstance(event, kind) and not future.done():
                future.set_result(event)
        return future

    def on_event(self, event: ev.Event) -> None:
        self.events.append(event)
        future = self.seen.get(type(event))
        if future is not None and not future.done():
            future.set_result(event)
        self.answer(event)

    def answer(self, event: ev.Event) -> None:  # noqa: PLR0912 - a table of answers
        connection = self.connection
        match event:
            case ev.ConnectRequested(app="refuse"):
                connection.reject_connect(description="401 Unauthorized", extra={"application": "x"})
            case ev.ConnectRequested():
                connection.accept_connect(event)
            case ev.CallReceived("add", tid, (float() as a, float() as b)):
                connection.respond(tid, a + b)
            case ev.CallReceived("echo", tid, arguments):
                connection.respond(tid, *arguments)
            case ev.CallReceived("poke", _, arguments):
                connection.call("poked", *arguments)
            case ev.CallReceived(_, tid):
                connection.respond_error(tid, description="no such method")
            case ev.PublishRequested(stream_id, "taken"):
                connection.reject_publish(stream_id, description="in use")
            case ev.PublishRequested(stream_id):
                connection.accept_publish(stream_id)
            case ev.PlayRequested(stream_id, "none"):
                connection.reject_play(stream_id)
            case ev.PlayRequested(stream_id):
                connection.accept_play(stream_id)
                self.play_stream = stream_id
            case ev.AudioReceived(_, timestamp_ms, payload) if self.play_stream:
                connection.send_audio(self.play_stream, timestamp_ms, payload)
            case ev.VideoReceived(_, timestamp_ms, payload) if self.play_stream:
                connection.send_video(self.play_stream, timestamp_ms, payload)
            case ev.DataReceived(_, timestamp_ms, values) if self.play_stream:
                connection.send_data(self.play_stream, timestamp_ms, *values)
            case _:
                pass


class Running:
    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.server = RtmpServer()

    def make(self, connection: ServerConnection) -> Handler:
        self.handlers.append(Handler(connection))
        return self.handlers[-1]

    def url(self, app: str = "app") -> str:
        return f"rtmp://127.0.0.1:{self.server.port}/{app}"


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Running]:
    state = Running()
    state.server = await start_server(state.make, "127.0.0.1", 0, **options)
    try:
        yield state
    finally:
        state.server.close()
        await asyncio.wait_for(state.server.wait_closed(), 5)


async def deadline(awaitable: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(awaitable, 5)


@pytest.mark.parametrize("handshake", ["digest", "plain"])
@pytest.mark.parametrize("object_encoding", [0, 3])
async def test_connect_and_call(handshake: Any, object_encoding: int) -> None:
    async with running() as run:
        client = await deadline(
            RtmpClient.connect(
                run.url("sip/alice@example.com"),
                "login",
                "",
                None,
                handshake=handshake,
                object_encoding=object_encoding,
            )
        )
        requested = run.handlers[0].events[0]
        assert isinstance(requested, ev.ConnectRequested)
        assert requested.app == "sip/alice@example.com"
        assert requested.tc_url == run.url("sip/alice@example.com")
        assert requested.arguments == ("login", "", None)
        assert requested.object_encoding == object_encoding
        assert await deadline(client.call("add", 1, 2)) == 3
        value = {"name": ["é", True, None, 1.5]}
        assert await deadline(client.call("echo", value)) == value
        with pytest.raises(CallFailed, match="no such method"):
            await deadline(client.call("nonsense"))
        client.notify("poke", "hello", 5)
        incoming = await client.next_call(5)
        assert (incoming.name, incoming.arguments) == ("poked", ("hello", 5))
        client.close()
        assert await deadline(client.closed) is None
        closed = await deadline(run.handlers[0].wait(ev.ConnectionClosed))
        assert closed.reason is None
        with pytest.raises(ConnectionLost):
            await client.call("add", 1, 2)
        with pytest.raises(ConnectionLost):
            await client.next_call(5)


async def test_rejected_connect() -> None:
    async with running() as run:
        with pytest.raises(ConnectRejected, match="401 Unauthorized") as caught:
            await deadline(RtmpClient.connect(run.url("refuse")))
        assert caught.value.code == "NetConnection.Connect.Rejected"
        assert caught.value.info["application"] == "x"
        await deadline(run.handlers[0].wait(ev.ConnectionClosed))


async def test_publish_and_play_on_one_connection() -> None:
    async with running() as run:
        client = await deadline(RtmpClient.connect(run.url()))
        local, remote = await deadline(client.create_stream()), await deadline(client.create_stream())
        got: asyncio.Queue[tuple[str, int, Any]] = asyncio.Queue()
        remote.on_audio = lambda ts, payload: got.put_nowait(("audio", ts, bytes(payload)))
        remote.on_video = lambda ts, payload: got.put_nowait(("video", ts, bytes(payload)))
        remote.on_data = lambda ts, values: got.put_nowait(("data", ts, values))
        await deadline(remote.play("remote"))
        await deadline(local.publish("local"))
        sent = [("audio", 20 * n, b"\xb2" + bytes([n]) * 30) for n in range(50)]
        sent += [("video", 4_000_000_000 + n, b"\x17\x01" + bytes([n]) * 9000) for n in range(10)]
        for kind, timestamp_ms, payload in sent:
            (local.send_audio if kind == "audio" else local.send_video)(timestamp_ms, payload)
        local.send_data(7, "@setDataFrame", "onMetaData", {"width": 640.0})
        for expected in sent:
            assert await deadline(got.get()) == expected
        assert await deadline(got.get()) == ("data", 7, ("onMetaData", {"width": 640.0}))
        local.close()
        closed = await deadline(run.handlers[0].wait(ev.StreamClosed))
        assert closed.stream_id == local.stream_id
        client.close()
        await deadline(run.handlers[0].wait(ev.ConnectionClosed))
        ends = [e for e in run.handlers[0].events if isinstance(e, ev.StreamClosed | ev.ConnectionClosed)]
        assert ends == [
            ev.StreamClosed(local.stream_id),
            ev.StreamClosed(remote.stream_id),
            ev.ConnectionClosed(None),
        ]


async def test_refused_publish_and_play() -> None:
    async with running() as run:
        client = await deadline(RtmpClient.connect(run.url()))
        stream = await deadline(client.create_stream())
        with pytest.raises(StreamFailed, match="in use"):
            await deadline(stream.publish("taken"))
        with pytest.raises(StreamFailed, match="StreamNotFound"):
            await deadline(stream.play("none"))
        await deadline(stream.publish("free"))
        client.close()
        await deadline(client.closed)
        with pytest.raises(ConnectionLost):
            await stream.publish("late")


async def test_calls_that_wait_fail_when_the_connection_ends() -> None:
    async with running() as run:
        client = await deadline(RtmpClient.connect(run.url()))
        waiting = asyncio.ensure_future(client.next_call())
        calls = [asyncio.ensure_future(client.call("echo", n)) for n in range(3)]
        await asyncio.sleep(0)  # let them be sent
        client.abort()
        for future in (waiting, *calls):
            with pytest.raises(ConnectionLost):
                await deadline(future)


async def test_giving_up_on_closed_does_not_cancel_it() -> None:
    async with running() as run:
        client = await deadline(RtmpClient.connect(run.url()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.closed, 0.01)
        client.close()
        assert await deadline(client.closed) is None
