"""What peers do to a server that they should not, over real sockets."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from dataclasses import replace

import pytest

from rtmp import events as ev
from rtmp.aio import RtmpClient, ServerConnection, start_server
from rtmp.chunk_reader import ChunkReader
from rtmp.commands import Command
from rtmp.errors import (
    AmfDecodeError,
    ConnectionLost,
    ConnectTimeout,
    HandshakeTimeout,
    LimitExceeded,
    NotRtmpError,
    PeerTimeout,
    RemoteProtocolError,
    RtmpError,
    WriteBufferExceeded,
)
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, AdmissionLimits, Limits
from rtmp.messages import Message, MessageType, UserControl, UserControlType
from rtmp.shared_message import SharedMessage
from tests.rtmp.running_server import HELLO, HELLO_ANSWER, EventLog, Running, command_bytes, full, running


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", NotRtmpError, "HTTP"),
        (bytes.fromhex("160301020001"), NotRtmpError, "TLS"),
        (HELLO + full(2, 4, 1, b"\x80\0\0\0"), RemoteProtocolError, "Set Chunk Size"),
        (HELLO + full(3, 16_000_000, 20), LimitExceeded, "16000000"),
        (HELLO + full(3, 5, 20, b"\x02\x00\x7fab"), AmfDecodeError, "bytes more"),
    ],
)
async def test_garbage_closes_with_one_log_line(
    data: bytes, error: type[RtmpError], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rtmp")
    async with running() as run:
        reader, writer, log = await run.connect()
        port = writer.get_extra_info("sockname")[1]
        writer.write(data)
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        reason = await log.closed()
        assert isinstance(reason, error)
        assert message in str(reason)
        (record,) = caplog.records
        assert f"connection {log.connection.id} (127.0.0.1:{port})" in record.getMessage()
        assert message in record.getMessage()


@pytest.mark.parametrize("data", [b"", b"\x03" + bytes(700), b"\x03" + bytes(PACKET_SIZE + 5)])
async def test_half_a_handshake_times_out(data: bytes) -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, handshake=0.05)) as run:
        reader, writer, log = await run.connect()
        writer.write(data)
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        assert isinstance(await log.closed(), HandshakeTimeout)


async def test_no_connect_times_out() -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, connect=0.05)) as run:
        reader, writer, log = await run.connect()
        writer.write(HELLO)
        async with asyncio.timeout(5):
            assert len(await reader.read()) == HELLO_ANSWER
        writer.close()
        assert isinstance(await log.closed(), ConnectTimeout)


def is_ping(message: Message) -> bool:
    return (
        message.type_id == MessageType.USER_CONTROL
        and UserControl.parse(message.payload).event_type == UserControlType.PING_REQUEST
    )


async def test_a_silent_peer_is_pinged_and_then_given_up() -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, ping=0.02, dead_peer=0.2)) as run:
        reader, writer, log = await run.connect()
        writer.write(HELLO + command_bytes("connect", {"app": "x"}))
        chunks, messages = ChunkReader(Limits()), list[Message]()
        async with asyncio.timeout(5):
            await reader.readexactly(HELLO_ANSWER)
            while not any(is_ping(message) for message in messages):
                data = await reader.read(4096)
                assert data, "closed without a ping"
                chunks.receive_data(data, messages)
        assert isinstance(await log.closed(), PeerTimeout)
        writer.close()


async def test_a_client_that_answers_pings_stays() -> None:
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, ping=0.02, dead_peer=0.3)) as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        log = await run.logs.get()
        pong = await log.wait(lambda e: isinstance(e, ev.PongReceived))
        for _ in range(3):
            pong = await log.wait(
                lambda e, last=pong: isinstance(e, ev.PongReceived) and e.timestamp_ms > last.timestamp_ms
            )
        assert not log.connection.is_closed
        client.close()
        assert await log.closed() is None


async def playing(run: Running) -> tuple[socket.socket, EventLog, int]:
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
    log = await run.logs.get()
    event = await log.wait(lambda e: isinstance(e, ev.PlayRequested))
    return sock, log, event.stream_id


async def test_a_client_that_never_reads_is_bounded() -> None:
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=200_000, max_write_buffer=400_000)
    async with running(limits) as run:
        sock, log, stream_id = await playing(run)
        connection = log.connection
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
        reason = await log.closed()
        assert isinstance(reason, WriteBufferExceeded)
        assert log.events[-2] == ev.StreamClosed(stream_id)
        sock.close()


async def test_a_client_that_pings_without_reading_is_bounded() -> None:
    limits = replace(
        DEFAULT_LIMITS, max_write_buffer_media=20_000, max_write_buffer=40_000, max_messages_per_second=0
    )
    async with running(limits) as run:
        sock, log, _ = await playing(run)
        assert log.connection._transport is not None
        kept = log.connection._transport.get_extra_info("socket")
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # the kernel would keep 100 000
        ping = bytes((2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1))
        loop = asyncio.get_running_loop()
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(10):
                while True:
                    await loop.sock_sendall(sock, ping * 2000)
        assert isinstance(await log.closed(), WriteBufferExceeded)
        sock.close()


async def test_commands_on_a_closed_connection_do_nothing() -> None:
    async with running() as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        log = await run.logs.get()
        client.abort()
        await log.closed()
        connection = log.connection
        connection.call("x")
        connection.send_audio(1, 0, b"")
        connection.respond(5.0)
        connection.close()
        connection.abort()


async def test_a_closed_connection_takes_every_offer() -> None:
    """Also when its peer had stopped reading: nobody will say that there is room again."""
    async with running(timeouts=replace(DEFAULT_TIMEOUTS, close=0.05)) as run:
        sock, log, stream_id = await playing(run)
        connection = log.connection
        message = SharedMessage(MessageType.VIDEO, 0, bytes(1 << 20))
        while connection.offer_shared(stream_id, message):
            pass
        connection.close()
        assert connection.write_paused
        assert connection.offer_shared(stream_id, message)
        sock.close()


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
    def make(_connection: ServerConnection) -> EventLog:
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
        run.server.admission.limits = AdmissionLimits(max_connections=1)
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        with pytest.raises((ConnectionLost, OSError)):
            await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        assert run.logs.qsize() == 1
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
