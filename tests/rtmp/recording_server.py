"""A server that records what is published to it, and plays what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rtmp import events as ev
from rtmp.aio import RtmpServer, ServerConnection, start_server
from rtmp.aio.file_player import FilePlayer, FilePlayerConfig
from rtmp.aio.recorder import Recorded, Recorder
from rtmp.aio.recording_file import RecordMode
from rtmp.aio.recordings import Recordings
from rtmp.amf0 import encode_all
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import MessageType


class Handler:
    """One client, which publishes or plays one stream."""

    def __init__(self, connection: ServerConnection, server: RecordingServer) -> None:
        self.connection = connection
        self.server = server
        self.app = ""
        self.recorder: Recorder | None = None
        self.player: FilePlayer | None = None
        self.buffer_ms: int | None = None
        self.events: list[ev.Event] = []

    def on_event(self, event: ev.Event) -> None:  # noqa: PLR0912 - a table of answers
        self.events.append(event)
        player = self.player
        match event:
            case ev.ConnectRequested():
                self.app = event.app
                self.connection.accept_connect(event)
            case ev.PublishRequested():
                self.server.run(self.publish(event))
            case ev.AudioReceived(_, timestamp_ms, payload) if self.recorder:
                self.recorder.write(MessageType.AUDIO, timestamp_ms, payload)
            case ev.VideoReceived(_, timestamp_ms, payload) if self.recorder:
                self.recorder.write(MessageType.VIDEO, timestamp_ms, payload)
            case ev.DataReceived(_, timestamp_ms, values) if self.recorder:
                self.recorder.write(MessageType.DATA_AMF0, timestamp_ms, encode_all(values))
            case ev.PlayRequested():
                self.server.run(self.play(event))
            case ev.BufferLengthSet(_, length_ms):
                self.buffer_ms = length_ms
                if player:
                    player.set_buffer_length(length_ms)
            case ev.PauseRequested(_, True) if player:
                player.pause()
            case ev.PauseRequested(_, False, position_ms) if player:
                player.resume(position_ms)
            case ev.SeekRequested(_, position_ms) if player:
                player.seek(position_ms)
            case ev.StreamLengthRequested():
                self.server.run(self.tell_length(event))
            case ev.StreamClosed():
                self.end()
            case _:
                pass

    async def publish(self, event: ev.PublishRequested) -> None:
        path = await self.server.recordings.path(self.app, event.name)
        stream_id = event.stream_id
        self.recorder = Recorder(
            path,
            RecordMode(self.server.kind or event.kind),
            # the last of them comes when the stream is gone
            lambda *status: self.server.statuses.append(status[1]),
        )
        self.recorder.start()
        self.connection.accept_publish(stream_id)

    async def play(self, event: ev.PlayRequested) -> None:
        path = await self.server.recordings.find(self.app, event.name)
        if path is None:
            self.connection.reject_play(event.stream_id)
            return
        self.player = FilePlayer(
            self.connection, event.stream_id, path, event.start, event.duration,
            reset=event.reset, config=self.server.config,
        )  # fmt: skip
        if self.buffer_ms is not None:
            self.player.set_buffer_length(self.buffer_ms)
        self.player.start()

    async def tell_length(self, event: ev.StreamLengthRequested) -> None:
        duration_ms = await self.server.recordings.duration_ms(self.app, event.name)
        self.connection.respond(event.transaction_id, (duration_ms or 0) / 1000)

    def end(self) -> None:
        if self.recorder is not None:
            self.server.run(self.finish(self.recorder))
        if self.player is not None:
            self.player.stop()

    async def finish(self, recorder: Recorder) -> None:
        await self.server.recorded.put(await recorder.finish())


class RecordingServer:
    def __init__(self, root: Path, config: FilePlayerConfig) -> None:
        self.recordings = Recordings(root)
        self.config = config
        self.kind = ""
        self.recorded: asyncio.Queue[Recorded | None] = asyncio.Queue()
        self.statuses: list[str] = []
        self.handlers: list[Handler] = []
        self.server = RtmpServer()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def make(self, connection: ServerConnection) -> Handler:
        self.handlers.append(Handler(connection, self))
        return self.handlers[-1]

    def url(self, app: str = "vod") -> str:
        return f"rtmp://127.0.0.1:{self.server.port}/{app}"


@asynccontextmanager
async def recording_server(
    root: Path, config: FilePlayerConfig | None = None, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[RecordingServer]:
    state = RecordingServer(root, config or FilePlayerConfig())
    state.server = await start_server(state.make, "127.0.0.1", 0, limits=limits)
    try:
        yield state
    finally:
        state.server.close()
        async with asyncio.timeout(5):
            await state.server.wait_closed()
