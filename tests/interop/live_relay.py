"""The live relay in the test's own process, which real programs publish to and play from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtmp.aio import ClientStream, RtmpClient, RtmpServer, ServerConnection, ServerTls, start_server
from rtmp.aio.live import LiveApplication, LiveRequest
from rtmp.aio.live.connection import LiveConnection
from rtmp.amf0 import AmfValue
from rtmp.events import ConnectRequested, Event, StatusReceived
from rtmp.messages import MessageType, Payload
from tests.interop.flv_tags import Tag
from tests.interop.peers.ffmpeg import run_ffmpeg
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST
from tests.rtmp.certificates import trusting

NAME = "cam"
PICTURES = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=25")
TONE = ("-f", "lavfi", "-i", "sine=r=44100")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "2")
# Less than the half window that a server acknowledges: FFmpeg closes without reading the last
# acknowledgements, which resets the connection and takes what is not sent yet with it. More than that is
# sent in test_rtmp_windows.py.
NOISE = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=10", "-vf", "noise=alls=60:allf=t", "-g", "5", "-crf", "8")
MEDIA = {
    "h264-aac": (*PICTURES, *TONE, "-t", "3", *H264, "-g", "12", "-c:a", "aac"),
    "large-key-pictures": (*NOISE, "-t", "1.2", *H264),
    "speex": ("-f", "lavfi", "-i", "sine=r=16000", "-t", "1", "-ac", "1", "-c:a", "libspeex"),
    "mp3": (*TONE, "-t", "1", "-c:a", "libmp3lame"),
}


class Media:
    """FLV files, made when they are first wanted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def flv(self, name: str) -> Path:
        """The file of a name of `MEDIA`."""
        path = self._directory / f"{name}.flv"
        if not path.exists():
            run_ffmpeg(*MEDIA[name], str(path))
        return path


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Files to publish."""
    return Media(tmp_path_factory.mktemp("media"))


class OwnPlayer:
    """Our client as a player; its `tags` are audio and video as they came."""

    def __init__(self, client: RtmpClient, stream: ClientStream) -> None:
        self.client = client
        self.tags: list[Tag] = []
        self.data: list[tuple[AmfValue, ...]] = []
        self.statuses: list[str] = []
        stream.on_audio = lambda timestamp_ms, payload: self._take(MessageType.AUDIO, timestamp_ms, payload)
        stream.on_video = lambda timestamp_ms, payload: self._take(MessageType.VIDEO, timestamp_ms, payload)
        stream.on_data = lambda _timestamp_ms, values: self.data.append(values)
        stream.on_status = self._on_status

    def _take(self, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        self.tags.append(Tag(type_id, timestamp_ms, bytes(payload)))

    def _on_status(self, event: StatusReceived) -> None:
        self.statuses.append(event.code)

    async def wait_key_pictures(self, count: int) -> None:
        """Wait until so many key pictures have come."""
        await until(lambda: sum(tag.is_key for tag in self.tags) >= count, f"{count} key pictures")

    async def wait_unpublished(self) -> None:
        """Wait until the stream is no longer published, and all of it has come."""
        await until(lambda: "NetStream.Play.UnpublishNotify" in self.statuses, "the end of the stream")


class LiveRelay:
    """A running `LiveApplication`, by RTMPS if it has `tls`, and what its clients asked for."""

    def __init__(self, tls: ServerTls | None = None) -> None:
        self._tls = tls
        self.requests: list[LiveRequest] = []
        self.application = LiveApplication(authorize=self.requests.append)
        self.server = RtmpServer()
        self.connects: list[ConnectRequested] = []
        self._clients: list[RtmpClient] = []

    async def start(self) -> None:
        """Listen."""
        self.server = await start_server(self._make_handler, HOST, 0, ssl=self._tls)

    async def stop(self) -> None:
        """Close all connections; harmless when repeated."""
        for client in self._clients:
            client.close()
        self.server.close()
        async with asyncio.timeout(10):
            await self.server.wait_closed()

    def _make_handler(self, connection: ServerConnection) -> "Recorder":
        return Recorder(self, self.application.make_handler(connection))

    def url(self, name: str = NAME) -> str:
        """Where a stream is published and played."""
        scheme = "rtmp" if self._tls is None else "rtmps"
        return f"{scheme}://{HOST}:{self.server.port}/live/{name}"

    async def connect(self, app_url: str | None = None, *, object_encoding: int = 0) -> RtmpClient:
        """A client of our own, here or at another server."""
        app_url = app_url or self.url().rpartition("/")[0]
        tls = trusting(self._tls.certificate) if self._tls is not None else None
        client = await RtmpClient.connect(app_url, object_encoding=object_encoding, ssl=tls)
        self._clients.append(client)
        return client

    async def play(self, url: str | None = None, *, object_encoding: int = 0) -> OwnPlayer:
        """A player of our own that has joined, here or at another server."""
        app_url, _, name = (url or self.url()).rpartition("/")
        client = await self.connect(app_url, object_encoding=object_encoding)
        stream = await client.create_stream()
        player = OwnPlayer(client, stream)
        await stream.play(name)
        return player

    async def wait_players(self, count: int) -> None:
        """Wait until so many play the stream."""
        stream = f"live/{NAME}"
        streams = self.application.streams
        await until(
            lambda: stream in streams and len(streams[stream].players) == count, f"{count} players", 15
        )


class Recorder:
    """Notes what a client says of itself."""

    def __init__(self, relay: LiveRelay, handler: LiveConnection) -> None:
        self._relay = relay
        self._handler = handler

    def on_event(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, ConnectRequested):
            self._relay.connects.append(event)
        self._handler.on_event(event)


@pytest.fixture
async def relay(caplog: pytest.LogCaptureFixture) -> AsyncIterator[LiveRelay]:
    """A relay that must have nothing to complain about."""
    async with running_relay(caplog) as running:
        yield running


@asynccontextmanager
async def running_relay(
    caplog: pytest.LogCaptureFixture, tls: ServerTls | None = None
) -> AsyncIterator[LiveRelay]:
    """Run a relay that must have nothing to complain about."""
    running = LiveRelay(tls)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
    assert running.application.streams == {}
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []
