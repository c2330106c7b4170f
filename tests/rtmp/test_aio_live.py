"""The live application over real sockets, with our own clients."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from rtmp.aio.live import LiveLimits, LiveRequest, Purpose, Refused, Republish
from rtmp.aio.recording.recordings import Recordings
from rtmp.amf0 import encode_all
from rtmp.enhanced_flv import AudioPacketType, EnhancedAudio, Track
from rtmp.errors import CallFailed, StreamFailed
from rtmp.limits import DEFAULT_LIMITS
from rtmp.messages import milliseconds_between
from tests.rtmp.live_server import AVC_HEADER, INTER, KEY, Player, live

DATA_CHUNK_STREAM = 6


async def test_what_is_published_is_played() -> None:
    async with live() as run:
        early = await run.play("cam?token=x")
        publisher = await run.publish("cam?key=y")
        publisher.send_data(0, "@setDataFrame", "onMetaData", {"width": 320.0})
        publisher.send_video(0, AVC_HEADER)
        publisher.send_video(10, KEY)
        publisher.send_audio(12, b"\xb2speex")
        publisher.send_video(50, INTER)
        sent = [(9, 0, AVC_HEADER), (9, 10, KEY), (8, 12, b"\xb2speex"), (9, 50, INTER)]
        await early.until(lambda player: len(player.media) == 4)
        assert early.media == sent
        assert early.data == [("onMetaData", {"width": 320.0})]
        late = await run.play()
        await late.until(lambda player: len(player.media) == 4)
        assert late.media == [(9, 10, AVC_HEADER), *sent[1:]]
        assert late.data == early.data


async def test_data_that_cannot_be_decoded_are_relayed_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rtmp")
    unknown = encode_all(("onCuePoint",)) + bytes.fromhex("11 0a 07 03 43 01")
    async with live(recordings=Recordings(tmp_path)) as run:
        publisher = await run.record()
        player = await run.play()
        for time_ms in (0, 40):
            session = publisher._connection.session
            session._send(DATA_CHUNK_STREAM, 18, publisher.stream_id, time_ms, unknown)
            publisher.send_audio(time_ms, b"\xb2speex")
        await player.until(lambda player: len(player.media) == 2)
        publisher.send_data(50, "onCuePoint", {"name": "x"})
        await player.until(lambda player: player.data)
        assert player.data == [("onCuePoint", {"name": "x"})]
        assert player.stream._connection.session.undecoded_data == 2
    ours = [line for line in caplog.messages if "cannot be decoded" in line]
    assert len(ours) == 2  # the server's of its publisher, and the client's who plays
    assert all("externalizable class 'C'" in line for line in ours)


@pytest.mark.parametrize("codec", ["ac-3", "ec-3", "fLaC", "Opus", ".mp3"])
async def test_a_late_player_of_enhanced_audio_begins_with_its_header(codec: str) -> None:
    header, *frames = [
        EnhancedAudio(packet_type, (Track(codec, bytes((n,)) * 300),)).serialize()
        for n, packet_type in enumerate((AudioPacketType.SEQUENCE_START, *[AudioPacketType.CODED_FRAMES] * 3))
    ]
    async with live() as run:
        early = await run.play()
        publisher = await run.publish()
        publisher.send_audio(0, header)
        publisher.send_audio(10, frames[0])
        await early.until(lambda player: player.time_ms == 10)
        late = await run.play()
        publisher.send_audio(42, frames[1])
        publisher.send_audio(74, frames[2])
        for player in (early, late):
            await player.until(lambda player: player.time_ms == 74)
        assert early.media == [(8, 0, header), (8, 10, frames[0]), (8, 42, frames[1]), (8, 74, frames[2])]
        assert late.media == [(8, 10, header), (8, 42, frames[1]), (8, 74, frames[2])]


async def test_large_messages_to_players_of_several_streams() -> None:
    async with live() as run:
        publishers = [await run.publish(f"cam{n}") for n in range(2)]
        client = await run.connect()
        players = []
        for n in range(2):
            player = Player(await client.create_stream())
            await player.stream.play(f"cam{n}")
            players.append(player)
        frames = [
            (9, 16_777_000 + n * 40, (KEY if n % 5 == 0 else INTER) + bytes((n,)) * 20_000) for n in range(20)
        ]
        for _, timestamp_ms, payload in frames:
            for publisher in publishers:
                publisher.send_video(timestamp_ms, payload)
        for player in players:
            await player.until(lambda player: len(player.media) == 20)
            assert player.media == frames


async def test_players_hear_when_the_publisher_leaves_and_returns() -> None:
    async with live() as run:
        publisher = await run.publish()
        player = await run.play()
        publisher_says = Player(publisher)
        publisher.stop()
        await publisher_says.until(lambda player: player.statuses == ["NetStream.Unpublish.Success"])
        await player.until(lambda player: "NetStream.Play.UnpublishNotify" in player.statuses)
        again = await run.publish()
        await player.until(lambda player: "NetStream.Play.PublishNotify" in player.statuses)
        again.send_audio(0, b"\xb2")
        await player.until(lambda player: player.media)


async def test_a_name_has_one_publisher() -> None:
    async with live() as run:
        publisher = await run.publish()
        with pytest.raises(StreamFailed, match="BadName: live/cam is being published by another client"):
            await run.publish()
        publisher.close()
        player = await run.play()
        await player.until(lambda player: player.statuses)
        await run.publish()


async def test_a_publisher_can_be_replaced() -> None:
    async with live(republish=Republish.REPLACE) as run:
        player = await run.play()
        first = await run.publish()
        second = await run.publish()
        assert await run.clients[1].closed is None
        first.send_audio(0, b"\xb2first")
        second.send_audio(5, b"\xb2second")
        await player.until(lambda player: player.media)
        assert player.media == [(8, 5, b"\xb2second")]


async def test_a_replaced_publisher_keeps_its_other_streams() -> None:
    async with live(republish=Republish.REPLACE) as run:
        player = await run.play()
        client = await run.connect()
        first, second = Player(await client.create_stream()), Player(await client.create_stream())
        await first.stream.publish("cam")
        await second.stream.publish("other")
        third = await client.create_stream()
        await third.publish("cam")
        await first.until(lambda player: "NetStream.Publish.BadName" in player.statuses)
        third.send_audio(5, b"\xb2third")
        await player.until(lambda player: player.media)
        assert player.media == [(8, 5, b"\xb2third")]
        assert not client.is_closed


async def test_requests_can_be_refused_for_their_credentials() -> None:
    seen: list[LiveRequest] = []

    def authorize(request: LiveRequest) -> None:
        seen.append(request)
        if request.stream.query.get("key") != "secret":
            raise Refused("the key is wrong")

    async with live(authorize=authorize) as run:
        with pytest.raises(StreamFailed, match="the key is wrong"):
            await run.publish("cam?key=guess")
        await run.publish("cam?key=secret")
        client = await run.connect("live?key=secret")
        await (await client.create_stream()).play("cam")
        with pytest.raises(StreamFailed, match="the key is wrong"):
            await run.play()
    assert [request.purpose for request in seen] == [Purpose.PUBLISH] * 2 + [Purpose.PLAY] * 2
    assert "secret" not in repr(seen)


@pytest.mark.parametrize("name", ["", "?key=x", "a" * 300, "a\nb"])
async def test_names_that_are_none_are_refused(name: str) -> None:
    async with live() as run:
        with pytest.raises(StreamFailed, match="no name of a stream"):
            await run.publish(name)
        with pytest.raises(StreamFailed, match="no name of a stream"):
            await run.play(name)


async def test_streams_and_players_are_bounded_apart() -> None:
    for limits, whose in (
        (LiveLimits(max_streams=2, max_players=3), "already"),
        (LiveLimits(max_streams_per_address=2, max_players_per_address=3), "of your address already"),
    ):
        async with live(limits=limits) as run:
            players = [await run.play(f"nobody-publishes-{n}") for n in range(3)]
            publishers = [await run.publish(f"cam{n}") for n in range(2)]
            with pytest.raises(StreamFailed, match=f"2 streams {whose}"):
                await run.publish("cam3")
            with pytest.raises(StreamFailed, match=f"3 players {whose}"):
                await run.play("cam1")
            publishers[0].close()
            players[0].stream.close()
            for client in run.clients:
                if not client.is_closed:
                    await client.call("checkBandwidth")
            await run.publish("cam3")
            await run.play("cam1")


async def test_connect_says_what_is_forwarded_and_unknown_methods_fail() -> None:
    async with live() as run:
        client = await run.connect()
        assert isinstance(client.connect_info, dict)
        assert client.connect_info["fourCcList"] == ["*"]
        with pytest.raises(CallFailed, match="there is no method dance"):
            await client.call("dance")


@pytest.mark.parametrize("begin_ms", [1000, 0xFFFFFFFF - 30])
async def test_play_ends_after_its_duration_of_the_stream(begin_ms: int) -> None:
    async with live() as run:
        player = Player(await (await run.connect()).create_stream())
        await player.stream.play("cam", duration=50.0)
        publisher = await run.publish()
        for after_ms in (0, 20, 49, 50, 70):
            publisher.send_audio(begin_ms + after_ms & 0xFFFFFFFF, b"\xb2")
        await player.until(lambda player: "NetStream.Play.Stop" in player.statuses)
        assert "NetStream.Play.UnpublishNotify" not in player.statuses
        assert [milliseconds_between(begin_ms, time_ms) for _, time_ms, _ in player.media] == [0, 20, 49]
        (stream,) = run.application.streams.values()
        assert stream.players == ()
        player.stream.stop()
        await player.stream.play("cam")
        publisher.send_audio(5000, b"\xb2again")
        await player.until(lambda player: player.time_ms == 5000)


async def test_pause_and_receive_video() -> None:
    async with live() as run:
        publisher = await run.publish()
        player = await run.play()
        client = run.clients[-1]
        publisher.send_video(0, KEY)
        await player.until(lambda player: len(player.media) == 1)
        player.stream.receive_video(False)
        await player.stream.pause(0)
        publisher.send_audio(10, b"\xb2a")
        await player.stream.resume(0)
        publisher.send_video(40, INTER)
        publisher.send_video(40, AVC_HEADER)
        publisher.send_audio(41, b"\xb2b")
        await player.until(lambda player: player.time_ms == 41)
        player.stream.receive_video(True)
        await client.call("checkBandwidth")
        publisher.send_video(80, INTER)
        publisher.send_video(120, KEY)
        publisher.send_video(160, INTER)
        await player.until(lambda player: player.time_ms == 160)
        pictures = [
            (timestamp_ms, payload) for type_id, timestamp_ms, payload in player.media if type_id == 9
        ]
        # the header came while no video was wanted
        assert pictures == [(0, KEY), (41, AVC_HEADER), (120, KEY), (160, INTER)]


async def test_a_player_that_stops_reading_delays_nobody_and_goes_on_at_a_key_picture() -> None:
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=100_000)
    async with live(limits) as run:
        publisher = await run.publish()
        reader = await run.play()
        stopped = await run.play()
        stopped.stream._connection.pause_reading()
        frames = 0
        (stream,) = run.application.streams.values()
        while not any(player.lost for player in stream.players):
            payload = (KEY if frames % 25 == 0 else INTER) + frames.to_bytes(4, "big") + bytes(40_000)
            publisher.send_video(frames * 40, payload)
            frames += 1
            await reader.until(lambda player, wanted=frames: len(player.media) == wanted)
            assert frames < 5000
        assert stream.backlog_size < 8_400_000
        stopped.stream._connection.resume_reading()
        await stopped.until(lambda player: player.time_ms == (frames - 1) * 40)
        numbers = [int.from_bytes(payload[-40_004:-40_000], "big") for _, _, payload in stopped.media]
        (gap,) = [n for n, m in itertools.pairwise(numbers) if m != n + 1]
        assert numbers[numbers.index(gap) + 1] % 25 == 0
        assert len(reader.media) == frames
