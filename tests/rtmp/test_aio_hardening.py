"""What peers do to a server that they should not, over real sockets."""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import RtmpClient, RtmpServer, ServerConnection, start_server
from rtmp.commands import Command
from rtmp.errors import (
    AmfDecodeError,
    ConnectionLost,
    ConnectTimeout,
    HandshakeTimeout,
    LimitExceeded,
    NotRtmpError,
    PeerTimeout,
    RtmpError,
    WriteBufferExceeded,
)
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts

HELLO = b"\x03" + bytes(2 * PACKET_SIZE)
HELLO_ANSWER = 1 + 2 * PACKET_SIZE


class Recorder:
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
        self.recorders: asyncio.Queue[Recorder] = asyncio.Queue()
        self.server = RtmpServer()

    def make(self, connection: ServerConnection) -> Recorder:
        recorder = Recorder(connection)
        self.recorders.put_nowait(recorder)
        return recorder

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Recorder]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        return reader, writer, await self.recorders.get()


@asynccontextmanager
async def running(
    limits: Limits = DEFAULT_LIMITS, timeouts: Timeouts = DEFAULT_TIMEOUTS
) -> AsyncIterator[Running]:
    state = Running()
    state.server = await start_server(state.make, "127.0.0.1", 0, limits=limits, timeouts=timeouts)
    try:
        yield state
    finally:
        state.server.close()
        async with asyncio.timeout(5):
            await state.server.wait_closed()


def full(csid: int, length: int, type_id: int, body: bytes = b"") -> bytes:
    return bytes((csid, 0, 0, 0)) + length.to_bytes(3, "big") + bytes((type_id,)) + bytes(4) + body


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", NotRtmpError, "HTTP"),
        (bytes.fromhex("160301020001"), NotRtmpError, "TLS"),
        (HELLO + full(2, 4, 1, b"\x7f\xff\xff\xff"), LimitExceeded, "Set Chunk Size"),
        (HELLO + full(3, 16_000_000, 20), LimitExceeded, "16000000"),
        (HELLO + full(3, 5, 20, b"\x02\x00\x7fab"), AmfDecodeError, "bytes more"),
    ],
)
async def test_garbage_closes_with_one_log_line(
    data: bytes, error: type[RtmpError], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rtmp")
    async with running() as run:
        reader, writer, recorder = await run.connect()
        port = writer.get_extra_info("sockname")[1]
        writer.write(data)
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        reason = await recorder.closed()
        assert isinstance(reason, error)
        assert message in str(reason)
        (record,) = caplog.records
        assert f"connection {recorder.connection.id} (127.0.0.1:{port})" in record.getMessage()
        assert message in record.getMessage()


@pytest.mark.parametrize("data", [b"", b"\x03" + bytes(700), b"\x03" + bytes(PACKET_SIZE + 5)])
async def test_half_a_handshake_times_out(data: bytes) -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, handshake=0.05)) as run:
        reader, writer, recorder = await run.connect()
        writer.write(data)
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        assert isinstance(await recorder.closed(), HandshakeTimeout)


async def test_no_connect_times_out() -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, connect=0.05)) as run:
        reader, writer, recorder = await run.connect()
        writer.write(HELLO)
        async with asyncio.timeout(5):
            assert len(await reader.read()) == HELLO_ANSWER
        writer.close()
        assert isinstance(await recorder.closed(), ConnectTimeout)


async def test_a_silent_peer_is_pinged_and_then_given_up() -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, ping=0.02, dead_peer=0.2)) as run:
        reader, writer, recorder = await run.connect()
        writer.write(HELLO + full(3, 0, 0)[:0] + command_bytes("connect", {"app": "x"}))
        # the answer to connect, and then a ping: user control event 6
        async with asyncio.timeout(5):
            data = b""
            while b"\x04\x00\x00\x00\x00\x00\x06" not in data and b"\x00\x06\x00" not in data[HELLO_ANSWER:]:
                data += await reader.read(4096)
        assert isinstance(await recorder.closed(), PeerTimeout)
        writer.close()


async def test_a_client_that_answers_pings_stays() -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, ping=0.02, dead_peer=0.3)) as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        recorder = await run.recorders.get()
        pong = await recorder.wait(lambda e: isinstance(e, ev.PongReceived))
        for _ in range(3):
            pong = await recorder.wait(
                lambda e, last=pong: isinstance(e, ev.PongReceived) and e.timestamp_ms > last.timestamp_ms
            )
        assert not recorder.connection.is_closed
        client.close()
        assert await recorder.closed() is None


def command_bytes(name: str, command_object: Any = None, *arguments: Any) -> bytes:
    payload = Command(name, 1.0, command_object, arguments).serialize()[1]
    assert len(payload) <= 128
    return full(3, len(payload), 20, payload)


async def playing(run: Running) -> tuple[socket.socket, Recorder, int]:
    """A player that has asked to play and has read nothing since."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", run.server.port))
    payload = Command("play", 0.0, None, ("cam",)).serialize()[1]
    play = bytes((4, 0, 0, 0)) + len(payload).to_bytes(3, "big") + b"\x14\x01\0\0\0" + payload
    data = HELLO + command_bytes("connect", {"app": "x"}) + command_bytes("createStream") + play
    await loop.sock_sendall(sock, data)
    recorder = await run.recorders.get()
    event = await recorder.wait(lambda e: isinstance(e, ev.PlayRequested))
    return sock, recorder, event.stream_id


async def test_a_client_that_never_reads_is_bounded() -> None:
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=200_000, max_write_buffer=400_000)
    async with running(limits) as run:
        sock, recorder, stream_id = await playing(run)
        connection = recorder.connection
        frame = b"\x17\x01" + bytes(9998)
        # media are dropped, however much is sent
        for n in range(3000):
            connection.send_video(stream_id, n, frame)
            if n % 10 == 0:
                await asyncio.sleep(0)
        assert connection.dropped_media > 1000
        assert connection.write_buffer_size <= 200_000 + 11 * 11_000
        assert not connection.is_closed
        # commands are not dropped: past the other bound the connection is given up
        for _ in range(1000):
            connection.call("receivedMessage", "x" * 1000)
            await asyncio.sleep(0)
        reason = await recorder.closed()
        assert isinstance(reason, WriteBufferExceeded)
        assert recorder.events[-2] == ev.StreamClosed(stream_id)
        sock.close()


async def test_a_client_that_pings_without_reading_is_bounded() -> None:
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=20_000, max_write_buffer=40_000)
    async with running(limits) as run:
        sock, recorder, _ = await playing(run)
        ping = bytes((2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1))
        loop = asyncio.get_running_loop()
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(10):
                while True:
                    await loop.sock_sendall(sock, ping * 2000)
        assert isinstance(await recorder.closed(), WriteBufferExceeded)
        sock.close()


async def test_commands_on_a_closed_connection_do_nothing() -> None:
    async with running() as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        recorder = await run.recorders.get()
        client.abort()
        await recorder.closed()
        connection = recorder.connection
        connection.call("x")
        connection.send_audio(1, 0, b"")
        connection.respond(5.0)
        connection.close()
        connection.abort()


async def test_a_failing_handler_ends_only_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as run:
        other = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        with pytest.raises(ConnectionLost):
            await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/fail")
        assert "ZeroDivisionError" in caplog.text
        assert not other.is_closed
        other.close()
        await other.closed


async def test_a_failing_handler_factory_ends_only_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    def make(_connection: ServerConnection) -> Recorder:
        raise ZeroDivisionError

    server = await start_server(make, "127.0.0.1", 0)
    with pytest.raises((ConnectionLost, OSError)):
        await RtmpClient.connect(f"rtmp://127.0.0.1:{server.port}/x")
    assert "ZeroDivisionError" in caplog.text
    server.close()
    await server.wait_closed()


async def test_taken_port_is_an_oserror() -> None:
    async with running() as run:
        with pytest.raises(OSError) as caught:
            await start_server(run.make, "127.0.0.1", run.server.port)
        assert caught.value.errno == errno.EADDRINUSE


async def test_connections_are_bounded() -> None:
    async with running() as run:
        run.server.max_connections = 1
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        with pytest.raises((ConnectionLost, OSError)):
            await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        assert run.recorders.qsize() == 1
        client.close()
        await client.closed


async def test_server_close_can_leave_connections() -> None:
    async with running() as run:
        port = run.server.port
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{port}/x")
        run.server.close(connections=False)
        with pytest.raises(OSError):
            await RtmpClient.connect(f"rtmp://127.0.0.1:{port}/x")
        stream = await client.create_stream()
        await stream.publish("x")
        run.server.close()
        assert await client.closed is None


async def test_client_gives_up_a_server_that_does_not_answer() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(HandshakeTimeout):
        await RtmpClient.connect(
            f"rtmp://127.0.0.1:{port}/x", timeouts=replace(DEFAULT_TIMEOUTS, handshake=0.05)
        )
    server.close()
    await server.wait_closed()


# Real clients


async def run_program(*arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(15):
            return await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
@pytest.mark.parametrize(("codec", "first"), [("libspeex", 0xB0), ("aac", 0xA0)])
async def test_ffmpeg_publishes(codec: str, first: int) -> None:
    async with running() as run:
        url = f"rtmp://127.0.0.1:{run.server.port}/live/cam"
        program = run_program(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=16000", "-t", "0.5", "-ac", "1",
            "-c:a", codec, "-f", "flv", url,
        )  # fmt: skip
        assert await program == 0
        recorder = await run.recorders.get()
        assert await recorder.closed() is None
        audio = [event for event in recorder.events if isinstance(event, ev.AudioReceived)]
        assert len(audio) > 5
        assert {event.payload[0] & 0xF0 for event in audio} == {first}
        assert isinstance(recorder.events[-2], ev.StreamClosed)


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("rtmpdump") is None, reason="needs rtmpdump (apt install rtmpdump)")
async def test_rtmpdump_plays(tmp_path: Path) -> None:
    async with running() as run:
        output = tmp_path / "out.flv"
        program = asyncio.create_task(
            run_program(
                "rtmpdump",
                "-q",
                "-v",
                "-r",
                f"rtmp://127.0.0.1:{run.server.port}/live/cam",
                "-C",
                "S:login",
                "-o",
                str(output),
            )
        )
        recorder = await run.recorders.get()
        requested = await recorder.wait(lambda e: isinstance(e, ev.ConnectRequested))
        assert requested.arguments == ("login",)
        play = await recorder.wait(lambda e: isinstance(e, ev.PlayRequested))
        body = bytes(range(200))
        for n in range(30):
            recorder.connection.send_audio(play.stream_id, n * 20, b"\xb6" + body)
        recorder.connection.end_play(play.stream_id)
        assert await program in (0, 2)
        assert output.read_bytes().count(body) == 30
