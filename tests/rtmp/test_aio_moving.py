"""Streams that stay up go where their server asks them to."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import (
    LinkState,
    ReconnectingPlayer,
    ReconnectingPublisher,
    RtmpClient,
    StateChange,
)
from rtmp.aio.reconnecting.stream import Reconnecting
from rtmp.errors import (
    RemoteProtocolError,
    StreamFailed,
)
from rtmp.url import RtmpUrl
from tests.rtmp.log_lines import log_lines
from tests.rtmp.reconnecting_server import (
    AAC_HEADER,
    AVC_HEADER,
    SOON,
    UP,
    Heard,
    States,
    audio,
    inter,
    key,
    playing,
    serving,
)


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
