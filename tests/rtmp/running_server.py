"""A server on a free port whose connections log what happens, and raw bytes to send it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from rtmp import events as ev
from rtmp.aio import RtmpServer, ServerConnection, start_server
from rtmp.commands import Command
from rtmp.errors import (
    RtmpError,
)
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts

HELLO = b"\x03" + bytes(2 * PACKET_SIZE)
HELLO_ANSWER = 1 + 2 * PACKET_SIZE


class EventLog:
    """Accepts everything and lets a test wait for an event that fits."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.events: list[ev.Event] = []
        self.changed = asyncio.Event()

    def on_event(self, event: ev.Event) -> None:
        self.events.append(event)
        self.changed.set()
        match event:
            case ev.ConnectRequested(app="fail"):
                raise ZeroDivisionError
            case ev.ConnectRequested():
                self.connection.accept_connect(event)
            case ev.PublishRequested(stream_id):
                self.connection.accept_publish(stream_id)
            case ev.PlayRequested(stream_id):
                self.connection.accept_play(stream_id)
            case _:
                pass

    async def wait(self, fits: Callable[[ev.Event], bool]) -> Any:
        async with asyncio.timeout(5):
            while True:
                for event in self.events:
                    if fits(event):
                        return event
                self.changed.clear()
                await self.changed.wait()

    async def closed(self) -> RtmpError | None:
        event = await self.wait(lambda e: isinstance(e, ev.ConnectionClosed))
        assert self.events[-1] is event
        assert [type(e) for e in self.events].count(ev.ConnectionClosed) == 1
        reason: RtmpError | None = event.reason
        return reason


class Running:
    def __init__(self) -> None:
        self.logs: asyncio.Queue[EventLog] = asyncio.Queue()
        self.server = RtmpServer()
        self.log_class = EventLog

    def make(self, connection: ServerConnection) -> EventLog:
        log = self.log_class(connection)
        self.logs.put_nowait(log)
        return log

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, EventLog]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        return reader, writer, await self.logs.get()


@asynccontextmanager
async def running(
    limits: Limits = DEFAULT_LIMITS,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    state: Running | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    state = state or Running()
    state.server = await start_server(state.make, "127.0.0.1", 0, limits=limits, timeouts=timeouts, **options)
    try:
        yield state
    finally:
        state.server.close()
        async with asyncio.timeout(5):
            await state.server.wait_closed()


def full(csid: int, length: int, type_id: int, body: bytes = b"") -> bytes:
    return bytes((csid, 0, 0, 0)) + length.to_bytes(3, "big") + bytes((type_id,)) + bytes(4) + body


def command_bytes(name: str, command_object: Any = None, *arguments: Any) -> bytes:
    payload = Command(name, 1.0, command_object, arguments).serialize()[1]
    assert len(payload) <= 128
    return full(3, len(payload), 20, payload)
