"""Captures of real clients; what they lead to must not depend on how the bytes are cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmp import events as ev
from rtmp.errors import RemoteProtocolError
from rtmp.server_session import ServerSession
from tests.rtmp.raw_client import accept

VECTORS = Path(__file__).parents[1] / "vectors" / "rtmp"


def replay(data: bytes, step: int) -> list[ev.Event]:
    session = ServerSession()
    events: list[ev.Event] = []
    for at in range(0, len(data), step):
        session.feed(data[at : at + step])
        while (event := session.next_event()) is not None:
            events.append(event)
            accept(session, event)
    return events


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        (
            "ffmpeg_publish_speex",
            "ConnectRequested StreamCreated PublishRequested DataReceived AudioReceived*20",
        ),
        ("ffmpeg_publish_avc_aac", "ConnectRequested StreamCreated PublishRequested DataReceived"),
        ("rtmpdump_play", "ConnectRequested BufferLengthSet StreamCreated PlayRequested BufferLengthSet"),
        ("ffmpeg_play", "ConnectRequested StreamCreated PlayRequested BufferLengthSet"),
    ],
)
def test_captures(name: str, kinds: str) -> None:
    data = (VECTORS / f"{name}.bin").read_bytes()
    one_by_one = replay(data, 1)
    for step in (2, 100, len(data)):
        assert replay(data, step) == one_by_one
    names = [type(event).__name__ for event in one_by_one]
    head, _, repeated = kinds.partition(" AudioReceived*")
    assert names[: len(head.split())] == head.split()
    if repeated:
        assert names.count("AudioReceived") == int(repeated)
        speex = [event for event in one_by_one if isinstance(event, ev.AudioReceived)]
        assert {event.payload[0] & 0xF0 for event in speex} == {0xB0}
    if name == "ffmpeg_publish_avc_aac":
        assert (names.count("VideoReceived"), names.count("AudioReceived")) == (22, 89)
    with pytest.raises(RemoteProtocolError):
        replay(data + b"\xff" * 20, 100)


def test_rtmpdump_connect_arguments() -> None:
    events = replay((VECTORS / "rtmpdump_play.bin").read_bytes(), 1)
    assert isinstance(events[0], ev.ConnectRequested)
    assert events[0].arguments == ("login", "pass", {"a": "b"})
