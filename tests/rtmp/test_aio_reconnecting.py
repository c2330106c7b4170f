"""Streams that stay up, against servers that do not."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import (
    LinkState,
    ReconnectingPlayer,
    ReconnectingPublisher,
    RtmpClient,
    ServerConnection,
    StateChange,
)
from rtmp.aio.reconnecting.stream import Reconnecting
from rtmp.backoff import BackoffPolicy
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from rtmp.errors import (
    AuthenticationFailed,
    ConnectionLost,
    ConnectRejected,
    ConnectTimeout,
    LocalProtocolError,
    RemoteProtocolError,
    StreamFailed,
)
from rtmp.url import RtmpUrl
from tests.rtmp.certificates import make_server_tls, needs_openssl
from tests.rtmp.log_lines import log_lines
from tests.rtmp.running_server import EventLog, Running, running

SOON = BackoffPolicy(first_s=0.01, longest_s=0.05)
AAC_HEADER, AVC_HEADER = b"\xaf\x00\x12\x10", b"\x17\x00\x00\x00\x00avcC"
UP = [LinkState.CONNECTING, LinkState.UP]
RECONNECT = "NetConnection.Connect.ReconnectRequest"


def audio(number: int) -> bytes:
    return b"\xaf\x01" + bytes((number,))


def key(number: int) -> bytes:
    return b"\x17\x01\x00\x00\x00" + bytes((number,))


def inter(number: int) -> bytes:
    return b"\x27\x01\x00\x00\x00" + bytes((number,))


class Moving(EventLog):
    """An event log that refuses what it is told to, and asks its client to go elsewhere."""

    refuse_publish = False

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.ConnectRequested) and event.app.startswith("refuse/"):
            self.events.append(event)
            self.connection.reject_connect(event.app.removeprefix("refuse/"), "no")
        elif isinstance(event, ev.PublishRequested) and self.refuse_publish:
            self.events.append(event)
            self.connection.reject_publish(event.stream_id)
            self.changed.set()
        elif isinstance(event, ev.PublishRequested | ev.PlayRequested) and event.name == "silent":
            self.events.append(event)
            self.changed.set()
        else:
            super().on_event(event)

    def ask_to_move(self, tc_url: str | None) -> None:
        extra = {} if tc_url is None else {"tcUrl": tc_url}
        self.connection.send_status(0, "status", RECONNECT, "please", extra)

    async def media(self, payload: bytes) -> None:
        """Wait for a message."""
        await self.wait(lambda e: isinstance(e, ev.AudioReceived | ev.VideoReceived) and e.payload == payload)

    def payloads(self) -> list[bytes]:
        return [bytes(e.payload) for e in self.events if isinstance(e, ev.AudioReceived | ev.VideoReceived)]

    def metadata(self) -> list[tuple[Any, ...]]:
        return [e.values for e in self.events if isinstance(e, ev.DataReceived)]


class Server(Running):
    def make(self, connection: ServerConnection) -> EventLog:
        log = Moving(connection)
        self.logs.put_nowait(log)
        return log

    def url(self, app: str = "live") -> str:
        return f"rtmp://127.0.0.1:{self.server.port}/{app}"

    async def next(self) -> Moving:
        log = await self.logs.get()
        assert isinstance(log, Moving)
        return log


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    state = Server()
    async with running(state=state), asyncio.timeout(10):
        yield state


class States:
    """What a stream tells of itself."""

    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self.changed = asyncio.Event()

    def __call__(self, change: StateChange) -> None:
        self.changes.append(change)
        self.changed.set()

    @property
    def names(self) -> list[LinkState]:
        return [change.state for change in self.changes]

    async def wait(self, fits: Callable[[list[LinkState]], bool]) -> None:
        while not fits(self.names):
            self.changed.clear()
            await self.changed.wait()


async def test_a_publisher_begins_each_link_with_headers_and_a_keyframe() -> None:
    states = States()
    async with serving() as run:
        publisher = ReconnectingPublisher(run.url(), "cam", policy=SOON, on_state=states)
        publisher.send_metadata({"width": 640.0})
        publisher.send_audio(0, AAC_HEADER)
        publisher.send_video(0, AVC_HEADER)
        async with publisher:
            await publisher.wait_up()
            first = await run.next()
            publisher.send_video(10, inter(1))
            publisher.send_audio(20, audio(2))
            publisher.send_video(30, key(3))
            publisher.send_video(40, inter(4))
            await first.media(inter(4))
            assert first.payloads() == [AAC_HEADER, AVC_HEADER, audio(2), key(3), inter(4)]
            assert first.metadata() == [("onMetaData", {"width": 640.0})]
            first.connection.abort()
            second = await run.next()
            await states.wait(lambda names: names.count(LinkState.UP) == 2)
            publisher.send_metadata({"width": 320.0})
            publisher.send_video(50, AVC_HEADER + b"new")
            publisher.send_video(60, inter(5))
            publisher.send_video(70, key(6))
            publisher.send_audio(80, audio(7))
            await second.media(audio(7))
            assert second.payloads() == [AAC_HEADER, AVC_HEADER + b"new", key(6), audio(7)]
            assert second.metadata() == [("onMetaData", {"width": 320.0})]
            publisher.send_data(90, "onCuePoint", 1.0)
            publisher.send_video(100, AVC_HEADER)
            await second.media(AVC_HEADER)
            assert second.metadata()[-1] == ("onCuePoint", 1.0)
            assert publisher.dropped_media == 2
        assert await second.closed() is None
        assert isinstance(second.events[-2], ev.StreamClosed)
    assert states.names == [*UP, LinkState.WAITING, *UP, LinkState.CLOSED]
    assert isinstance(states.changes[2].error, ConnectionLost)
    assert 0 < states.changes[2].wait_s <= 0.01


async def test_it_says_that_it_can_reconnect_and_what_its_program_can() -> None:
    ours = Capabilities((), {"hvc1": FourCcInfo.CAN_ENCODE}, {}, CapsEx.MULTITRACK)
    async with serving() as run:
        async with ReconnectingPublisher(
            run.url(), "cam", "record", announce=True, capabilities=ours
        ) as publisher:
            await publisher.wait_up()
        log = await run.next()
        connect = log.events[0]
        assert isinstance(connect, ev.ConnectRequested)
        theirs = Capabilities.from_command_object(connect.command_object)
        assert (theirs.video, theirs.caps_ex) == (ours.video, CapsEx.MULTITRACK | CapsEx.RECONNECT)
        publish = await log.wait(lambda e: isinstance(e, ev.PublishRequested))
        assert publish.kind == "record"


@pytest.mark.parametrize("absolute", [True, False])
async def test_a_publisher_moves_at_a_keyframe_without_a_gap(absolute: bool) -> None:
    states = States()
    async with serving() as run, serving() as other:
        publisher = ReconnectingPublisher(run.url("live/a"), "cam", policy=SOON, on_state=states)
        async with publisher:
            await publisher.wait_up()
            old = await run.next()
            publisher.send_video(0, AVC_HEADER)
            publisher.send_video(10, key(1))
            await old.media(key(1))
            port = other.server.port
            old.ask_to_move(other.url("live/b") if absolute else f"//127.0.0.1:{port}/live/b")
            new = await other.next()
            await new.wait(lambda e: isinstance(e, ev.PublishRequested))
            # the new link is ready when the answer is back, and only a keyframe changes over
            number = 2
            while states.names[-1] is LinkState.MOVING:
                publisher.send_video(number * 10, inter(number))
                await old.media(inter(number))
                publisher.send_video(number * 10 + 5, key(number))
                number += 1
            await new.media(key(number - 1))
            assert await old.closed() is None
            assert states.changes[-1] == StateChange(LinkState.UP, other.url("live/b"))
            sent = [payload for n in range(2, number) for payload in (inter(n), key(n))]
            assert old.payloads() + new.payloads()[1:] == [AVC_HEADER, key(1), *sent]
            assert new.payloads()[:2] == [AVC_HEADER, key(number - 1)]
            assert publisher.dropped_media == 0
            # the loss of the new server leads home
            new.connection.abort()
            await run.next()
            await states.wait(lambda names: names.count(LinkState.UP) == 3)
            assert publisher.url == run.url("live/a")
    assert states.names == [*UP, LinkState.MOVING, LinkState.UP, LinkState.WAITING, *UP, LinkState.CLOSED]


async def test_audio_alone_moves_at_once() -> None:
    states = States()
    async with serving() as run, serving() as other:
        publisher = ReconnectingPublisher(run.url(), "cam", policy=SOON, on_state=states)
        async with publisher:
            await publisher.wait_up()
            old = await run.next()
            old.ask_to_move(other.url())
            new = await other.next()
            await new.wait(lambda e: isinstance(e, ev.PublishRequested))
            number = 0
            while states.names[-1] is LinkState.MOVING:
                publisher.send_audio(number, audio(number))
                await (old if states.names[-1] is LinkState.MOVING else new).media(audio(number))
                number += 1
            assert await old.closed() is None
            assert old.payloads() + new.payloads() == [audio(n) for n in range(number)]


async def test_an_old_link_that_is_lost_gives_way() -> None:
    states = States()
    async with serving() as run, serving() as other:
        publisher = ReconnectingPublisher(run.url(), "cam", policy=SOON, on_state=states)
        async with publisher:
            await publisher.wait_up()
            old = await run.next()
            old.ask_to_move(other.url())
            new = await other.next()
            await new.wait(lambda e: isinstance(e, ev.PublishRequested))
            old.connection.abort()
            await states.wait(lambda names: names.count(LinkState.UP) == 2)
            publisher.send_audio(0, audio(1))
            await new.media(audio(1))
    assert states.names == [*UP, LinkState.MOVING, LinkState.UP, LinkState.CLOSED]


async def test_a_move_that_fails_leaves_the_stream_where_it_is() -> None:
    states = States()
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        nowhere = f"rtmp://127.0.0.1:{reserved.getsockname()[1]}/live"
        async with serving() as run:
            publisher = ReconnectingPublisher(run.url(), "cam", policy=SOON, on_state=states)
            async with publisher:
                await publisher.wait_up()
                old = await run.next()
                for wish in ("http://127.0.0.1/", nowhere):
                    old.ask_to_move(wish)
                await states.wait(lambda names: names.count(LinkState.UP) == 2)
                publisher.send_audio(0, audio(1))
                await old.media(audio(1))
                assert run.logs.empty()
    assert states.names == [*UP, LinkState.MOVING, LinkState.UP, LinkState.CLOSED]


async def test_the_same_server_that_holds_our_name_gets_it_back_first() -> None:
    states = States()
    async with serving() as run:
        publisher = ReconnectingPublisher(run.url(), "cam", policy=SOON, on_state=states)
        async with publisher:
            await publisher.wait_up()
            old = await run.next()
            old.ask_to_move(None)
            rival = await run.next()
            rival.refuse_publish = True
            third = await run.next()
            await states.wait(lambda names: names.count(LinkState.UP) == 2)
            assert await old.closed() is None
            publisher.send_audio(0, audio(1))
            await third.media(audio(1))
    assert states.names == [*UP, LinkState.MOVING, LinkState.WAITING, *UP, LinkState.CLOSED]
    assert isinstance(states.changes[3].error, StreamFailed)


def test_no_move_takes_encryption_away() -> None:
    url = RtmpUrl.parse("rtmps://h/live")
    stream = Reconnecting(url, "cam")
    with pytest.raises(RemoteProtocolError, match="from rtmps"):
        stream._resolve(url, "rtmp://h/live")
    assert stream._resolve(url, "//other/x").tc_url == "rtmps://other/x"


def test_credentials_stay_at_home() -> None:
    home = RtmpUrl.parse("rtmp://u:p@h/live")
    stream = Reconnecting(home, "cam")
    elsewhere = stream._resolve(home, "//other/live")
    assert elsewhere == RtmpUrl("rtmp", "other", 1935, "live")
    assert stream._resolve(elsewhere, "//h:80/live") == RtmpUrl("rtmp", "h", 80, "live", "u", "p")


async def test_a_request_to_go_to_an_impossible_host_is_not_followed() -> None:
    states = States()
    async with log_lines() as lines, serving() as run:
        publisher = ReconnectingPublisher(run.url(), "cam", policy=SOON, on_state=states)
        async with publisher:
            await publisher.wait_up()
            server = await run.next()
            server.ask_to_move(f"rtmp://{'a' * 70}/live")
            assert "not followed" in await lines.next()
            publisher.send_audio(0, audio(1))
            await server.media(audio(1))
    assert states.names == [*UP, LinkState.CLOSED]


async def test_an_unforeseen_error_while_moving_leaves_the_stream_where_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Connecting:
        """Fails as no connection should, the second time."""

        count = 0

        async def __call__(self, url: RtmpUrl, /, **options: Any) -> RtmpClient:
            self.count += 1
            if self.count > 1:
                raise ZeroDivisionError
            return await RtmpClient.connect(url, **options)

    states = States()
    async with serving() as run:
        publisher = ReconnectingPublisher(
            run.url(), "cam", connect=Connecting(), policy=SOON, on_state=states
        )
        async with publisher:
            await publisher.wait_up()
            server = await run.next()
            server.ask_to_move(run.url("elsewhere"))
            await states.wait(lambda names: names.count(LinkState.UP) == 2)
            publisher.send_audio(0, audio(1))
            await server.media(audio(1))
    assert states.names == [*UP, LinkState.MOVING, LinkState.UP, LinkState.CLOSED]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


@needs_openssl
@pytest.mark.parametrize("retry", [False, True])
async def test_a_certificate_that_is_not_valid_is_final_unless_it_is_to_be_tried_again(
    tmp_path: Path, retry: bool
) -> None:
    policy = BackoffPolicy(first_s=0.01, max_attempts=2)
    states = States()
    async with running(ssl=make_server_tls(tmp_path)) as run, asyncio.timeout(5):
        url = f"rtmps://127.0.0.1:{run.server.port}/live"
        async with ReconnectingPlayer(
            url, "cam", policy=policy, on_state=states, retry_certificate=retry
        ) as player:
            assert isinstance(await player.wait_failed(), ssl.SSLCertVerificationError)
    again = [LinkState.CONNECTING, LinkState.WAITING] if retry else []
    assert states.names == [*again, LinkState.CONNECTING, LinkState.FAILED]


class Heard:
    """What a player delivers."""

    def __init__(self, player: ReconnectingPlayer) -> None:
        self.payloads: list[bytes] = []
        self.data: list[tuple[Any, ...]] = []
        self.changed = asyncio.Event()
        player.on_audio = player.on_video = self.take
        player.on_data = lambda _, values: self.data.append(values)

    def take(self, _timestamp_ms: int, payload: Any) -> None:
        self.payloads.append(bytes(payload))
        self.changed.set()

    async def wait(self, payload: bytes) -> None:
        while payload not in self.payloads:
            self.changed.clear()
            await self.changed.wait()


async def playing(log: Moving) -> int:
    requested = await log.wait(lambda e: isinstance(e, ev.PlayRequested))
    stream_id: int = requested.stream_id
    return stream_id


async def test_a_player_comes_back_after_a_loss_and_after_the_end() -> None:
    states = States()
    async with serving() as run:
        player = ReconnectingPlayer(run.url(), "cam", policy=SOON, on_state=states)
        heard = Heard(player)
        codes: list[str] = []
        player.on_status = lambda event: codes.append(event.code)
        async with player:
            for number in range(3):
                log = await run.next()
                stream_id = await playing(log)
                log.connection.send_data(stream_id, 0, "onMetaData", {"n": float(number)})
                log.connection.send_video(stream_id, 0, AVC_HEADER)
                log.connection.send_video(stream_id, 5, key(number))
                await heard.wait(key(number))
                if number == 0:
                    log.connection.abort()
                elif number == 1:
                    log.connection.end_play(stream_id)
                    assert await log.closed() is None
        assert heard.payloads == [p for n in range(3) for p in (AVC_HEADER, key(n))]
        assert [values[1]["n"] for values in heard.data] == [0, 1, 2]
    assert states.names == [*UP, LinkState.WAITING, *UP, LinkState.WAITING, *UP, LinkState.CLOSED]
    assert str(states.changes[5].error).startswith("NetStream.Play.Stop")
    assert codes.count("NetStream.Play.Start") == 3


async def test_a_player_changes_over_with_the_new_keyframe() -> None:
    states = States()
    async with serving() as run, serving() as other:
        player = ReconnectingPlayer(run.url(), "cam", policy=SOON, on_state=states)
        heard = Heard(player)
        async with player:
            old = await run.next()
            old_id = await playing(old)
            old.connection.send_video(old_id, 0, AVC_HEADER)
            old.connection.send_video(old_id, 0, key(1))
            await heard.wait(key(1))
            old.ask_to_move(other.url())
            new = await other.next()
            new_id = await playing(new)
            new.connection.send_data(new_id, 0, "onMetaData", {})
            new.connection.send_video(new_id, 0, AVC_HEADER)
            new.connection.send_audio(new_id, 0, AAC_HEADER)
            new.connection.send_video(new_id, 0, inter(50))
            new.connection.send_audio(new_id, 0, audio(51))
            await states.wait(lambda names: names[-1] is LinkState.MOVING)
            old.connection.send_video(old_id, 0, inter(2))
            await heard.wait(inter(2))
            assert heard.data == []
            new.connection.send_video(new_id, 0, key(52))
            new.connection.send_audio(new_id, 0, audio(53))
            await heard.wait(audio(53))
            assert await old.closed() is None
        assert heard.payloads == [
            AVC_HEADER, key(1), inter(2), AVC_HEADER, AAC_HEADER, key(52), audio(53)
        ]  # fmt: skip
        assert heard.data == [("onMetaData", {})]
    assert states.names == [*UP, LinkState.MOVING, LinkState.UP, LinkState.CLOSED]


@pytest.mark.parametrize("kind", [ReconnectingPublisher, ReconnectingPlayer])
async def test_an_application_that_is_not_there(kind: Any) -> None:
    async with serving() as run:
        url = run.url("refuse/NetConnection.Connect.InvalidApp")
        async with kind(url, "cam", policy=SOON) as stream:
            with pytest.raises(ConnectRejected, match="InvalidApp"):
                await stream.wait_up()
            assert isinstance(await stream.wait_failed(), ConnectRejected)
            with pytest.raises(ConnectRejected):
                await stream.wait_up()
        assert stream.state is LinkState.FAILED
        async with kind(url, "cam", policy=SOON, retry_invalid_app=True):
            for _ in range(3):
                await run.next()


async def test_other_refusals_are_tried_again_until_the_policy_ends() -> None:
    states = States()
    policy = BackoffPolicy(first_s=0.01, max_attempts=3)
    async with serving() as run:
        url = run.url("refuse/NetConnection.Connect.Rejected")
        async with ReconnectingPublisher(url, "cam", policy=policy, on_state=states) as publisher:
            assert isinstance(await publisher.wait_failed(), ConnectRejected)
    again = [LinkState.CONNECTING, LinkState.WAITING]
    assert states.names == [*again, *again, LinkState.CONNECTING, LinkState.FAILED]


async def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"rtmp://127.0.0.1:{reserved.getsockname()[1]}/live"
        policy = BackoffPolicy(first_s=0.01, max_attempts=2)
        async with ReconnectingPlayer(url, "cam", policy=policy) as player, asyncio.timeout(5):
            assert isinstance(await player.wait_failed(), ConnectionRefusedError)


async def test_wrong_credentials_and_nonsense_are_final() -> None:
    class Asking(Server):
        def make(self, connection: ServerConnection) -> EventLog:
            class AskingLog(Moving):
                def on_event(self, event: ev.Event) -> None:
                    if isinstance(event, ev.ConnectRequested):
                        self.connection.reject_connect(description="authmod=adobe ?reason=authfailed")

            return AskingLog(connection)

    async with running(state=Asking()) as run, asyncio.timeout(5):
        url = f"rtmp://bob:s3cret@127.0.0.1:{run.server.port}/live"
        async with ReconnectingPublisher(url, "cam", policy=SOON) as publisher:
            assert isinstance(await publisher.wait_failed(), AuthenticationFailed)
    async with serving() as server:
        publisher = ReconnectingPublisher(server.url(), "cam", "forever", policy=SOON)
        async with publisher:
            assert isinstance(await publisher.wait_failed(), LocalProtocolError)


async def test_a_server_that_does_not_answer_publish() -> None:
    policy = BackoffPolicy(max_attempts=1)
    async with serving() as run:
        publisher = ReconnectingPublisher(run.url(), "silent", policy=policy, start_timeout_s=0.05)
        async with publisher:
            assert isinstance(await publisher.wait_failed(), ConnectTimeout)
        assert await (await run.next()).closed() is None


async def test_a_stream_that_ends_as_it_starts_is_lost() -> None:
    class Ending(Server):
        def make(self, connection: ServerConnection) -> EventLog:
            class EndingLog(Moving):
                def on_event(self, event: ev.Event) -> None:
                    super().on_event(event)
                    if isinstance(event, ev.PlayRequested):
                        self.connection.end_play(event.stream_id)

            return EndingLog(connection)

    policy = BackoffPolicy(first_s=0.01, max_attempts=2)
    async with running(state=Ending()) as run, asyncio.timeout(5):
        url = f"rtmp://127.0.0.1:{run.server.port}/live"
        async with ReconnectingPlayer(url, "cam", policy=policy) as player:
            assert isinstance(await player.wait_failed(), StreamFailed)


async def test_a_mistake_of_the_program_reaches_who_waits() -> None:
    async with serving() as run:
        connect: Any = partial(RtmpClient.connect, nonsense=True)
        async with ReconnectingPublisher(run.url(), "cam", connect=connect) as publisher:
            with pytest.raises(TypeError):
                await publisher.wait_up()
            assert publisher.state is LinkState.FAILED


async def test_close_at_any_moment() -> None:
    async with serving() as run:
        publisher = ReconnectingPublisher(run.url(), "silent", policy=SOON)
        await publisher.close()
        with pytest.raises(ConnectionLost):
            await publisher.wait_up()
        publisher = ReconnectingPublisher(run.url(), "silent", policy=SOON)
        publisher.start()
        waiting = asyncio.ensure_future(publisher.wait_up())
        log = await run.next()
        await log.wait(lambda e: isinstance(e, ev.PublishRequested))
        await publisher.close()
        with pytest.raises(ConnectionLost, match="closed"):
            await waiting
        assert await log.closed() is None
        publisher.send_audio(0, audio(1))
        publisher.send_video(0, key(1))
        assert publisher.dropped_media == 2


async def test_more_arguments_of_connect_and_a_program_that_fails() -> None:
    def fail(_: StateChange) -> None:
        raise ZeroDivisionError

    async with serving() as run:
        connect = partial(RtmpClient.connect, handshake="plain", command_object={"pageUrl": "x"})
        async with ReconnectingPlayer(run.url(), "cam", connect=connect, on_state=fail) as player:
            await player.wait_up()
            log = await run.next()
            requested = log.events[0]
            assert isinstance(requested, ev.ConnectRequested)
            assert requested.command_object["pageUrl"] == "x"
