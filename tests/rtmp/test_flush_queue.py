"""Whatever goes wrong with one connection, the others are flushed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtmp.aio import RtmpClient
from rtmp.aio.flush_queue import FlushQueue
from rtmp.errors import ConnectionLost, RtmpError
from tests.rtmp.running_server import running


class Queued:
    """Something to flush."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.is_flushed = False
        self.reason: RtmpError | None = None

    def flush(self) -> None:
        self.is_flushed = True
        if self.error is not None:
            raise self.error

    def abort(self, reason: RtmpError | None = None) -> None:
        self.reason = reason


async def test_one_that_fails_is_given_up_and_the_others_are_flushed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = FlushQueue.of(asyncio.get_running_loop())
    all_queued = [Queued(), Queued(ZeroDivisionError()), Queued()]
    for queued in all_queued:
        queue.add(queued)
    queue.run()
    assert [queued.is_flushed for queued in all_queued] == [True] * 3
    assert [type(queued.reason) for queued in all_queued] == [type(None), ConnectionLost, type(None)]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


async def test_a_connection_that_fails_as_it_ends_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_connection: object, _error: RtmpError) -> None:
        raise ZeroDivisionError

    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failures.append(context.get("exception"))
    )
    async with running() as run, asyncio.timeout(5):
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/x")
        log = await run.logs.get()
        _, writer, broken = await run.connect()
        monkeypatch.setattr(broken.connection, "fail", fail.__get__(broken.connection))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await broken.closed()
        assert [type(failure) for failure in failures] == [ZeroDivisionError]
        log.connection.call("hello")
        assert (await client.next_call()).name == "hello"
        writer.close()
        client.close()
