"""What one connection, and one address, may take from the others. Over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from rtmp import events as ev
from rtmp.aio import Admission, RtmpClient
from rtmp.aio.inbound import MESSAGES_PER_TURN
from rtmp.errors import ConnectionLost, WriteStalled
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, AdmissionLimits
from tests.rtmp.log_lines import log_lines
from tests.rtmp.running_server import HELLO, EventLog, Running, command_bytes, full, running
from tests.rtmp.test_aio_hardening import playing

CONNECT = HELLO + command_bytes("connect", {"app": "x"})
EMPTY = full(5, 0, 8)
"""The header of an audio message without bytes; each b"\\xc5" after it is another such message."""
UNLIMITED = replace(DEFAULT_LIMITS, max_messages_per_second=0, max_bytes_per_second=0)


class Counter(EventLog):
    """Counts audio, as a flood has too many events to keep them."""

    count = 0
    turns = 0
    _turn: asyncio.Handle | None = None

    def on_event(self, event: ev.Event) -> None:
        if not isinstance(event, ev.AudioReceived | ev.CallReceived):
            super().on_event(event)
            return
        self.count += 1
        self.changed.set()
        if self._turn is None:
            self.turns += 1
            self._turn = asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._turn = None

    async def until(self, fits: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not fits():
                self.changed.clear()
                await self.changed.wait()


async def publisher(run: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Counter]:
    """A connection whose audio is counted."""
    run.log_class = Counter
    reader, writer, log = await run.connect()
    assert isinstance(log, Counter)
    publish = command_bytes("publish", None, "cam", "live").replace(b"\x14\0\0\0\0", b"\x14\1\0\0\0", 1)
    writer.write(CONNECT + command_bytes("createStream") + publish)
    await log.wait(lambda e: isinstance(e, ev.PublishRequested))
    return reader, writer, log


AUDIO = EMPTY[:8] + b"\1\0\0\0"


async def test_each_message_of_a_flood_arrives_in_bounded_turns() -> None:
    async with running(UNLIMITED) as run:
        _, writer, log = await publisher(run)
        writer.write(AUDIO + b"\xc5" * 49_999)
        await log.until(lambda: log.count == 50_000)
        assert log.turns >= 50_000 / MESSAGES_PER_TURN / 2
        assert not log.connection._inbound.is_paused
        writer.write(b"\xc5")
        await log.until(lambda: log.count == 50_001)
        writer.close()
        assert await log.closed() is None


async def test_a_flood_that_ends_with_a_fault_is_delivered_first() -> None:
    async with running(UNLIMITED, replace(DEFAULT_TIMEOUTS, close=0.1)) as run:
        _, writer, log = await publisher(run)
        writer.write(AUDIO + b"\xc5" * 9_999 + full(3, 16_000_000, 20))
        reason = await log.closed()
        assert "16000000" in str(reason)
        assert log.count == 10_000
        writer.close()


async def test_a_flood_and_then_the_end_is_delivered_whole() -> None:
    async with running(UNLIMITED) as run:
        _, writer, log = await publisher(run)
        writer.write(AUDIO + b"\xc5" * 29_999)
        writer.write_eof()
        assert await log.closed() is None
        assert log.count == 30_000
        writer.close()


def flood(port: int, data: bytes, ready: Callable[[], object], stop: Callable[[], bool]) -> None:
    """Send the same again and again, from a thread, as fast as the server takes it."""
    with socket.create_connection(("127.0.0.1", port)) as sock, contextlib.suppress(OSError):
        sock.settimeout(0.1)
        sock.sendall(CONNECT + AUDIO)
        ready()
        rest = memoryview(data)
        while not stop():
            with contextlib.suppress(TimeoutError):
                sent = sock.send(rest)
                rest = rest[sent:] or memoryview(data)


async def test_a_flood_does_not_hold_up_the_others() -> None:
    """Each turn is bounded, so the loop comes around: a call is answered in milliseconds."""
    async with running(UNLIMITED) as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        log = await run.logs.get()
        loop, flooding, over = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(
            asyncio.to_thread(
                flood,
                run.server.port,
                b"\xc5" * 65536,
                lambda: loop.call_soon_threadsafe(flooding.set),
                over.is_set,
            )
        )
        await flooding.wait()
        flooder = await run.logs.get()
        await flooder.wait(lambda e: isinstance(e, ev.ConnectRequested))
        times = []
        for _ in range(40):
            begin = loop.time()
            stream = await client.create_stream()
            times.append(loop.time() - begin)
            stream.close()
        before = flooder.connection.session.messages_handled
        await client.create_stream()
        over.set()
        await task
        assert before > 1000, "there was no flood"
        assert sorted(times)[len(times) // 2] < 0.05, times
        assert not log.connection.is_closed
        client.close()
        await client.closed


async def test_a_rate_of_messages_holds_the_peer_back() -> None:
    limits = replace(DEFAULT_LIMITS, max_messages_per_second=2000, rate_burst_s=0.05)
    async with running(limits) as run:
        _, writer, log = await publisher(run)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        writer.write(AUDIO + b"\xc5" * 999)
        await log.until(lambda: log.count == 1000)
        assert loop.time() - begin >= (1000 - 2 * 100 - MESSAGES_PER_TURN) / 2000
        writer.close()
        assert await log.closed() is None


async def test_a_rate_of_bytes_holds_the_peer_back_through_tcp() -> None:
    limits = replace(DEFAULT_LIMITS, max_bytes_per_second=1_000_000, rate_burst_s=0.05)
    async with running(limits) as run:
        _, writer, log = await publisher(run)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        message = full(5, 100, 8, bytes(100))
        message = message[:8] + b"\1\0\0\0" + message[12:]
        writer.write(message * 4000)
        await log.until(lambda: log.count == 4000)
        assert loop.time() - begin >= (448_000 - 100_000 - 262_144) / 1_000_000
        writer.close()
        assert await log.closed() is None


@pytest.mark.parametrize("bound", ["max_bytes_per_second", "max_bytes_per_second_per_address"])
async def test_connections_share_a_rate_of_bytes(bound: str) -> None:
    rate, step, read = 2_000_000, 256 * 1024, 256 * 1024
    bounds = {"max_bytes_per_second": 0, "max_bytes_per_second_per_address": 0, bound: rate}
    admission = Admission(AdmissionLimits(rate_burst_s=0.05, **bounds))
    async with running(UNLIMITED, admission=admission) as run:
        connections = [await publisher(run) for _ in range(2)]
        loop = asyncio.get_running_loop()
        began = loop.time()
        # an audio message of 1000 bytes in chunks of 128
        pieces = b"\xc5".join([bytes(128)] * 7 + [bytes(104)])
        message = AUDIO[:4] + (1000).to_bytes(3, "big") + AUDIO[7:] + pieces
        for _, writer, _ in connections:
            writer.write(message * 1000)
        for _, _, log in connections:
            await log.until(lambda log=log: log.count == 1000)
        assert loop.time() - began >= (2 * 1_019_000 - 2 * 100_000 - 2 * (step + read)) / rate
        for _, writer, _ in connections:
            writer.close()
        for _, _, log in connections:
            assert await log.closed() is None


async def test_a_peer_that_is_held_back_is_not_taken_for_dead() -> None:
    limits = replace(DEFAULT_LIMITS, max_messages_per_second=200, rate_burst_s=0.1)
    timeouts = replace(DEFAULT_TIMEOUTS, ping=0.02, dead_peer=0.1)
    async with running(limits, timeouts) as run:
        _, writer, log = await publisher(run)
        writer.write(AUDIO + b"\xc5" * 199)
        await log.until(lambda: log.count == 200)
        writer.close()


async def test_the_user_can_hold_reading_through_a_flood() -> None:
    async with running(UNLIMITED) as run:
        _, writer, log = await publisher(run)
        connection = log.connection
        writer.write(AUDIO + b"\xc5" * 999)
        await log.until(lambda: log.count > 0)
        connection.pause_reading()
        await log.until(lambda: log.count == 1000)
        assert connection._inbound.is_paused
        writer.write(b"\xc5")
        other = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        assert log.count == 1000
        connection.resume_reading()
        await log.until(lambda: log.count == 1001)
        other.close()
        await other.closed
        writer.close()


async def test_a_callback_that_fails_in_a_later_turn_ends_the_connection() -> None:
    async with running(UNLIMITED) as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        log = await run.logs.get()
        stream = await client.create_stream()
        await stream.play("cam")
        heard: list[int] = []

        def on_audio(timestamp_ms: int, _payload: object) -> None:
            heard.append(timestamp_ms)
            assert timestamp_ms < 3 * MESSAGES_PER_TURN

        stream.on_audio = on_audio
        for n in range(10 * MESSAGES_PER_TURN):
            log.connection.send_audio(stream.stream_id, n, b"")
        async with asyncio.timeout(5):
            await client.closed
        assert heard[-1] == 3 * MESSAGES_PER_TURN
        await log.closed()


# Peers that do not read


async def test_a_peer_that_stops_reading_is_given_up_in_time() -> None:
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=200_000)
    async with running(limits, replace(DEFAULT_TIMEOUTS, stalled_write=0.1)) as run:
        other = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        await run.logs.get()
        sock, log, stream_id = await playing(run)
        connection = log.connection
        n = 0
        while not connection.is_closed:
            connection.send_video(stream_id, n, b"\x17\x01" + bytes(9998))
            n += 1
            await asyncio.sleep(0)
            assert connection.write_buffer_size <= 200_000 + 11_000
        reason = await log.closed()
        assert isinstance(reason, WriteStalled)
        assert "bytes wait" in str(reason)
        await other.create_stream()
        other.close()
        await other.closed
        sock.close()


async def test_a_peer_that_reads_slowly_stays() -> None:
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=200_000)
    async with running(limits, replace(DEFAULT_TIMEOUTS, stalled_write=0.2)) as run:
        sock, log, stream_id = await playing(run)
        connection, loop = log.connection, asyncio.get_running_loop()
        begin = loop.time()
        n = 0
        # 100 KiB in 10 ms or more: fifty times what is asked for, and much less than is sent
        while loop.time() - begin < 0.7:
            for _ in range(50):
                connection.send_video(stream_id, n, b"\x17\x01" + bytes(9998))
                n += 1
                await asyncio.sleep(0)
            read = 0
            while read < 100_000:
                read += len(await loop.sock_recv(sock, 100_000 - read))
            assert not connection.is_closed
        assert connection.dropped_media
        sock.close()


# Connections


async def open_many(run: Running, count: int) -> list[asyncio.StreamWriter]:
    pairs = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", run.server.port) for _ in range(count))
    )
    return [writer for _, writer in pairs]


async def test_connections_of_one_address_are_bounded() -> None:
    admission = Admission(AdmissionLimits(max_connections_per_address=5))
    async with log_lines() as lines, running(admission=admission) as run:
        writers = await open_many(run, 8)
        line = await lines.next()
        assert "refused: 5 connections are open from 127.0.0.1" in line
        handlers = [await run.logs.get() for _ in range(5)]
        assert run.logs.empty()
        assert admission.count == 5
        for writer in writers:
            writer.close()
        for handler in handlers:
            assert isinstance(await handler.closed(), ConnectionLost)
        assert admission.count == 0
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        client.close()
        await client.closed


async def test_the_rate_of_new_connections_is_bounded_with_one_line() -> None:
    admission = Admission(AdmissionLimits(new_per_second=0.1, new_burst=3))
    async with log_lines() as lines, running(admission=admission) as run:
        for _ in range(3):
            client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
            client.close()
            await client.closed
        for _ in range(20):
            with pytest.raises((ConnectionLost, OSError)):
                await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        assert "more than 0.1 new a second from 127.0.0.1" in await lines.next()


async def test_servers_can_share_their_bounds() -> None:
    admission = Admission(AdmissionLimits(max_connections=1))
    async with log_lines() as lines, running(admission=admission) as one, running(admission=admission) as two:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{one.server.port}/x")
        with pytest.raises((ConnectionLost, OSError)):
            await RtmpClient.connect(f"rtmp://127.0.0.1:{two.server.port}/x")
        assert "1 connections are open already" in await lines.next()
        client.close()
        await client.closed


async def test_a_thousand_connections_from_one_address_are_no_trouble() -> None:
    async with running() as run:
        writers = await open_many(run, 1000)
        for _ in range(1000):
            await run.logs.get()
        assert run.server.admission.count == 1000
        for writer in writers:
            writer.close()
        async with asyncio.timeout(20):
            await run.server.wait_closed()
        assert run.server.admission.count == 0


# Peers that are quiet in their own ways


async def test_a_client_that_only_pings_stays() -> None:
    timeouts = replace(DEFAULT_TIMEOUTS, ping=10.0, dead_peer=0.1, connect=0.1)
    async with running(timeouts=timeouts) as run:
        _, writer, log = await run.connect()
        writer.write(CONNECT)
        ping = full(2, 6, 4, b"\0\6\0\0\0\1")
        await log.wait(lambda e: isinstance(e, ev.ConnectRequested))
        loop = asyncio.get_running_loop()
        begin = loop.time()
        session = log.connection.session
        while loop.time() - begin < 0.3:
            handled = session.messages_handled
            writer.write(ping)
            while session.messages_handled == handled:  # noqa: ASYNC110 - a ping causes no event
                await asyncio.sleep(0)
        assert not log.connection.is_closed
        writer.close()
