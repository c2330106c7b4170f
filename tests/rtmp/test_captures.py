"""Captures of real clients and servers; what they lead to must not depend on how the bytes are cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rtmp import events as ev
from rtmp.client_session import ClientSession
from rtmp.errors import RemoteProtocolError
from rtmp.server_session import ServerSession
from rtmp.session import Session
from tests.rtmp.raw_client import accept
from tests.vectors.record_rtmp import FOLDER, FROM_SERVERS, proceed

STEPS = (1, 2, 3, 7, 100, 1537, 4096)
MEDIA = (ev.AudioReceived, ev.VideoReceived)


def run(session: Session, data: bytes, step: int, react: Callable[[ev.Event], None]) -> list[ev.Event]:
    events: list[ev.Event] = []
    for at in range(0, len(data), step):
        session.feed(data[at : at + step])
        while (event := session.next_event()) is not None:
            events.append(event)
            react(event)
    return events


def replay(data: bytes, step: int) -> list[ev.Event]:
    """What a client's bytes lead to at a server that accepts all."""
    session = ServerSession()
    return run(session, data, step, lambda event: accept(session, event))


def replay_to_client(data: bytes, step: int, *, publishes: bool) -> list[ev.Event]:
    """What a server's bytes lead to at a client that publishes or plays."""
    session = ClientSession("rtmp://127.0.0.1/live")
    session.connect()
    return run(session, data, step, lambda event: proceed(session, event, publishes=publishes))


def other_than_media(events: list[ev.Event]) -> str:
    return " ".join(type(event).__name__ for event in events if not isinstance(event, MEDIA))


def assert_same_in_all_cuts(data: bytes, play: Callable[[bytes, int], list[ev.Event]]) -> list[ev.Event]:
    """Whole, in steps, and with more behind it: the start of a chunk, and then what is no chunk."""
    whole = play(data, len(data))
    for step in STEPS:
        assert play(data, step) == whole, step
        assert play(data + b"\x03\x00\x00", step) == whole, step
    for step in (1, 100, len(data) + 20):
        with pytest.raises(RemoteProtocolError):
            play(data + b"\xff" * 20, step)
    return whole


@dataclass(frozen=True)
class Publisher:
    """`media` counts audio and video messages; `formats` are the codec bits of each."""

    media: tuple[int, int]
    formats: tuple[set[int], set[int]]
    closes: bool = True


PUBLISHERS = {
    "ffmpeg_publish_speex": Publisher((20, 0), ({11}, set())),
    "ffmpeg_publish_avc_aac": Publisher((89, 22), ({10}, {7})),
    "gst_rtmp2sink_publish": Publisher((22, 6), ({11}, {2}), closes=False),
    "gst_rtmpsink_publish": Publisher((22, 6), ({11}, {2})),
    "nginx_push": Publisher((20, 0), ({11}, set()), closes=False),
}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_publishers(name: str) -> None:
    events = assert_same_in_all_cuts((FOLDER / f"{name}.bin").read_bytes(), replay)
    expected = PUBLISHERS[name]
    kinds = "ConnectRequested StreamCreated PublishRequested DataReceived"
    assert other_than_media(events) == kinds + " StreamClosed" * expected.closes
    assert events[2] == ev.PublishRequested(1, "x", "live")
    assert_connects_to_live(events[0])
    data = next(event for event in events if isinstance(event, ev.DataReceived))
    assert data.values[0] == "onMetaData"
    audio = [event for event in events if isinstance(event, ev.AudioReceived)]
    video = [event for event in events if isinstance(event, ev.VideoReceived)]
    assert (len(audio), len(video)) == expected.media
    assert {event.payload[0] >> 4 for event in audio} == expected.formats[0]
    assert {event.payload[0] & 15 for event in video} == expected.formats[1]
    for track in (audio, video):
        times = [event.timestamp_ms for event in track]
        assert times == sorted(times)


@dataclass(frozen=True)
class Player:
    """`start` as the client says it; `buffer_ms` of the stream; librtmp and rtmp2src say 300 before."""

    start: float
    buffer_ms: int
    announces_300: bool = False
    closes: bool = False


PLAYERS = {
    "ffmpeg_play": Player(-1000.0, 3000, closes=True),
    "rtmpdump_play": Player(-1000.0, 36_000_000, announces_300=True, closes=True),
    "curl_play": Player(0.0, 7_200_000, announces_300=True, closes=True),
    "gst_rtmpsrc_play": Player(0.0, 30_000, announces_300=True, closes=True),
    "gst_rtmp2src_play": Player(-2.0, 30_000, announces_300=True),
    "nginx_pull": Player(-2000.0, 5000),
}


@pytest.mark.parametrize("name", PLAYERS)
def test_players(name: str) -> None:
    events = assert_same_in_all_cuts((FOLDER / f"{name}.bin").read_bytes(), replay)
    expected = PLAYERS[name]
    early = [ev.BufferLengthSet(0, 300)] if expected.announces_300 else []
    assert_connects_to_live(events[0])
    assert events[1:] == [
        *early,
        ev.StreamCreated(1, 2.0),
        ev.PlayRequested(1, "x", expected.start, -1000.0, True),
        ev.BufferLengthSet(1, expected.buffer_ms),
        *[ev.StreamClosed(1)] * expected.closes,
    ]
    arguments = ("login", "pass", {"a": "b"}) if name == "rtmpdump_play" else ()
    assert isinstance(events[0], ev.ConnectRequested)
    assert events[0].arguments == arguments


def assert_connects_to_live(event: ev.Event) -> None:
    assert isinstance(event, ev.ConnectRequested)
    assert event.app == event.command_object["app"] == "live"
    assert event.tc_url.startswith("rtmp://127.0.0.1:")
    assert event.tc_url.endswith("/live")
    assert (event.transaction_id, event.object_encoding) == (1.0, 0)


SERVERS = {
    "ffmpeg_to_publisher": "StreamBegun ConnectAccepted CallReceived StreamCreated StreamBegun"
    " StatusReceived",
    "nginx_to_publisher": "ConnectAccepted StreamCreated StatusReceived StatusReceived",
    "nginx_to_player": "ConnectAccepted StreamCreated StatusReceived DataReceived StreamBegun DataReceived"
    " StreamEnded",
}


@pytest.mark.parametrize("name", SERVERS)
def test_servers(name: str) -> None:
    publishes = name.endswith("publisher")
    events = assert_same_in_all_cuts(
        (FROM_SERVERS / f"{name}.bin").read_bytes(),
        lambda data, step: replay_to_client(data, step, publishes=publishes),
    )
    assert other_than_media(events) == SERVERS[name]
    codes = [event.code for event in events if isinstance(event, ev.StatusReceived)]
    assert codes[0] == f"NetStream.{'Publish' if publishes else 'Play'}.Start"
    assert ev.StreamCreated(1, 2.0) in events
    counts = Counter(type(event) for event in events)
    assert counts[ev.AudioReceived] == (0 if publishes else 20)


def test_every_capture_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.bin")} == {*PUBLISHERS, *PLAYERS}
    assert {path.stem for path in FROM_SERVERS.glob("*.bin")} == {*SERVERS}
