"""Server and client sessions against each other, and against commands written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.client_session import ClientSession
from rtmp.commands import Command
from rtmp.errors import LocalProtocolError, RemoteProtocolError
from rtmp.limits import Limits
from rtmp.messages import MessageType, UserControl, UserControlType
from rtmp.server_session import ServerSession
from rtmp.state import ConnectionState
from tests.rtmp.raw_client import RawClient


@pytest.fixture
def client() -> RawClient:
    return RawClient(ServerSession())


def info(command: Command) -> Any:
    return command.arguments[0]


def test_connect_announces_window_bandwidth_and_chunk_size_before_the_result(client: RawClient) -> None:
    client.command("connect", 1.0, "x", obj={"app": "a", "tcUrl": "t", "objectEncoding": 0})
    client.session.accept_connect(extra={"more": 1})
    messages = client.messages()
    assert [message.type_id for message in messages] == [5, 6, 20]
    assert client.reader.chunk_size == 4096
    reply = Command.parse(20, messages[2].payload)
    assert (reply.name, reply.transaction_id) == ("_result", 1.0)
    assert info(reply)["code"] == "NetConnection.Connect.Success"
    assert info(reply)["more"] == 1
    assert client.session.state is ConnectionState.CONNECTED


def test_answers_echo_the_transaction_id_and_id_0_gets_none(client: RawClient) -> None:
    client.connect()
    (event,) = client.command("invite", 7.5, "bob")
    assert event == ev.CallReceived("invite", 7.5, ("bob",), 0)
    client.session.respond(7.5, "ok", 1)
    assert client.replies() == [(0, Command("_result", 7.5, None, ("ok", 1.0)))]
    with pytest.raises(LocalProtocolError, match=r"7\.5"):
        client.session.respond(7.5)
    assert client.command("bye", 0.0) == [ev.CallReceived("bye", 0.0, (), 0)]
    client.session.respond(0.0, "unwanted")
    client.session.respond_error(0.0)
    for name in ("releaseStream", "getStreamLength", "_checkbw"):
        assert client.command(name, 0.0, "cam") == []
    assert client.messages() == []
    client.command("releaseStream", 4.0, "cam")
    assert client.replies() == [(0, Command("_result", 4.0))]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("FCPublish", "NetStream.Publish.Start"),
        ("FCUnpublish", "NetStream.Unpublish.Success"),
        ("FCSubscribe", "NetStream.Play.Start"),
        ("FCUnsubscribe", "NetStream.Play.Stop"),
    ],
)
def test_announced_streams_are_noticed(client: RawClient, name: str, code: str) -> None:
    client.connect()
    assert client.command(name, 4.0, "cam") == []
    (_, result), (_, notice) = client.replies()
    assert result == Command("_result", 4.0)
    assert (notice.name, notice.transaction_id) == (f"on{name}", 0.0)
    assert info(notice) == {"level": "status", "code": code, "description": "cam"}


def test_bandwidth_and_play2(client: RawClient) -> None:
    client.connect()
    client.command("checkBandwidth", 4.0)
    assert [reply.name for _, reply in client.replies()] == ["_result", "onBWDone"]
    stream_id = client.play()
    assert client.command("play2", 0.0, {"streamName": "cam"}, stream_id=stream_id) == []
    ((_, reply),) = client.replies()
    assert (reply.name, info(reply)["code"]) == ("onStatus", "NetStream.Play.Failed")


def test_an_id_used_twice_is_answered_twice(client: RawClient) -> None:
    client.connect()
    client.command("a", 3.0)
    client.command("b", 3.0)
    client.session.respond(3.0, "a")
    client.session.respond_error(3.0, description="b")
    assert [reply.name for _, reply in client.replies()] == ["_result", "_error"]


def test_pending_calls_are_bounded(client: RawClient) -> None:
    client.session.limits = replace(Limits(), max_pending_calls=2)
    client.connect()
    assert len(client.command("a", 3.0) + client.command("a", 4.0)) == 2
    assert client.command("a", 5.0) == []
    ((_, reply),) = client.replies()
    assert (reply.name, reply.transaction_id) == ("_error", 5.0)


def test_reject_connect_closes(client: RawClient) -> None:
    client.command("connect", 1.0, obj={"app": "a"})
    client.session.reject_connect(description="403 Forbidden", extra={"ex": {"code": 302.0}})
    ((_, reply),) = client.replies()
    assert (reply.name, reply.transaction_id) == ("_error", 1.0)
    assert info(reply) == {
        "level": "error",
        "code": "NetConnection.Connect.Rejected",
        "description": "403 Forbidden",
        "ex": {"code": 302.0},
    }
    assert client.session.state is ConnectionState.CLOSING
    assert client.command("bye", 2.0) == []
    assert client.session.connection_lost() == [ev.ConnectionClosed(None)]
    assert client.session.connection_lost() == []


def test_ping_buffer_length_and_pong(client: RawClient) -> None:
    client.connect()
    assert client.send(4, UserControl(UserControlType.PING_REQUEST, (99,)).serialize()) == []
    (message,) = client.messages()
    assert UserControl.parse(message.payload) == UserControl(UserControlType.PING_RESPONSE, (99,))
    assert client.send(4, UserControl(UserControlType.PING_RESPONSE, (5,)).serialize()) == [
        ev.PongReceived(5)
    ]
    assert client.send(4, UserControl(UserControlType.SET_BUFFER_LENGTH, (1, 300)).serialize()) == [
        ev.BufferLengthSet(1, 300)
    ]
    assert client.send(4, b"\x00\x1f\x01") == []  # an event that the specification does not have


def test_acknowledgements(client: RawClient) -> None:
    client.connect()
    client.send(5, (1000).to_bytes(4, "big"))
    stream_id = client.publish()
    client.messages()
    client.send(8, bytes(2000), stream_id)
    (message,) = client.messages()
    assert message.type_id == MessageType.ACKNOWLEDGEMENT
    assert int.from_bytes(message.payload, "big") == client.session.bytes_received


@pytest.mark.parametrize(
    ("type_id", "payload", "message"),
    [
        (20, b"\x05", "does not begin with a name"),
        (20, b"\x02\x00\x01a\x05", "no transaction id"),
        (20, b"\x02\x00\x01a\x00\x7f\xf8\0\0\0\0\0\0", "transaction id nan"),
        (20, b"\x02\x00\x01a\x00\0\0\0\0\0\0\0\0\x0c\xff\xff\xff\xff", "string of"),
        (20, b"", "does not begin with a name"),
        (17, b"\x00\x11\x12", "marker 0x12"),
        (4, b"\x00", "without an event type"),
        (4, b"\x00\x06\x00", "too short"),
        (5, b"\x00", "instead of 4"),
        (22, b"\x00", "aggregate"),
        (20, Command("connect", 1.0, {"app": "b"}).serialize()[1], "CONNECT is not possible"),
    ],
)
def test_faults_of_the_peer(client: RawClient, type_id: int, payload: bytes, message: str) -> None:
    client.connect()
    with pytest.raises(RemoteProtocolError, match=message):
        client.send(type_id, payload)
    with pytest.raises(RemoteProtocolError, match=message):
        client.session.receive_data(b"")


def test_events_before_a_fault_are_not_lost(client: RawClient) -> None:
    client.connect()
    stream_id = client.publish()
    good = b"".join(client.writer.write(8, 8, stream_id, 0, b"a"))
    with pytest.raises(RemoteProtocolError, match="continuation") as caught:
        client.session.receive_data(good + b"\xc9")
    assert client.session.take_events() == [ev.AudioReceived(stream_id, 0, b"a")]
    assert client.session.connection_lost(caught.value) == [
        ev.StreamClosed(stream_id),
        ev.ConnectionClosed(caught.value),
    ]


def test_commands_before_connect() -> None:
    client = RawClient(ServerSession())
    with pytest.raises(RemoteProtocolError, match="before connect"):
        client.command("createStream", 1.0)
    client = RawClient(ServerSession())
    client.command("connect", 1.0, obj={"app": "a"})
    assert client.command("createStream", 2.0) == []
    ((_, reply),) = client.replies()
    assert (reply.name, reply.transaction_id) == ("_error", 2.0)


def test_faults_of_the_caller(client: RawClient) -> None:
    session = client.session
    for call in (
        session.accept_connect,
        lambda: session.call("x"),
        lambda: session.respond(1.0),
        lambda: session.accept_publish(1),
        lambda: session.send_status(0, "status", "x"),
        lambda: session.send_audio(1, 0, b""),
    ):
        with pytest.raises(LocalProtocolError):
            call()
    client.connect()
    stream_id = client.stream()
    for call in (
        lambda: session.accept_publish(stream_id),
        lambda: session.reject_play(stream_id),
        lambda: session.send_status(99, "status", "x"),
        session.accept_connect,
    ):
        with pytest.raises(LocalProtocolError):
            call()


def test_streams_are_bounded(client: RawClient) -> None:
    client.connect()
    for _ in range(8):
        client.stream()
    assert client.command("createStream", 9.0) == []
    ((_, reply),) = client.replies()
    assert (reply.name, reply.transaction_id) == ("_error", 9.0)


def test_publish_without_a_stream_is_answered(client: RawClient) -> None:
    client.connect()
    assert client.command("publish", 0.0, "x", stream_id=5) == []
    ((stream_id, reply),) = client.replies()
    assert (stream_id, info(reply)["code"]) == (5, "NetStream.Failed")


@pytest.mark.parametrize("object_encoding", [0, 3])
def test_server_and_client_sessions(object_encoding: int) -> None:
    server = ServerSession()
    client = ClientSession("rtmp://h/app", ("arg",), object_encoding=object_encoding)
    client.connect()
    server_events: list[ev.Event] = []
    client_events: list[ev.Event] = []

    def pump() -> None:
        while True:
            to_server, to_client = client.data_to_send(), server.data_to_send()
            if not to_server and not to_client:
                return
            server_events.extend(server.receive_data(to_server))
            client_events.extend(client.receive_data(to_client))

    pump()
    (requested,) = server_events
    assert isinstance(requested, ev.ConnectRequested)
    assert (requested.app, requested.arguments) == ("app", ("arg",))
    server.accept_connect(requested)
    pump()
    assert isinstance(client_events[-1], ev.ConnectAccepted)
    tid = client.call("f", [1.5, {"a": None}], b"\x01")
    pump()
    assert server_events[-1] == ev.CallReceived("f", tid, ([1.5, {"a": None}], b"\x01"), 0)
    server.respond(tid, {"r": [True]})
    server.call("g", 1.0)
    pump()
    assert client_events[-2:] == [
        ev.ResultReceived(tid, ({"r": [True]},)),
        ev.CallReceived("g", 0.0, (1.0,), 0),
    ]
    create = client.create_stream()
    pump()
    created = client_events[-1]
    assert created == ev.StreamCreated(1, create)
    client.play(1, "s")
    pump()
    server.accept_play(1)
    server.send_audio(1, 5, b"a" * 10_000)
    server.send_status(0, "error", "NetConnection.Connect.Closed", "bye")
    pump()
    assert ev.AudioReceived(1, 5, b"a" * 10_000) in client_events
    last = client_events[-1]
    assert isinstance(last, ev.StatusReceived)
    assert (last.stream_id, last.code) == (0, "NetConnection.Connect.Closed")
    client.close_stream(1)
    pump()
    assert server_events[-1] == ev.StreamClosed(1)
    with pytest.raises(LocalProtocolError, match="already called"):
        client.connect()


def test_the_answer_to_connect_is_amf0_even_for_an_amf3_client(client: RawClient) -> None:
    client.command("connect", 1.0, obj={"app": "a", "objectEncoding": 3.0})
    client.session.accept_connect()
    assert client.messages()[-1].type_id == MessageType.COMMAND_AMF0
    client.session.call("invited", {"from": "bob"})
    (message,) = client.messages()
    assert message.type_id == MessageType.COMMAND_AMF3
    assert Command.parse(message.type_id, message.payload).arguments == ({"from": "bob"},)
