"""A client that plays files of a live application, and all that it sees."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rtmp.aio import ClientStream, RtmpClient, ServerConnection
from rtmp.aio.recording.recordings import Recordings
from rtmp.amf0 import AmfValue
from rtmp.commands import Command
from rtmp.events import StatusReceived
from rtmp.flv_file import FlvTag
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import UserControlType
from rtmp.state import StreamState
from tests.rtmp import flv_samples as flv
from tests.rtmp.live_server import Live, live

Seen = FlvTag | str
"""A message of the stream, or the code of a status."""

TAGS = [FlvTag(18, 0, flv.METADATA[16:]), *flv.stream(4)[1:]]


class Player:
    """A client that plays one stream, and all that it sees in its order."""

    def __init__(self, client: RtmpClient, stream: ClientStream) -> None:
        self.client = client
        self.stream = stream
        self.seen: list[Seen] = []
        self.infos: dict[str, Any] = {}
        self.all_infos: defaultdict[str, list[Any]] = defaultdict(list)
        self._changed = asyncio.Event()
        stream.on_audio = lambda time_ms, payload: self._see(FlvTag(8, time_ms, bytes(payload)))
        stream.on_video = lambda time_ms, payload: self._see(FlvTag(9, time_ms, bytes(payload)))
        stream.on_data = self._see_data
        stream.on_status = self._see_status

    def _see(self, seen: Seen) -> None:
        self.seen.append(seen)
        self._changed.set()

    def _see_status(self, event: StatusReceived) -> None:
        self.infos[event.code] = event.info
        self._see(event.code)

    def _see_data(self, time_ms: int, values: tuple[AmfValue, ...]) -> None:
        self.infos[str(values[0])] = (time_ms, values[1:])
        self.all_infos[str(values[0])].append((time_ms, values[1:]))
        self._see(str(values[0]))

    async def until(self, fits: Callable[[Seen], bool]) -> list[Seen]:
        """Return, and forget, all up to what fits."""
        async with asyncio.timeout(10):
            while not any(fits(each) for each in self.seen):
                self._changed.clear()
                await self._changed.wait()
        count = next(n for n, each in enumerate(self.seen) if fits(each)) + 1
        taken, self.seen = self.seen[:count], self.seen[count:]
        return taken

    async def until_code(self, code: str) -> list[Seen]:
        return await self.until(lambda seen: seen == f"NetStream.{code}")

    async def until_ms(self, time_ms: int) -> list[Seen]:
        return await self.until(lambda seen: isinstance(seen, FlvTag) and seen.timestamp_ms >= time_ms)

    def command(self, name: str, *arguments: AmfValue) -> None:
        self.client.session._send_command(Command(name, 0.0, None, arguments), self.stream.stream_id)
        self.client.commands_given()

    def set_buffer(self, length_ms: int) -> None:
        session = self.client.session
        session._send_user_control(UserControlType.SET_BUFFER_LENGTH, self.stream.stream_id, length_ms)
        self.client.commands_given()

    def play(self, name: str, *arguments: AmfValue) -> None:
        self.command("play", name, *arguments)


def media(seen: list[Seen]) -> list[FlvTag]:
    return [each for each in seen if isinstance(each, FlvTag)]


@asynccontextmanager
async def playing(
    tmp_path: Path,
    tags: list[FlvTag],
    *,
    buffer_ms: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    **settings: Any,
) -> AsyncIterator[tuple[Live, Player]]:
    (tmp_path / "vod").mkdir(exist_ok=True)
    (tmp_path / "vod" / "clip.flv").write_bytes(flv.flv_bytes(tags))
    async with live(limits, recordings=Recordings(tmp_path), **settings) as server:
        player = await join(server, buffer_ms)
        yield server, player
        player.client.close()
        await player.client.wait_closed()


async def join(server: Live, buffer_ms: int | None = None) -> Player:
    client = await server.connect("vod")
    player = Player(client, await client.create_stream())
    # so that the client takes what comes: its play waits for the answer, these tests do not
    player.client.session._streams[player.stream.stream_id] = StreamState.PLAYING
    if buffer_ms is not None:
        player.set_buffer(buffer_ms)
    return player


def server_side(server: Live) -> ServerConnection:
    """The server's end of the only connection."""
    (connection,) = server.server.connections
    return connection


def is_playing() -> bool:
    """Whether a file is open for a player."""
    return any(task.get_name() == "play clip.flv" for task in asyncio.all_tasks())
