"""A server that refuses its clients and sends them elsewhere, and what streams that stay up tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from rtmp import events as ev
from rtmp.aio import (
    LinkState,
    ReconnectingPlayer,
    ServerConnection,
    StateChange,
)
from rtmp.backoff import BackoffPolicy
from tests.rtmp.running_server import EventLog, Running, running

SOON = BackoffPolicy(first_s=0.01, longest_s=0.05)
AAC_HEADER, AVC_HEADER = b"\xaf\x00\x12\x10", b"\x17\x00\x00\x00\x00avcC"
UP = [LinkState.CONNECTING, LinkState.UP]
RECONNECT = "NetConnection.Connect.ReconnectRequest"


def audio(number: int) -> bytes:
    return b"\xaf\x01" + bytes((number,))


def key(number: int) -> bytes:
    return b"\x17\x01\x00\x00\x00" + bytes((number,))


def inter(number: int) -> bytes:
    return b"\x27\x01\x00\x00\x00" + bytes((number,))


class Moving(EventLog):
    """An event log that refuses what it is told to, and asks its client to go elsewhere."""

    refuse_publish = False

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.ConnectRequested) and event.app.startswith("refuse/"):
            self.events.append(event)
            self.connection.reject_connect(event.app.removeprefix("refuse/"), "no")
        elif isinstance(event, ev.PublishRequested) and self.refuse_publish:
            self.events.append(event)
            self.connection.reject_publish(event.stream_id)
            self.changed.set()
        elif isinstance(event, ev.PublishRequested | ev.PlayRequested) and event.name == "silent":
            self.events.append(event)
            self.changed.set()
        else:
            super().on_event(event)

    def ask_to_move(self, tc_url: str | None) -> None:
        extra = {} if tc_url is None else {"tcUrl": tc_url}
        self.connection.send_status(0, "status", RECONNECT, "please", extra)

    async def media(self, payload: bytes) -> None:
        """Wait for a message."""
        await self.wait(lambda e: isinstance(e, ev.AudioReceived | ev.VideoReceived) and e.payload == payload)

    def payloads(self) -> list[bytes]:
        return [bytes(e.payload) for e in self.events if isinstance(e, ev.AudioReceived | ev.VideoReceived)]

    def metadata(self) -> list[tuple[Any, ...]]:
        return [e.values for e in self.events if isinstance(e, ev.DataReceived)]


class Server(Running):
    def make(self, connection: ServerConnection) -> EventLog:
        log = Moving(connection)
        self.logs.put_nowait(log)
        return log

    def url(self, app: str = "live") -> str:
        return f"rtmp://127.0.0.1:{self.server.port}/{app}"

    async def next(self) -> Moving:
        log = await self.logs.get()
        assert isinstance(log, Moving)
        return log


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    state = Server()
    async with running(state=state), asyncio.timeout(10):
        yield state


class States:
    """What a stream tells of itself."""

    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self.changed = asyncio.Event()

    def __call__(self, change: StateChange) -> None:
        self.changes.append(change)
        self.changed.set()

    @property
    def names(self) -> list[LinkState]:
        return [change.state for change in self.changes]

    async def wait(self, fits: Callable[[list[LinkState]], bool]) -> None:
        while not fits(self.names):
            self.changed.clear()
            await self.changed.wait()


class Heard:
    """What a player delivers."""

    def __init__(self, player: ReconnectingPlayer) -> None:
        self.payloads: list[bytes] = []
        self.data: list[tuple[Any, ...]] = []
        self.changed = asyncio.Event()
        player.on_audio = player.on_video = self.take
        player.on_data = lambda _, values: self.data.append(values)

    def take(self, _timestamp_ms: int, payload: Any) -> None:
        self.payloads.append(bytes(payload))
        self.changed.set()

    async def wait(self, payload: bytes) -> None:
        while payload not in self.payloads:
            self.changed.clear()
            await self.changed.wait()


async def playing(log: Moving) -> int:
    requested = await log.wait(lambda e: isinstance(e, ev.PlayRequested))
    stream_id: int = requested.stream_id
    return stream_id
