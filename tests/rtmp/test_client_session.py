"""What a client's session sends, as a server's session reads it."""

from __future__ import annotations

from typing import Any

import pytest

from rtmp import events as ev
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from rtmp.errors import AmfEncodeError, LocalProtocolError
from rtmp.state import StreamState
from rtmp.url import RtmpUrl
from tests.rtmp.session_pair import SessionPair


@pytest.fixture
def pair() -> SessionPair:
    pair = SessionPair()
    pair.connect()
    return pair


def test_capabilities_are_exchanged() -> None:
    ours = Capabilities((), {"hvc1": FourCcInfo.CAN_DECODE}, {}, CapsEx.RECONNECT)
    theirs = Capabilities(("*",), caps_ex=CapsEx.MULTITRACK)
    pair = SessionPair(capabilities=ours)
    requested = pair.connect(theirs.to_command_object())
    assert Capabilities.from_command_object(requested.command_object) == ours
    assert pair.client.server_capabilities == theirs


def test_without_capabilities_nothing_is_said() -> None:
    pair = SessionPair()
    assert Capabilities.from_command_object(pair.connect().command_object) == Capabilities()
    assert pair.client.server_capabilities == Capabilities()


def test_credentials_stay_here_and_the_query_of_authentication_is_appended() -> None:
    pair = SessionPair("rtmp://bob:secret@h/app?k=v", auth_query="?authmod=adobe&user=bob")
    requested = pair.connect()
    assert requested.app == "app?k=v?authmod=adobe&user=bob"
    assert requested.tc_url == "rtmp://h/app?k=v?authmod=adobe&user=bob"
    pair = SessionPair(auth_query="?q", command_object={"app": "other", "tcUrl": None})
    requested = pair.connect()
    assert (requested.app, requested.tc_url) == ("other?q", "")


def test_what_amf_cannot_express_is_refused_at_once() -> None:
    for options in ({"connect_arguments": ("\ud800",)}, {"command_object": {"flashVer": "\ud800"}}):
        pair = SessionPair(**options)
        with pytest.raises(AmfEncodeError):
            pair.client.connect()
        pair.pump()
        assert pair.server_events == []


def test_a_url_may_be_parsed_already() -> None:
    pair = SessionPair(RtmpUrl("rtmp", "h", 1935, "a/b"))
    assert pair.connect().app == "a/b"


@pytest.mark.parametrize("kind", ["live", "record", "append", "appendWithGap"])
def test_kinds_of_publishing(pair: SessionPair, kind: str) -> None:
    stream_id = pair.publish(kind=kind)
    assert pair.sent() == [("publish", ("cam", kind), stream_id)]


def test_an_unknown_kind_changes_nothing(pair: SessionPair) -> None:
    stream_id = pair.stream()
    with pytest.raises(LocalProtocolError, match="forever"):
        pair.client.publish(stream_id, "cam", "forever")
    assert pair.client.stream_state(stream_id) is StreamState.IDLE


@pytest.mark.parametrize("end", ["close_stream", "delete_stream"])
def test_announced_publishing(pair: SessionPair, end: str) -> None:
    stream_id = pair.publish(announce=True)
    assert [(name, stream) for name, _, stream in pair.sent()] == [
        ("releaseStream", 0),
        ("FCPublish", 0),
        ("publish", stream_id),
    ]
    notices = [event for event in pair.client_events if isinstance(event, ev.CallReceived)]
    assert [notice.name for notice in notices] == ["onFCPublish"]
    getattr(pair.client, end)(stream_id)
    pair.pump()
    assert pair.sent()[0] == ("FCUnpublish", ("cam",), 0)
    assert not [event for event in pair.client_events if isinstance(event, ev.ResultReceived)]


@pytest.mark.parametrize(
    ("arguments", "sent", "requested"),
    [
        ((), ("cam", -2000.0), (-2000.0, -1000.0, True)),
        ((-1000.0,), ("cam", -1000.0), (-1000.0, -1000.0, True)),
        ((500.0, 2000.0), ("cam", 500.0, 2000.0), (500.0, 2000.0, True)),
        ((0.0, -1000.0, False), ("cam", 0.0, -1000.0, False), (0.0, -1000.0, False)),
    ],
)
def test_play(pair: SessionPair, arguments: Any, sent: Any, requested: Any) -> None:
    stream_id = pair.play(*arguments)
    assert pair.sent() == [("play", sent, stream_id)]
    assert ev.PlayRequested(stream_id, "cam", *requested) in pair.server_events


def test_announced_play(pair: SessionPair) -> None:
    stream_id = pair.play(announce=True)
    assert pair.sent() == [("FCSubscribe", ("cam",), 0), ("play", ("cam", -2000.0), stream_id)]


def test_a_playing_stream_can_be_given_what_follows(pair: SessionPair) -> None:
    stream_id = pair.play()
    pair.sent()
    with pytest.raises(LocalProtocolError):
        pair.client.play(stream_id, "next")
    pair.client.play(stream_id, "next", reset=False)
    pair.pump()
    assert pair.sent() == [("play", ("next", -2000.0, -1000.0, False), stream_id)]


def test_commands_of_a_player(pair: SessionPair) -> None:
    stream_id = pair.play()
    pair.sent()
    pair.client.pause(stream_id, True, 1500)
    pair.client.pause(stream_id, False, 1500)
    pair.client.seek(stream_id, 2500.0)
    pair.client.receive_audio(stream_id, False)
    pair.client.receive_video(stream_id, False)
    pair.pump()
    assert pair.sent() == [
        ("pause", (True, 1500.0), stream_id),
        ("pause", (False, 1500.0), stream_id),
        ("seek", (2500.0,), stream_id),
        ("receiveAudio", (False,), stream_id),
        ("receiveVideo", (False,), stream_id),
    ]
    assert ev.PauseRequested(stream_id, True, 1500.0) in pair.server_events
    assert pair.server_events[-1] == ev.ReceiveChanged(stream_id, False, False)
    assert ev.SeekRequested(stream_id, 2500.0) in pair.server_events
    pair.server.accept_seek(stream_id, 2500.0)
    pair.pump()
    codes = [event.code for event in pair.client_events if isinstance(event, ev.StatusReceived)]
    assert {"NetStream.Pause.Notify", "NetStream.Unpause.Notify", "NetStream.Seek.Notify"} <= set(codes)
    assert pair.client.stream_state(stream_id) is StreamState.PLAYING


def test_only_a_player_has_these_commands(pair: SessionPair) -> None:
    stream_id = pair.publish()
    client = pair.client
    for command in (
        lambda: client.pause(stream_id, True, 0),
        lambda: client.seek(stream_id, 0),
        lambda: client.receive_audio(stream_id, True),
        lambda: client.receive_video(9, True),
    ):
        with pytest.raises(LocalProtocolError, match="does not play"):
            command()
