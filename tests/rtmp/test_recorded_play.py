"""What a server says to the player of a recording."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.commands import Command, parse_values
from rtmp.errors import LocalProtocolError
from rtmp.messages import Message, UserControl, UserControlType
from rtmp.server_session import ServerSession
from rtmp.state import StreamState
from tests.rtmp.raw_client import RawClient

EOF, RECORDED, BEGIN = (
    UserControlType.STREAM_EOF,
    UserControlType.STREAM_IS_RECORDED,
    UserControlType.STREAM_BEGIN,
)


@pytest.fixture
def client() -> RawClient:
    client = RawClient(ServerSession())
    client.connect()
    return client


def said(message: Message) -> Any:
    """The user control's type, or the code of a status."""
    if message.type_id == 4:
        return UserControl.parse(message.payload).event_type
    if message.type_id == 18:
        return tuple(parse_values(18, message.payload))
    return Command.parse(message.type_id, message.payload).arguments[0]["code"]  # type: ignore[index, call-overload]


def test_a_recording_is_announced_as_one(client: RawClient) -> None:
    stream_id = client.stream()
    assert client.command("play", 0.0, "clip", 2000, 5000, False, stream_id=stream_id) == [
        ev.PlayRequested(stream_id, "clip", 2000.0, 5000.0, reset=False)
    ]
    client.session.accept_play(stream_id, recorded=True, reset=False)
    assert [said(message) for message in client.messages()] == [RECORDED, BEGIN, "NetStream.Play.Start"]


def test_a_live_stream_is_not(client: RawClient) -> None:
    stream_id = client.stream()
    client.command("play", 0.0, "clip", stream_id=stream_id)
    client.session.accept_play(stream_id)
    assert [said(message) for message in client.messages()] == [
        BEGIN, "NetStream.Play.Reset", "NetStream.Play.Start",
    ]  # fmt: skip


def test_seeking(client: RawClient) -> None:
    stream_id = client.play()
    assert client.command("seek", 0.0, 1500, stream_id=stream_id) == [ev.SeekRequested(stream_id, 1500.0)]
    assert client.command("seek", 0.0, -1, stream_id=stream_id) == [ev.SeekRequested(stream_id, 0.0)]
    assert client.messages() == []
    client.session.accept_seek(stream_id, 1500.0)
    client.session.reject_seek(stream_id, "live")
    client.session.reject_seek(stream_id, "far", "NetStream.Seek.InvalidTime", {"details": 9.0})
    assert [said(message) for message in client.messages()] == [
        EOF, RECORDED, BEGIN, "NetStream.Seek.Notify", "NetStream.Play.Start",
        "NetStream.Seek.Failed", "NetStream.Seek.InvalidTime",
    ]  # fmt: skip


def test_seeking_before_it_is_known_whether_it_plays(client: RawClient) -> None:
    stream_id = client.stream()
    client.command("play", 0.0, "clip", 0, stream_id=stream_id)
    assert client.command("seek", 0.0, 1500, stream_id=stream_id) == [ev.SeekRequested(stream_id, 1500.0)]
    assert client.messages() == []
    with pytest.raises(LocalProtocolError, match="PLAY_REQUESTED"):
        client.session.accept_seek(stream_id, 1500.0)
    client.session.reject_seek(stream_id, "nothing plays")
    client.session.reject_play(stream_id)
    assert [said(message) for message in client.messages()] == [
        "NetStream.Seek.Failed", "NetStream.Play.StreamNotFound",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [(), ("1",), (True,), (math.nan,), (math.inf,), (None,)])
def test_seeking_nowhere_fails(client: RawClient, arguments: tuple[Any, ...]) -> None:
    stream_id = client.play()
    assert client.command("seek", 0.0, *arguments, stream_id=stream_id) == []
    assert [said(message) for message in client.messages()] == ["NetStream.Seek.Failed"]


def test_only_what_plays_can_be_sought_in(client: RawClient) -> None:
    stream_id = client.stream()
    assert client.command("seek", 0.0, 1, stream_id=stream_id) == []
    assert client.command("seek", 0.0, 1, stream_id=7) == []
    assert [said(message) for message in client.messages()] == ["NetStream.Seek.Failed"]
    with pytest.raises(LocalProtocolError, match="IDLE"):
        client.session.accept_seek(stream_id, 1)
    with pytest.raises(LocalProtocolError, match="IDLE"):
        client.session.reject_seek(stream_id)


def test_pausing_says_where_if_the_client_does(client: RawClient) -> None:
    stream_id = client.play()
    assert client.command("pause", 0.0, True, stream_id=stream_id) == [
        ev.PauseRequested(stream_id, paused=True, position_ms=None)
    ]
    assert client.command("pauseRaw", 0.0, False, 0, stream_id=stream_id) == [
        ev.PauseRequested(stream_id, paused=False, position_ms=0.0)
    ]


def test_the_end_of_a_recording_leaves_the_stream_playing(client: RawClient) -> None:
    stream_id = client.play()
    client.session.complete_play(stream_id, 5000, 5.0, 1234)
    messages = client.messages()
    assert messages[0].timestamp_ms == 5000
    assert [said(message) for message in messages] == [
        (
            "onPlayStatus",
            {
                "level": "status",
                "code": "NetStream.Play.Complete",
                "description": "",
                "duration": 5.0,
                "bytes": 1234.0,
            },
        ),
        EOF,
        "NetStream.Play.Stop",
    ]
    assert client.session.stream_state(stream_id) is StreamState.PLAYING


def test_the_length_of_a_recording(client: RawClient) -> None:
    assert client.command("getStreamLength", 0.0, "clip") == []
    assert client.command("getStreamLength", 4.0, "clip") == [ev.StreamLengthRequested(4.0, "clip")]
    assert client.command("getStreamLength", 5.0) == [ev.StreamLengthRequested(5.0, "")]
    client.session.respond(4.0, 12.5)
    client.session.respond(5.0, 0.0)
    assert [reply for _, reply in client.replies()] == [
        Command("_result", 4.0, None, (12.5,)),
        Command("_result", 5.0, None, (0.0,)),
    ]
