"""Records what real RTMP programs send: the captures of tests/vectors/rtmp, which its README describes.

    python -m tests.vectors.record_rtmp [NAME ...]

Clients talk to a ServerSession that accepts whatever they ask for, and plays them a capture; servers talk to
a ClientSession that publishes or plays. What the program sent is written as one file for each connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from rtmp import events as ev
from rtmp.client_session import ClientSession
from rtmp.server_session import ServerSession
from rtmp.session import Session
from tests.rtmp.raw_client import accept

FOLDER = Path(__file__).parent / "rtmp"
FROM_SERVERS = FOLDER / "from_servers"
_PATIENCE_S = 15.0
_SPEEX = "-f lavfi -i sine=r=16000 -t 0.4 -ac 1 -c:a libspeex -f flv"
_AVC_AAC = (
    "-f lavfi -i testsrc=s=160x120:r=10 -f lavfi -i sine=r=44100 -t 2"
    " -pix_fmt yuv420p -c:v libx264 -c:a aac -f flv"
)
_GST_MEDIA = (
    "flvmux name=mux streamable=true audiotestsrc num-buffers=20 samplesperbuffer=320"
    " ! audio/x-raw,rate=16000,channels=1 ! speexenc ! mux."
    " videotestsrc num-buffers=5 ! video/x-raw,width=64,height=48,framerate=10/1 ! avenc_flv ! mux."
)

CLIENTS = {
    "ffmpeg_publish_speex": f"ffmpeg {_SPEEX} rtmp://{{server}}/live/x",
    "ffmpeg_publish_avc_aac": f"ffmpeg -re {_AVC_AAC} rtmp://{{server}}/live/x",
    "ffmpeg_play": "ffmpeg -rtmp_live live -i rtmp://{server}/live/x -c copy -f flv -y /dev/null",
    "rtmpdump_play": "rtmpdump -v -r rtmp://{server}/live/x -C S:login -C S:pass -C O:1 -C NS:a:b -C O:0"
    " -o /dev/null",
    "gst_rtmp2sink_publish": f"gst-launch-1.0 {_GST_MEDIA} mux. ! rtmp2sink location=rtmp://{{server}}/live/x",
    "gst_rtmp2src_play": "gst-launch-1.0 rtmp2src location=rtmp://{server}/live/x ! fakesink",
    "gst_rtmpsink_publish": f"gst-launch-1.0 {_GST_MEDIA} mux. ! rtmpsink location=rtmp://{{server}}/live/x",
    "gst_rtmpsrc_play": "gst-launch-1.0 rtmpsrc location=rtmp://{server}/live/x ! fakesink",
    "curl_play": "curl -s -o /dev/null rtmp://{server}/live/x",
}
"""What runs a program that connects to a server."""

NGINX_CLIENTS = {
    "nginx_push": "push rtmp://{server}/live/x;",
    "nginx_pull": "pull rtmp://{server}/live/x name=x static;",
}
"""What has nginx connect to a server."""

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
load_module modules/ngx_rtmp_module.so;
events {{}}
rtmp {{ server {{ listen {server}; application live {{ live on; {directive} }} }} }}
"""


@dataclass(frozen=True, slots=True)
class Media:
    """An audio, video or data event of a capture, to be sent again."""

    event: ev.AudioReceived | ev.VideoReceived | ev.DataReceived

    def send(self, session: ServerSession | ClientSession, stream_id: int) -> None:
        """Send it on a stream that publishes or plays."""
        event = self.event
        if isinstance(event, ev.AudioReceived):
            session.send_audio(stream_id, event.timestamp_ms, event.payload)
        elif isinstance(event, ev.VideoReceived):
            session.send_video(stream_id, event.timestamp_ms, event.payload)
        else:
            session.send_data(stream_id, event.timestamp_ms, *event.values)


def media_of(name: str, count: int) -> list[Media]:
    """Return the first media of a capture."""
    session = ServerSession()
    session.feed((FOLDER / f"{name}.bin").read_bytes())
    media = []
    while (event := session.next_event()) is not None:
        accept(session, event)
        if isinstance(event, ev.AudioReceived | ev.VideoReceived | ev.DataReceived):
            media.append(Media(event))
    return media[:count]


def proceed(session: ClientSession, event: ev.Event, *, publishes: bool) -> None:
    """Go on from an event to publishing or playing "x"."""
    if isinstance(event, ev.ConnectAccepted):
        session.create_stream()
    elif isinstance(event, ev.StreamCreated) and publishes:
        session.publish(event.stream_id, "x")
    elif isinstance(event, ev.StreamCreated):
        session.play(event.stream_id, "x")


class Recording(asyncio.Protocol):
    """A session on a socket that keeps all it receives."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.received = bytearray()
        self.started = asyncio.Event()  # publishing or playing
        self.closed = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.session.feed(data)
        while (event := self.session.next_event()) is not None:
            self.on_event(event)
        self.flush()

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed.set()

    def on_event(self, event: ev.Event) -> None:
        raise NotImplementedError

    def flush(self) -> None:
        self.transport.write(self.session.data_to_send())


class RecordedClient(Recording):
    """The server's end of a client: accepts all, and plays it a capture."""

    def __init__(self) -> None:
        self._server = ServerSession()
        super().__init__(self._server)

    def on_event(self, event: ev.Event) -> None:
        accept(self._server, event)
        if isinstance(event, ev.PublishRequested):
            self.started.set()
        elif isinstance(event, ev.PlayRequested):
            for media in media_of("ffmpeg_publish_avc_aac", 200):
                media.send(self._server, event.stream_id)
            self._server.end_play(event.stream_id)
            # some players end with the stream, others with the connection; either may have last words
            asyncio.get_running_loop().call_later(1.0, self.transport.write_eof)


class RecordedServer(Recording):
    """The client's end of a server: publishes a capture, or plays until the server closes."""

    def __init__(self, url: str, *, publishes: bool) -> None:
        self._client = ClientSession(url)
        super().__init__(self._client)
        self._publishes = publishes
        self._client.connect()

    def on_event(self, event: ev.Event) -> None:
        proceed(self._client, event, publishes=self._publishes)
        if isinstance(event, ev.StatusReceived) and event.code in (
            "NetStream.Publish.Start",
            "NetStream.Play.Start",
        ):
            self.started.set()

    def publish_media(self) -> None:
        """Send the capture, and delete the stream."""
        for media in media_of("ffmpeg_publish_speex", 30):
            media.send(self._client, 1)
        self._client.delete_stream(1)
        self.flush()


@contextlib.asynccontextmanager
async def program(command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, and end it if it has not ended."""
    process = await asyncio.create_subprocess_exec(
        *command.split(), stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def nginx(server: str, directive: str = "") -> AsyncIterator[None]:
    """Run nginx with an application "live"."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, server=server, directive=directive))
        async with program(f"nginx -c {file}"):
            yield


async def free_address() -> str:
    """Return a local address that is free at present."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    return f"127.0.0.1:{port}"


async def record_client(name: str) -> bytes:
    """Record a client, from its connection to the end of it."""
    recordings: asyncio.Queue[RecordedClient] = asyncio.Queue()

    def make() -> RecordedClient:
        recordings.put_nowait(recording := RecordedClient())
        return recording

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with contextlib.AsyncExitStack() as running:
        if name in NGINX_CLIENTS:
            own = await free_address()
            await running.enter_async_context(nginx(own, NGINX_CLIENTS[name].format(server=address)))
        else:
            await running.enter_async_context(program(CLIENTS[name].format(server=address)))
        if name == "nginx_push":  # which nginx does once someone publishes
            publisher = await connect(own, publishes=True)
        recording = await recordings.get()
        if name == "nginx_push":
            await recording.started.wait()
            publisher.publish_media()
        await recording.closed.wait()
    return bytes(recording.received)


async def record_server(name: str) -> bytes:
    """Record what a server sends to a client that publishes or plays."""
    address = await free_address()
    ffmpeg = f"ffmpeg -v error -listen 1 -i rtmp://{address}/live/x -f null -"
    async with program(ffmpeg) if name == "ffmpeg_to_publisher" else nginx(address):
        recorded = publisher = await connect(address, publishes=True)
        await publisher.started.wait()
        if name == "nginx_to_player":
            recorded = await connect(address, publishes=False)
            await recorded.started.wait()
        publisher.publish_media()
        # neither server closes, nor ends what is played: all has come when nothing more does
        await asyncio.sleep(1.0)
    return bytes(recorded.received)


async def connect(address: str, *, publishes: bool) -> RecordedServer:
    """Connect to a program that may still be starting."""
    host, port = address.split(":")
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            _, recording = await loop.create_connection(
                lambda: RecordedServer(f"rtmp://{address}/live", publishes=publishes), host, int(port)
            )
            return recording
        await asyncio.sleep(0.1)


SERVERS = ("nginx_to_publisher", "nginx_to_player", "ffmpeg_to_publisher")
NAMES = (*CLIENTS, *NGINX_CLIENTS, *SERVERS)


async def record(name: str) -> None:
    """Record one capture and write it."""
    async with asyncio.timeout(_PATIENCE_S):
        data = await (record_server(name) if name in SERVERS else record_client(name))
    file = (FROM_SERVERS if name in SERVERS else FOLDER) / f"{name}.bin"
    file.write_bytes(data)
    print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or NAMES:
        asyncio.run(record(wanted))
