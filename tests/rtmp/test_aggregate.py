"""Aggregate messages: several messages of a stream in one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp import events as ev
from rtmp.aio import RtmpClient
from rtmp.errors import LocalProtocolError
from rtmp.messages import Message, MessageType, join_aggregate, split_aggregate
from rtmp.server_session import ServerSession
from tests.rtmp.raw_client import RawClient
from tests.rtmp.running_server import running

messages = st.builds(
    Message,
    st.sampled_from([MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0]),
    st.just(1),
    st.integers(0, (1 << 32) - 1),
    st.binary(max_size=300),
)


@given(st.lists(messages, min_size=1, max_size=5))
def test_what_is_joined_splits_again(parts: list[Message]) -> None:
    whole = join_aggregate(parts)
    assert whole.type_id == MessageType.AGGREGATE
    assert whole.timestamp_ms == parts[0].timestamp_ms
    assert list(split_aggregate(whole)) == parts


def test_what_cannot_be_joined() -> None:
    with pytest.raises(LocalProtocolError, match="at least one"):
        join_aggregate([])
    with pytest.raises(LocalProtocolError, match="another one"):
        join_aggregate([Message(MessageType.AGGREGATE, 1, 0, b"")])
    with pytest.raises(LocalProtocolError, match="16777216 bytes"):
        join_aggregate([Message(MessageType.VIDEO, 1, 0, bytes(1 << 24))])


def test_times_are_modulo_2_to_the_32() -> None:
    parts = [Message(MessageType.AUDIO, 1, (1 << 32) - 1 + n, b"a") for n in range(2)]
    assert [part.timestamp_ms for part in split_aggregate(join_aggregate(parts))] == [(1 << 32) - 1, 0]


def test_a_player_gets_what_it_has_not_muted() -> None:
    client = RawClient(ServerSession())
    client.connect()
    stream_id = client.play()
    parts = [
        Message(MessageType.AUDIO, stream_id, 5, b"a"),
        Message(MessageType.VIDEO, stream_id, 1 << 24, b"v"),
    ]
    client.session.send_aggregate(stream_id, parts)
    (whole,) = client.messages()
    assert list(split_aggregate(whole)) == parts
    client.command("receiveVideo", 0.0, False, stream_id=stream_id)
    client.messages()
    client.session.send_aggregate(stream_id, parts)
    (whole,) = client.messages()
    assert list(split_aggregate(whole)) == parts[:1]
    client.session.send_aggregate(stream_id, parts[1:])
    assert client.messages() == []


def test_a_server_takes_the_parts_as_messages() -> None:
    client = RawClient(ServerSession())
    client.connect()
    stream_id = client.publish()
    whole = join_aggregate(
        [Message(MessageType.AUDIO, stream_id, 7, b"a"), Message(MessageType.AUDIO, stream_id, 27, b"b")]
    )
    assert client.send(whole.type_id, bytes(whole.payload), stream_id, 7) == [
        ev.AudioReceived(stream_id, 7, b"a"),
        ev.AudioReceived(stream_id, 27, b"b"),
    ]


async def test_a_connection_sends_aggregates() -> None:
    async with running() as run:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/a")
        log = await run.logs.get()
        stream = await client.create_stream()
        got: asyncio.Queue[tuple[str, int, bytes]] = asyncio.Queue()
        stream.on_audio = lambda time_ms, payload: got.put_nowait(("audio", time_ms, bytes(payload)))
        stream.on_video = lambda time_ms, payload: got.put_nowait(("video", time_ms, bytes(payload)))
        await stream.play("cam")
        parts = [
            Message(MessageType.VIDEO, stream.stream_id, 40, b"v" * 10_000),
            Message(MessageType.AUDIO, stream.stream_id, 43, b"a"),
        ]
        log.connection.send_aggregate(stream.stream_id, parts)
        async with asyncio.timeout(5):
            assert [await got.get() for _ in parts] == [("video", 40, b"v" * 10_000), ("audio", 43, b"a")]
        log.connection.pause_writing()
        log.connection.send_aggregate(stream.stream_id, parts)
        assert log.connection.dropped_media == 1
        log.connection.resume_writing()
        log.connection.send_aggregate(stream.stream_id, parts[1:])
        async with asyncio.timeout(5):
            assert await got.get() == ("audio", 43, b"a")
        client.close()
        await log.closed()
        log.connection.send_aggregate(
            stream.stream_id, parts
        )  # a closed connection takes it and does nothing
