"""A live application that records whatever is published to it, for programs that only publish as "live"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rtmp.aio import RtmpServer, ServerConnection, start_server
from rtmp.aio.live import LiveApplication
from rtmp.aio.recording.recordings import Recordings
from rtmp.events import Event, PublishRequested


@dataclass
class RecordingServer:
    root: Path
    application: LiveApplication
    kind: str = "record"
    """What each publish is taken for."""
    events: list[Event] = field(default_factory=list)
    server: RtmpServer = field(default_factory=RtmpServer)

    @property
    def url(self) -> str:
        return f"rtmp://127.0.0.1:{self.server.port}/vod"

    def path(self, name: str) -> Path:
        return self.root / "vod" / f"{name}.flv"

    def make_handler(self, connection: ServerConnection) -> _Handler:
        return _Handler(self, connection)

    async def wait_recorded(self) -> None:
        """Wait until all clients are gone and what they published is in its file."""
        async with asyncio.timeout(5):
            await self.server.wait_closed()
            await self.application.wait_recorded()


class _Handler:
    def __init__(self, server: RecordingServer, connection: ServerConnection) -> None:
        self._server = server
        self._live = server.application.make_handler(connection)

    def on_event(self, event: Event) -> None:
        self._server.events.append(event)
        if isinstance(event, PublishRequested):
            event = replace(event, kind=self._server.kind)
        self._live.on_event(event)


@asynccontextmanager
async def recording_server(root: Path) -> AsyncIterator[RecordingServer]:
    running = RecordingServer(root, LiveApplication(recordings=Recordings(root)))
    running.server = await start_server(running.make_handler, "127.0.0.1", 0)
    try:
        yield running
    finally:
        running.server.close()
        await running.wait_recorded()
