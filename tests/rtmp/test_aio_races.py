"""Beginnings and ends of connections that meet. On asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from dataclasses import replace
from typing import Any

import pytest

from rtmp.aio import RtmpClient, RtmpServer, ServerConnection, ServerTls, start_server
from rtmp.chunk_writer import ChunkWriter
from rtmp.events import AudioReceived
from rtmp.limits import DEFAULT_TIMEOUTS
from rtmp.messages import MessageType
from tests.rtmp.both_loops import on_both_loops
from tests.rtmp.certificates import make_server_tls, needs_openssl, trusting
from tests.rtmp.running_server import EventLog, running
from tests.rtmp.watched_admission import WatchedAdmission

IMPATIENT = replace(DEFAULT_TIMEOUTS, close=0.05)
# asyncio's listener leaves a socket that it accepts in the turn of its close to the garbage collector
sockets_of_asyncio = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestWarning")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ServerTls:
    return make_server_tls(tmp_path_factory.mktemp("tls"))


class LoopErrors:
    """What the event loop has to say of exceptions that nobody took."""

    def __init__(self) -> None:
        self.told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(self._take)

    def _take(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.told.append(f"{context['message']}: {context.get('exception')!r}")

    def check(self) -> None:
        gc.collect()
        assert self.told == []


async def come_and_go(port: int, context: ssl.SSLContext) -> None:
    """A client that wants no more than to see the end."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        try:
            await reader.read()
        finally:
            writer.transport.abort()


async def check_all_left(server: RtmpServer) -> None:
    async with asyncio.timeout(5):
        await server.wait_closed()
    assert (server.admission.count, server.connections) == (0, set())


@on_both_loops
async def test_a_client_that_is_cancelled_while_it_connects_leaves_no_error_behind() -> None:
    class Impatient(RtmpClient):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            connecting.cancel()

    errors = LoopErrors()
    async with running() as run:
        connecting = asyncio.ensure_future(Impatient.connect(f"rtmp://127.0.0.1:{run.server.port}/x"))
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await (await run.logs.get()).closed()
    errors.check()


@sockets_of_asyncio
@on_both_loops
async def test_a_server_that_closes_while_a_connection_comes_waits_for_no_one() -> None:
    """In each of the turns of the loop that accepting takes; the client stays."""
    for turns in range(8):
        server = await start_server(EventLog, "127.0.0.1", 0, timeouts=IMPATIENT)
        with socket.create_connection(("127.0.0.1", server.port)):
            for _ in range(turns):
                await asyncio.sleep(0)
            server.close()
            await check_all_left(server)
            for _ in range(8):  # what has been accepted before is made only now
                await asyncio.sleep(0)
            await check_all_left(server)
    gc.collect()


@needs_openssl
@sockets_of_asyncio
@on_both_loops
async def test_a_server_that_closes_at_any_moment_of_a_tls_handshake(tls: ServerTls) -> None:
    errors = LoopErrors()
    for turns in range(40):
        server = await start_server(EventLog, "127.0.0.1", 0, timeouts=IMPATIENT, ssl=tls)
        client = asyncio.ensure_future(come_and_go(server.port, trusting(tls.certificate)))
        for _ in range(turns):
            await asyncio.sleep(0)
        server.close()
        await check_all_left(server)
        client.cancel()  # it may still wait for the end of one of sockets_of_asyncio
        await asyncio.wait({client})
    errors.check()


@needs_openssl
@on_both_loops
async def test_a_server_that_closes_as_the_connection_is_made(tls: ServerTls) -> None:
    def make(connection: ServerConnection) -> EventLog:
        server.close()
        return EventLog(connection)

    errors = LoopErrors()
    server = await start_server(make, "127.0.0.1", 0, timeouts=IMPATIENT, ssl=tls)
    await come_and_go(server.port, trusting(tls.certificate))
    await check_all_left(server)
    errors.check()


@needs_openssl
@on_both_loops
async def test_a_connection_that_is_lost_before_its_handshake_is_over(
    tls: ServerTls, caplog: pytest.LogCaptureFixture
) -> None:
    """That task of asyncio takes a turn more, in which somebody waits for the end of the server."""

    def make(_: ServerConnection) -> EventLog:
        raise ZeroDivisionError

    admission = WatchedAdmission()
    server = await start_server(make, "127.0.0.1", 0, timeouts=IMPATIENT, ssl=tls, admission=admission)
    client = asyncio.ensure_future(come_and_go(server.port, trusting(tls.certificate)))
    await admission.came.wait()
    await check_all_left(server)
    await client
    server.close()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


@on_both_loops
async def test_what_a_peer_said_before_it_vanished_is_heard() -> None:
    """It waits for its turn while the transport finds that nobody is there any more."""
    async with running() as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        log = await run.logs.get()
        stream = await client.create_stream()
        await stream.publish("cam")
        writer = ChunkWriter()
        messages = [
            b"".join(writer.write(50, MessageType.AUDIO, stream.stream_id, n, b"\xb2")) for n in range(1000)
        ]
        log.connection.data_received(b"".join(messages))
        assert log.connection._transport is not None
        log.connection._transport.abort()
        await log.closed()
        heard = [event.timestamp_ms for event in log.events if isinstance(event, AudioReceived)]
        assert heard == list(range(1000))
