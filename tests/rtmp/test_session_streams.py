"""What a client publishes and plays, as the server's session has it."""

from __future__ import annotations

from typing import Any

import pytest

from rtmp import events as ev
from rtmp.amf0 import encode_all
from rtmp.commands import Command, serialize_data
from rtmp.errors import AmfDecodeError, LocalProtocolError
from rtmp.messages import UserControl, UserControlType
from rtmp.server_session import ServerSession
from rtmp.state import StreamState
from tests.rtmp.raw_client import RawClient


@pytest.fixture
def client() -> RawClient:
    return RawClient(ServerSession())


def info(command: Command) -> Any:
    return command.arguments[0]


def test_publish_media_and_close(client: RawClient) -> None:
    client.connect()
    stream_id = client.publish()
    begin, status = client.messages()
    assert UserControl.parse(begin.payload) == UserControl(UserControlType.STREAM_BEGIN, (stream_id,))
    assert info(Command.parse(20, status.payload))["code"] == "NetStream.Publish.Start"
    assert status.stream_id == stream_id
    assert client.send(8, b"\xb2ab", stream_id, 20) == [ev.AudioReceived(stream_id, 20, b"\xb2ab")]
    assert client.send(9, b"\x17", stream_id, 20) == [ev.VideoReceived(stream_id, 20, b"\x17")]
    assert client.send(8, b"\xb2ab", stream_id + 1, 20) == []
    assert client.command("closeStream", 0.0, stream_id=stream_id) == [ev.StreamClosed(stream_id)]
    ((about, closed),) = client.replies()
    assert (about, info(closed)["code"]) == (stream_id, "NetStream.Unpublish.Success")
    assert client.send(8, b"\xb2ab", stream_id, 40) == []
    assert client.command("deleteStream", 0.0, stream_id) == []
    assert client.session.stream_state(stream_id) is None
    assert client.stream() == stream_id


def test_publishing_anew_ends_the_old_and_false_stops(client: RawClient) -> None:
    client.connect()
    stream_id = client.publish("one")
    assert client.command("publish", 0.0, "two", stream_id=stream_id) == [
        ev.StreamClosed(stream_id),
        ev.PublishRequested(stream_id, "two", "live"),
    ]
    client.session.reject_publish(stream_id)
    assert client.session.stream_state(stream_id) is StreamState.IDLE
    assert client.command("publish", 0.0, False, stream_id=stream_id) == []
    assert client.session.connection_lost() == [ev.ConnectionClosed(None)]


def test_aggregate_and_data_messages(client: RawClient) -> None:
    client.connect()
    stream_id = client.publish()
    sub = b"\x08\x00\x00\x01\x00\x00\x05\x00\x00\x00\x00a\x00\x00\x00\x0c"
    assert client.send(22, sub, stream_id, 100) == [ev.AudioReceived(stream_id, 100, b"a")]
    for amf3 in (False, True):
        for name in ((), ("@setDataFrame",)):
            message = serialize_data((*name, "onMetaData", {"width": 1.5}), amf3=amf3)
            (event,) = client.send(*message, stream_id, 3)
            assert event == ev.DataReceived(stream_id, 3, ("onMetaData", {"width": 1.5}))
            assert isinstance(event, ev.DataReceived)
            assert event.payload == encode_all(("onMetaData", {"width": 1.5}))


def test_data_that_amf0_cannot_express_go_as_they_came(client: RawClient) -> None:
    client.connect()
    stream_id = client.publish()
    long = "n" * 70_000
    type_id, payload = serialize_data(("onCuePoint", {long: 1.0}), amf3=True)
    (event,) = client.send(type_id, payload, stream_id, 3)
    assert isinstance(event, ev.DataReceived)
    assert event.values == ("onCuePoint", {long: 1.0})
    assert event.payload == payload[1:]


@pytest.mark.parametrize("amf3", [False, True])
@pytest.mark.parametrize(
    "rest",
    [
        bytes.fromhex("03 0001 61 02 00ff 62"),  # cut
        bytes.fromhex("04"),  # a reserved marker
        bytes.fromhex("11 0a 07 03 43 01"),  # an externalizable class that nobody here knows
        bytes.fromhex("0a 00002711") + b"\x05" * 10_001,  # more than is taken apart
    ],
)
def test_data_that_cannot_be_decoded_end_no_stream(client: RawClient, rest: bytes, amf3: bool) -> None:
    client.connect()
    stream_id = client.publish()
    body = encode_all(("onCuePoint",)) + rest
    for name in (b"", encode_all(("@setDataFrame",))):
        payload = bytes(amf3) + name + body
        (event,) = client.send(15 if amf3 else 18, payload, stream_id, 3)
        assert isinstance(event, ev.UndecodedDataReceived)
        assert (event.stream_id, event.timestamp_ms, event.payload) == (stream_id, 3, body)
        assert event.reason.startswith("AMF")
    assert client.session.undecoded_data == 2
    assert client.send(8, b"a", stream_id, 4) == [ev.AudioReceived(stream_id, 4, b"a")]
    with pytest.raises(AmfDecodeError):
        client.send(17 if amf3 else 20, bytes(amf3) + body, stream_id, 5)


@pytest.mark.parametrize(
    "name", ["0c 0000000d 407365744461746146 72616d65", "11 06 1b 407365744461746146 72616d65"]
)
def test_set_data_frame_is_taken_off_however_it_is_written(client: RawClient, name: str) -> None:
    client.connect()
    stream_id = client.publish()
    circle = bytes.fromhex("11 09 03 01 09 00")
    (event,) = client.send(15, b"\0" + bytes.fromhex(name) + encode_all(("onCuePoint",)) + circle, stream_id)
    assert isinstance(event, ev.DataReceived)
    assert event.values[0] == "onCuePoint"
    assert event.payload == encode_all(("onCuePoint",)) + circle


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), True, "5", None])
def test_times_of_play_are_numbers(client: RawClient, odd: float | str | None) -> None:
    client.connect()
    client.command("createStream", 2.0)
    events = client.command("play", 0.0, "cam", odd, odd, stream_id=1)
    assert events == [ev.PlayRequested(1, "cam", -2000.0, -1000.0, True)]


def test_play_receive_and_pause(client: RawClient) -> None:
    client.connect()
    stream_id = client.play()
    client.session.send_audio(stream_id, 1, b"a")
    assert client.command("receiveAudio", 0.0, False, stream_id=stream_id) == [
        ev.ReceiveChanged(stream_id, audio=False, video=True)
    ]
    client.session.send_audio(stream_id, 2, b"a")
    client.session.send_video(stream_id, 3, b"v")
    assert [(m.type_id, m.timestamp_ms) for m in client.messages()] == [(8, 1), (9, 3)]
    assert client.command("pause", 0.0, True, 5.0, stream_id=stream_id) == [
        ev.PauseRequested(stream_id, paused=True, position_ms=5.0)
    ]
    ((_, reply),) = client.replies()
    assert info(reply)["code"] == "NetStream.Pause.Notify"
    client.session.end_play(stream_id)
    with pytest.raises(LocalProtocolError, match="IDLE"):
        client.session.send_audio(stream_id, 4, b"a")
