"""Messages that need no answer from a program: limits of bandwidth, dry streams, and what nobody heeds."""

from __future__ import annotations

import asyncio
import logging

import pytest

from rtmp import events as ev
from rtmp.messages import BandwidthLimit, MessageType, UserControlType, pack_u32, parse_u32
from rtmp.server_session import ServerSession
from tests.rtmp.raw_client import RawClient
from tests.rtmp.running_server import HELLO, command_bytes, full, running
from tests.rtmp.session_pair import SessionPair

HARD, SOFT, DYNAMIC = (bytes((limit,)) for limit in BandwidthLimit)
DEFAULT = 2_500_000


@pytest.mark.parametrize(
    ("limits", "answers"),
    [
        ([(1_000_000, HARD)], [1_000_000]),
        ([(5_000_000, HARD)], [5_000_000]),
        ([(DEFAULT, HARD)], []),
        ([(1_000_000, HARD), (1_000_000, HARD)], [1_000_000]),
        ([(1_000_000, SOFT), (3_000_000, SOFT)], [1_000_000]),  # the smaller one holds
        ([(1_000_000, DYNAMIC)], []),
        ([(1_000_000, HARD), (3_000_000, DYNAMIC)], [1_000_000, 3_000_000]),
        ([(1_000_000, HARD), (900_000, SOFT), (3_000_000, DYNAMIC)], [1_000_000, 900_000]),
        ([(1_000_000, b"")], [1_000_000]),
        ([(0, HARD)], []),
    ],
)
def test_a_limit_of_bandwidth_is_answered_with_a_window(
    limits: list[tuple[int, bytes]], answers: list[int]
) -> None:
    client = RawClient(ServerSession())
    client.connect()
    for window, limit in limits:
        assert client.send(MessageType.SET_PEER_BANDWIDTH, pack_u32(window) + limit) == []
    messages = client.messages()
    assert {message.type_id for message in messages} <= {MessageType.WINDOW_ACK_SIZE}
    assert [parse_u32(message.payload, "window") for message in messages] == answers


@pytest.mark.parametrize("kind", [UserControlType.STREAM_DRY, UserControlType.STREAM_IS_RECORDED])
def test_what_players_are_told_of_a_stream_that_goes_on_changes_nothing(kind: UserControlType) -> None:
    pair = SessionPair()
    pair.connect()
    stream_id = pair.stream()
    pair.client.play(stream_id, "cam")
    pair.pump()
    pair.server.accept_play(stream_id)
    pair.pump()
    pair.client_events.clear()
    pair.server._send_user_control(kind, stream_id)
    pair.server.send_audio(stream_id, 5, b"a")
    pair.pump()
    assert pair.client_events == [ev.AudioReceived(stream_id, 5, b"a")]


@pytest.mark.parametrize(
    "type_id", [MessageType.SHARED_OBJECT_AMF0, MessageType.SHARED_OBJECT_AMF3, 7, 21, 255]
)
def test_shared_objects_and_unknown_types_are_ignored_and_told_once(type_id: int) -> None:
    client = RawClient(ServerSession())
    client.connect()
    stream_id = client.publish()
    client.messages()
    shared_object = bytes.fromhex("0004 74657374 00000000 00000002 00000000 01 00000000")  # "test": use
    assert client.send(type_id, shared_object) == [ev.MessageIgnored(type_id)]
    assert client.send(type_id, shared_object) == []
    assert client.send(type_id, b"") == []
    assert client.messages() == []
    assert client.send(8, b"a", stream_id, 4) == [ev.AudioReceived(stream_id, 4, b"a")]


async def test_ignored_messages_are_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rtmp")
    async with running() as run:
        reader, writer, log = await run.connect()
        writer.write(HELLO + command_bytes("connect", {"app": "a"}))
        async with asyncio.timeout(5):
            await log.wait(lambda event: isinstance(event, ev.ConnectRequested))
            for _ in range(3):
                writer.write(full(3, 4, MessageType.SHARED_OBJECT_AMF0, b"none"))
            writer.write(command_bytes("createStream"))
            await log.wait(lambda event: isinstance(event, ev.StreamCreated))
            log.connection.close()
            await reader.read()
            writer.close()
    lines = [record for record in caplog.records if "ignored" in record.getMessage()]
    assert [(line.levelname, line.getMessage()) for line in lines] == [
        ("DEBUG", f"connection {log.connection.id}: messages of type 19 are ignored")
    ]
