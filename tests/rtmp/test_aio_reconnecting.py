"""Streams that stay up, against servers that do not."""

from __future__ import annotations

from rtmp import events as ev
from rtmp.aio import (
    LinkState,
    ReconnectingPlayer,
    ReconnectingPublisher,
)
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from rtmp.errors import (
    ConnectionLost,
)
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
