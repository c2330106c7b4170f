"""Connections handed over by one server to another, over real sockets and TLS. On asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import Admission, RtmpClient, RtmpServer, ServerConnection, ServerTls, start_server
from rtmp.aio.handover import MAX_PIECES, MAX_RECEIVED, AdoptedConnection, FrontConnection, Handover, adopt
from rtmp.aio.places import Place
from rtmp.errors import ConnectionLost, ConnectRejected, LimitExceeded
from rtmp.limits import AdmissionLimits
from tests.rtmp.both_loops import on_both_loops
from tests.rtmp.certificates import make_server_tls, needs_openssl, trusting
from tests.rtmp.running_server import HELLO, HELLO_ANSWER, EventLog, command_bytes

FRAMES = [b"\x17\x01" + bytes([n]) * 50_000 for n in range(20)]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ServerTls:
    return make_server_tls(tmp_path_factory.mktemp("tls"))


class Waiting:
    """At the front: waits for `connect`; accepts nothing."""

    def __init__(self, connection: ServerConnection, waiting: asyncio.Queue[FrontConnection]) -> None:
        assert isinstance(connection, FrontConnection)
        self.connection = connection
        self.waiting = waiting
        self.events: list[ev.Event] = []
        self.closed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on_event(self, event: ev.Event) -> None:
        self.events.append(event)
        if isinstance(event, ev.ConnectRequested):
            self.waiting.put_nowait(self.connection)
        elif isinstance(event, ev.ConnectionClosed):
            self.closed.set_result(event.reason)


class TwoServers:
    """A front that takes connections, and the server that goes on with them."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[FrontConnection] = asyncio.Queue()
        self.fronts: list[Waiting] = []
        self.front = RtmpServer()
        self.behind = RtmpServer(policy_file=None)
        self.places: list[Place] = []
        self.logs: list[EventLog] = []

    def make_waiting(self, connection: ServerConnection) -> Waiting:
        self.fronts.append(Waiting(connection, self.waiting))
        return self.fronts[-1]

    def make_log(self, connection: ServerConnection) -> EventLog:
        self.logs.append(EventLog(connection))
        return self.logs[-1]

    async def connect(self, tls: ServerTls | None = None) -> tuple[RtmpClient, EventLog]:
        """Connect a client, by TLS if given, and hand it over."""
        scheme, context = ("rtmp", None) if tls is None else ("rtmps", trusting(tls.certificate))
        url = f"{scheme}://127.0.0.1:{self.front.port}/x"
        connecting = asyncio.create_task(RtmpClient.connect(url, ssl=context))
        log = await self.hand_over()
        return await connecting, log

    async def hand_over(self) -> EventLog:
        sock, handover, place = await (await self.waiting.get()).hand_over()
        self.places.append(place)
        return await self.take(sock, handover)

    async def take(self, sock: socket.socket, handover: Handover) -> EventLog:
        await adopt(AdoptedConnection(self.make_log, self.behind, handover), sock)
        return self.logs[-1]


@asynccontextmanager
async def two_servers(**options: Any) -> AsyncIterator[TwoServers]:
    servers = TwoServers()
    servers.front = await start_server(
        servers.make_waiting, "127.0.0.1", 0, connection_class=FrontConnection, **options
    )
    try:
        async with asyncio.timeout(10):
            yield servers
    finally:
        servers.front.close()
        servers.behind.close()
        for place in servers.places:
            place.give_back()
        async with asyncio.timeout(5):
            await servers.front.wait_closed()
            await servers.behind.wait_closed()


async def publish_and_compare(client: RtmpClient, log: EventLog) -> None:
    stream = await client.create_stream()
    await stream.publish("cam")
    for n, frame in enumerate(FRAMES):
        stream.send_video(n, frame)
        await log.wait(lambda e, n=n: isinstance(e, ev.VideoReceived) and e.timestamp_ms == n)
    assert [bytes(e.payload) for e in log.events if isinstance(e, ev.VideoReceived)] == FRAMES
    client.close()
    assert await log.closed() is None
    assert await client.closed is None


@on_both_loops
async def test_a_client_notices_nothing() -> None:
    async with two_servers() as servers:
        client, log = await servers.connect()
        (front,) = servers.fronts
        assert log.connection.id == front.connection.id
        assert log.connection.peername == front.connection.peername
        assert log.connection.address_group == "127.0.0.1"
        await publish_and_compare(client, log)
        assert [type(event) for event in front.events] == [ev.ConnectRequested]


@needs_openssl
@on_both_loops
async def test_the_front_goes_on_with_the_tls_of_a_client(tls: ServerTls) -> None:
    async with two_servers(ssl=tls) as servers:
        client, log = await servers.connect(tls)
        assert log.connection.peername == servers.fronts[0].connection.peername
        await publish_and_compare(client, log)


@needs_openssl
@on_both_loops
async def test_the_end_of_the_other_process_ends_tls_too(tls: ServerTls) -> None:
    async with two_servers(ssl=tls) as servers:
        client, log = await servers.connect(tls)
        log.connection.abort()
        await client.closed


@on_both_loops
async def test_it_does_not_matter_how_the_bytes_are_cut() -> None:
    said = HELLO + command_bytes("connect", {"app": "x"})
    async with two_servers() as servers:
        answers = []
        for cuts in ([], [1], [1536, 1537, 1538], [3073], [3072, 3080], range(1, len(said), 97)):
            reader, writer = await asyncio.open_connection("127.0.0.1", servers.front.port)
            for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
                writer.write(said[start:end])
                await writer.drain()
            log = await servers.hand_over()
            assert sum(map(len, log.connection._handover.received)) == len(said)  # type: ignore[attr-defined]
            await log.wait(lambda e: isinstance(e, ev.ConnectRequested))
            writer.write_eof()
            answers.append(await reader.read())
            writer.close()
        assert {len(answer) for answer in answers} == {len(answers[0])}
        assert {answer[HELLO_ANSWER:] for answer in answers} == {answers[0][HELLO_ANSWER:]}
        assert b"NetConnection.Connect.Success" in answers[0]


@on_both_loops
async def test_what_follows_connect_at_once_is_acted_on_by_the_other_process_alone() -> None:
    pipelined = command_bytes("connect", {"app": "x"}) + command_bytes("hello", None, "early")
    async with two_servers() as servers:
        reader, writer = await asyncio.open_connection("127.0.0.1", servers.front.port)
        writer.write(HELLO + pipelined)
        log = await servers.hand_over()
        called = await log.wait(lambda e: isinstance(e, ev.CallReceived))
        assert (called.name, called.arguments) == ("hello", ("early",))
        assert [type(event) for event in servers.fronts[0].events] == [ev.ConnectRequested]
        writer.write_eof()
        answer = await reader.read()
        assert answer.count(b"NetConnection.Connect.Success") == 1
        assert b"not yet answered" not in answer
        writer.close()


@on_both_loops
async def test_a_client_can_be_refused_instead() -> None:
    async with two_servers() as servers:
        connecting = asyncio.create_task(RtmpClient.connect(f"rtmp://127.0.0.1:{servers.front.port}/x"))
        (await servers.waiting.get()).reject_connect(description="busy")
        with pytest.raises(ConnectRejected, match="busy"):
            await connecting
        assert await servers.fronts[0].closed is None


@on_both_loops
async def test_a_client_that_has_gone_is_not_handed_over() -> None:
    async with two_servers() as servers:
        _, writer = await asyncio.open_connection("127.0.0.1", servers.front.port)
        writer.write(HELLO + command_bytes("connect", {"app": "x"}))
        connection = await servers.waiting.get()
        writer.transport.abort()
        connection.resume_reading()  # nothing else tells a server that reads no more
        await servers.fronts[0].closed
        with pytest.raises(ConnectionLost):
            await connection.hand_over()


@on_both_loops
async def test_a_client_that_floods_before_the_answer_is_closed() -> None:
    async with two_servers() as servers:
        reader, writer = await asyncio.open_connection("127.0.0.1", servers.front.port)
        writer.write(HELLO + b"\x04\x00\x00\x00\xff\xff\xff\x09" + bytes(MAX_RECEIVED + 100_000))
        await reader.readexactly(HELLO_ANSWER)
        assert isinstance(await servers.fronts[0].closed, LimitExceeded)
        writer.close()


@on_both_loops
async def test_a_client_that_sends_crumbs_before_the_answer_is_closed() -> None:
    async with two_servers() as servers:
        reader, writer = await asyncio.open_connection("127.0.0.1", servers.front.port)
        writer.write(HELLO)
        await reader.readexactly(HELLO_ANSWER)
        front = servers.fronts[0]
        # a chunk of 65535 bytes begins, whose bytes come one by one
        front.connection.data_received(b"\x02" + bytes(5) + b"\x04\x01" + bytes(4) + b"\x00\x00\xff\xff")
        front.connection.data_received(b"\x04\x00\x00\x00\x00\xff\xff\x09" + bytes(4))
        for _ in range(MAX_PIECES):
            front.connection.data_received(b"\x00")
        assert isinstance(await front.closed, LimitExceeded)
        writer.close()


@on_both_loops
async def test_the_place_is_kept_until_it_is_given_back() -> None:
    async with two_servers(admission=Admission(AdmissionLimits(max_connections=1))) as servers:
        url = f"rtmp://127.0.0.1:{servers.front.port}/x"
        connecting = asyncio.create_task(RtmpClient.connect(url))
        await servers.hand_over()
        await connecting
        with pytest.raises((ConnectionLost, OSError)):
            await RtmpClient.connect(url)
        servers.places[0].give_back()
        connecting = asyncio.create_task(RtmpClient.connect(url))
        await servers.hand_over()
        await connecting
