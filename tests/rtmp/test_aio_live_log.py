"""What the log says of the clients of a live application."""

from __future__ import annotations

import logging
import re
import socket
import struct

import pytest

from rtmp.aio import RtmpClient
from rtmp.errors import StreamFailed
from tests.rtmp.live_server import KEY, live
from tests.rtmp.log_lines import LogLines, log_lines

AT_ONCE = struct.pack("ii", 1, 0)
FIRST = r"connection \d+ \(127\.0\.0\.1:\d+\): "
FURTHER = r"connection \d+: "


@pytest.fixture(autouse=True)
def _log_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rtmp")


async def said(lines: LogLines, start: str, text: str) -> None:
    line = await lines.next()
    assert re.fullmatch(start + re.escape(text), line), line


def reset(client: RtmpClient) -> None:
    """End a connection as the system does when a program ends that has not read all."""
    assert client._transport is not None
    client._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    client._transport.abort()


async def test_the_first_line_says_where_a_client_is() -> None:
    async with log_lines(logging.INFO) as lines, live() as run:
        stream = await run.publish()
        await said(lines, FIRST, "publishes live/cam")
        with pytest.raises(StreamFailed):
            await run.publish()
        await said(lines, FIRST, "publish refused: live/cam is being published by another client")
        stream.stop()
        await said(lines, FURTHER, "no longer publishes live/cam")


async def test_a_player_of_what_nobody_publishes_is_told_apart() -> None:
    async with log_lines(logging.INFO) as lines, live() as run:
        await run.play("cam")
        await said(lines, FIRST, "plays live/cam, which nobody publishes yet")
        stream = await run.publish("cam")
        await said(lines, FIRST, "publishes live/cam")
        await run.play("cam")
        await said(lines, FIRST, "plays live/cam")
        stream.stop()
        await said(lines, FURTHER, "no longer publishes live/cam")


async def test_a_player_that_is_closed_in_the_middle_is_gone() -> None:
    async with log_lines(logging.INFO) as lines, live() as run:
        await run.play()
        await said(lines, FIRST, "plays live/cam, which nobody publishes yet")
        reset(run.clients[0])
        await said(lines, FURTHER, "gone")


async def test_a_publisher_that_is_reset_is_lost() -> None:
    async with log_lines(logging.INFO) as lines, live() as run:
        stream = await run.publish()
        stream.send_video(0, KEY)
        await run.clients[0].call("checkBandwidth")
        await said(lines, FIRST, "publishes live/cam")
        reset(run.clients[0])
        await said(lines, FURTHER, "no longer publishes live/cam")
        await said(lines, FURTHER, "lost: the transport failed: [Errno 104] Connection reset by peer")
