"""What a client wants played after what plays: the list that its session keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.errors import LocalProtocolError
from rtmp.limits import DEFAULT_LIMITS
from rtmp.server_session import ServerSession
from rtmp.state import StreamState
from tests.rtmp.raw_client import RawClient
from tests.rtmp.test_recorded_play import said


def connected(**limits: Any) -> RawClient:
    client = RawClient(ServerSession(replace(DEFAULT_LIMITS, **limits)))
    client.connect()
    return client


def enqueue(client: RawClient, stream_id: int, name: str, reset: Any = False) -> list[ev.Event]:
    return client.command("play", 0.0, name, -2000, -1000, reset, stream_id=stream_id)


def codes(client: RawClient) -> list[Any]:
    return [said(message) for message in client.messages()]


@pytest.mark.parametrize(
    ("reset", "replaces", "at_once"),
    [
        (True, True, False), (1, True, False), (3, True, True), ("x", True, False), (None, True, False),
        (False, False, False), (0, False, False), (2, False, True),
    ],
)  # fmt: skip
def test_reset_says_whether_a_play_waits_and_whether_all_comes_at_once(
    reset: Any, replaces: bool, at_once: bool
) -> None:
    client = connected()
    stream_id = client.play()
    wanted = ev.PlayRequested(stream_id, "next", -2000.0, -1000.0, replaces, at_once)
    events = enqueue(client, stream_id, "next", reset)
    if replaces:
        assert events == [ev.StreamClosed(stream_id), wanted]
    else:
        assert events == [ev.PlayQueued(stream_id)]
        assert client.session.stream_state(stream_id) is StreamState.PLAYING
        assert client.session.next_play(stream_id) == wanted


def test_plays_follow_one_another_in_their_order() -> None:
    client = connected()
    session, stream_id = client.session, client.stream()
    # the first plays at once: nothing is before it
    assert enqueue(client, stream_id, "a") == [
        ev.PlayRequested(stream_id, "a", -2000.0, -1000.0, reset=False)
    ]
    for name in "bc":  # also before the first is answered
        assert enqueue(client, stream_id, name) == [ev.PlayQueued(stream_id)]
    with pytest.raises(LocalProtocolError, match="PLAY_REQUESTED"):
        session.next_play(stream_id)
    session.accept_play(stream_id, reset=False)
    client.messages()
    session.announce_switch(stream_id, 5000, {"duration": 5.0})
    (message,) = client.messages()
    assert message.timestamp_ms == 5000
    assert said(message) == (
        "onPlayStatus",
        {
            "level": "status", "code": "NetStream.Play.Switch", "description": "",
            "duration": 5.0,
        },
    )  # fmt: skip
    assert session.has_next_play(stream_id)
    following = session.next_play(stream_id)
    assert following is not None
    assert following.name == "b"
    session.reject_play(stream_id)
    assert session.stream_state(stream_id) is StreamState.IDLE
    following = session.next_play(stream_id)
    assert following is not None
    assert following.name == "c"
    session.accept_play(stream_id, reset=False)
    session.send_audio(stream_id, 0, b"x")
    assert not session.has_next_play(stream_id)
    assert session.next_play(stream_id) is None
    assert session.stream_state(stream_id) is StreamState.PLAYING


def test_what_a_player_wants_to_receive_stays_from_one_play_to_the_next() -> None:
    client = connected()
    stream_id = client.play()
    client.command("receiveAudio", 0.0, False, stream_id=stream_id)
    enqueue(client, stream_id, "next")
    client.session.next_play(stream_id)
    client.session.accept_play(stream_id)
    client.messages()
    client.session.send_audio(stream_id, 0, b"x")
    assert client.messages() == []


@pytest.mark.parametrize(
    "command", [("play", 0.0, "other"), ("play", 0.0, False), ("closeStream", 0.0), ("publish", 0.0, "cam")]
)
def test_the_list_ends_with_what_plays(command: Any) -> None:
    client = connected()
    stream_id = client.play()
    enqueue(client, stream_id, "next")
    client.command(*command, stream_id=stream_id)
    assert not client.session.has_next_play(stream_id)


@pytest.mark.parametrize("limits", [{"max_playlist": 3}, {"max_playlist_names": 12}])
def test_the_list_is_bounded(limits: dict[str, int]) -> None:
    client = connected(**limits)
    stream_id = client.play()
    client.messages()
    for _ in range(3):
        enqueue(client, stream_id, "next")
    assert codes(client) == []
    assert enqueue(client, stream_id, "last") == []
    assert codes(client) == ["NetStream.Play.Failed"]
    client.session.next_play(stream_id)
    client.session.accept_play(stream_id)
    assert enqueue(client, stream_id, "last") == [ev.PlayQueued(stream_id)]


def test_a_stream_that_does_not_exist_has_no_list() -> None:
    client = connected()
    assert enqueue(client, 7, "next") == []
    assert codes(client) == ["NetStream.Failed"]
    assert not client.session.has_next_play(7)
    with pytest.raises(LocalProtocolError, match="no stream 7"):
        client.session.next_play(7)
