"""A live application over real sockets, and clients that publish and play there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from rtmp.admission import Admission
from rtmp.aio import ClientStream, RtmpClient, RtmpServer, start_server
from rtmp.aio.live import LiveApplication
from rtmp.amf0 import AmfValue
from rtmp.events import StatusReceived
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import MessageType, Payload

AVC_HEADER = b"\x17\x00\x00\x00\x00avcC"
KEY, INTER = b"\x17\x01\x00\x00\x00key", b"\x27\x01\x00\x00\x00inter"


@dataclass
class Live:
    application: LiveApplication
    server: RtmpServer
    clients: list[RtmpClient] = field(default_factory=list)

    async def connect(self, app: str = "live") -> RtmpClient:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{self.server.port}/{app}")
        self.clients.append(client)
        return client

    async def end_all(self) -> None:
        """Close all connections, and wait until the server has noticed."""
        for client in self.clients:
            client.close()
            await client.wait_closed()
        await self.server.wait_closed()

    async def publish(self, name: str = "cam") -> ClientStream:
        stream = await (await self.connect()).create_stream()
        await stream.publish(name)
        return stream

    async def record(self, name: str = "cam", kind: str = "record") -> ClientStream:
        stream = await (await self.connect()).create_stream()
        await stream.publish(name, kind)
        return stream

    async def play(self, name: str = "cam") -> Player:
        player = Player(await (await self.connect()).create_stream())
        await player.stream.play(name)
        return player


class Player:
    """Collects what comes, and waits for as much as a test wants."""

    def __init__(self, stream: ClientStream) -> None:
        self.stream = stream
        self.media: list[tuple[int, int, bytes]] = []
        self.data: list[tuple[AmfValue, ...]] = []
        self.statuses: list[str] = []
        self._changed = asyncio.Event()
        stream.on_audio = lambda timestamp_ms, payload: self._media(MessageType.AUDIO, timestamp_ms, payload)
        stream.on_video = lambda timestamp_ms, payload: self._media(MessageType.VIDEO, timestamp_ms, payload)
        stream.on_data = self._on_data
        stream.on_status = self._on_status

    def _media(self, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        self.media.append((type_id, timestamp_ms, bytes(payload)))
        self._changed.set()

    def _on_data(self, _timestamp_ms: int, values: tuple[AmfValue, ...]) -> None:
        self.data.append(values)
        self._changed.set()

    def _on_status(self, event: StatusReceived) -> None:
        self.statuses.append(event.code)
        self._changed.set()

    @property
    def time_ms(self) -> int:
        return self.media[-1][1] if self.media else -1

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def live(
    session_limits: Limits = DEFAULT_LIMITS, admission: Admission | None = None, **settings: Any
) -> AsyncIterator[Live]:
    application = LiveApplication(**settings)
    server = await start_server(
        application.make_handler, "127.0.0.1", 0, limits=session_limits, admission=admission
    )
    running = Live(application, server)
    try:
        yield running
    finally:
        for client in running.clients:
            client.close()
        server.close()
        async with asyncio.timeout(5):
            await server.wait_closed()
    assert application.streams == {}
