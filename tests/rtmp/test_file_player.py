"""Our client plays, pauses and seeks in files of our server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from rtmp.admission import Admission
from rtmp.aio.recording.file_player_config import FilePlayerConfig
from rtmp.errors import StreamFailed
from rtmp.flv_file import FlvTag
from rtmp.limits import DEFAULT_LIMITS, AdmissionLimits
from rtmp.state import StreamState
from tests.rtmp import flv_samples as flv
from tests.rtmp.file_playing import TAGS, is_playing, join, media, playing, server_side


async def test_all_of_a_file_is_played_and_then_ends(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        seen = await player.until_code("Play.Stop")
        assert media(seen) == TAGS[1:]
        assert [each for each in seen if isinstance(each, str)] == [
            "NetStream.Play.Reset", "NetStream.Play.Start", "onMetaData", "onPlayStatus",
            "NetStream.Play.Stop",
        ]  # fmt: skip
        assert player.infos["onMetaData"][1] == ({"width": 640.0, "encoder": "sample"},)
        time_ms, (info,) = player.infos["onPlayStatus"]
        assert time_ms == 3960
        assert info["code"] == "NetStream.Play.Complete"
        assert info["duration"] == 3.96
        assert info["bytes"] == len(flv.flv_bytes(TAGS)) - 13
        # it may still go back
        player.command("seek", 3100)
        assert media(await player.until_code("Play.Stop"))[2] == FlvTag(9, 3000, flv.key_frame(75))


@pytest.mark.parametrize("video", [True, False])
async def test_play_begins_at_the_key_frame_before_and_ends_after_its_length(
    tmp_path: Path, video: bool
) -> None:
    tags = flv.stream(6, video=video)
    async with playing(tmp_path, tags, buffer_ms=60_000) as (_, player):
        player.play("clip", 2500, 1000)
        kept = media(await player.until_code("Play.Stop"))
        assert kept == [
            *tags[1 : 3 if video else 2],
            *(
                replace(tag, timestamp_ms=tag.timestamp_ms - 2000)
                for tag in tags
                if 2000 <= tag.timestamp_ms <= 3500
            ),
        ]
        # the client counts from where it began, until it seeks
        player.command("pause", True, 1300)
        player.command("pause", False, 1300)
        assert media(await player.until_code("Play.Stop"))[0].timestamp_ms == 1320
        player.command("seek", 3000)
        kept = media(await player.until_code("Play.Stop"))
        assert {tag.timestamp_ms for tag in kept} == set(range(3000, 3520, 40))


async def test_a_length_of_0_is_one_picture(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 2000, 0)
        kept = media(await player.until_code("Play.Stop"))
        assert kept[-1] == FlvTag(9, 0, flv.key_frame(50))
        assert len(kept) == 3


@pytest.mark.parametrize("content", [None, b"", b"no FLV at all", flv.flv_bytes([])])
async def test_what_cannot_be_played_is_refused(tmp_path: Path, content: bytes | None) -> None:
    async with playing(tmp_path, TAGS) as (_, player):
        if content is not None:
            (tmp_path / "vod" / "other.flv").write_bytes(content)
        player.client.session._streams[player.stream.stream_id] = StreamState.IDLE
        with pytest.raises(StreamFailed, match="StreamNotFound"):
            await player.stream.play("other", 1000.0)


async def test_a_file_that_is_broken_ends_with_an_error(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        path = tmp_path / "vod" / "clip.flv"
        path.write_bytes(path.read_bytes() + bytes(40))
        player.play("clip", 0)
        assert media(await player.until_code("Play.Failed")) == TAGS[1:]
        await player.until_code("Play.UnpublishNotify")
        assert not is_playing()


async def test_a_client_is_sent_no_more_than_it_buffers(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS) as (server, player):
        loop = asyncio.get_running_loop()
        player.set_buffer(500)
        player.play("clip", 0)
        await player.until_ms(0)
        begun = loop.time()
        await player.until_ms(1500)
        assert loop.time() - begun > 0.9
        # a longer buffer is filled at once: 2.5 seconds are left
        begun = loop.time()
        player.set_buffer(60_000)
        await player.until_code("Play.Stop")
        assert loop.time() - begun < 2
        assert server_side(server).dropped_media == 0


async def test_how_far_a_client_may_be_sent_ahead_is_for_the_program_to_say(tmp_path: Path) -> None:
    config = FilePlayerConfig(default_buffer_ms=2000, max_buffer_ms=3000)
    async with playing(tmp_path, TAGS, player_config=config) as (_, player):
        loop = asyncio.get_running_loop()
        player.play("clip", 0)
        await player.until_ms(0)
        begun = loop.time()
        await player.until_ms(2000)
        assert loop.time() - begun < 0.5
        player.set_buffer(60_000)
        await player.until_ms(3900)
        assert loop.time() - begun > 0.8


async def test_pausing_and_going_on(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS) as (_, player):
        player.set_buffer(1000)
        player.play("clip", 0)
        seen = media(await player.until_ms(800))
        player.command("pause", True, 800)
        seen += media(await player.until_code("Pause.Notify"))
        # nothing comes any more, only the answer to a call
        await player.client.call("getStreamLength", "clip")
        assert player.seen == []
        player.command("pause", False)
        player.set_buffer(60_000)
        seen += media(await player.until_code("Play.Stop"))
        assert seen == TAGS[1:]


async def test_going_on_from_where_the_client_was(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        await player.until_code("Play.Stop")  # all is sent, but the client has played only a part
        player.command("pause", True, 1720)
        player.command("pause", False, 1720)
        kept = media(await player.until_code("Play.Stop"))
        assert kept == [tag for tag in TAGS[1:] if tag.timestamp_ms > 1720]


async def test_seeking(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS) as (_, player):
        player.play("clip", 0)
        await player.until_ms(400)
        player.set_buffer(60_000)
        player.command("seek", 2500)
        await player.until_code("Seek.Notify")
        seen = await player.until_code("Play.Stop")
        assert seen[0] == "NetStream.Play.Start"
        assert "onMetaData" in seen
        assert media(seen) == [
            *(FlvTag(tag.type_id, 2000, tag.body) for tag in TAGS[1:3]),
            *(tag for tag in TAGS[3:] if tag.timestamp_ms >= 2000),
        ]
        player.command("seek", 3961)
        await player.until_code("Seek.InvalidTime")
        assert player.infos["NetStream.Seek.InvalidTime"]["details"] == 3.96
        player.command("seek", 0)
        await player.until_code("Seek.Notify")
        assert media(await player.until_code("Play.Stop")) == TAGS[1:]


async def test_seeks_in_quick_succession_are_all_answered_and_the_last_counts(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        await player.until_code("Play.Stop")
        for position_ms in (1000, 9000, 3000, 2000, 8000):
            player.command("seek", position_ms)
        seen = await player.until_code("Play.Stop")
        answers = [each.removeprefix("NetStream.Seek.") for each in seen if "NetStream.Seek" in str(each)]
        assert answers == ["Notify", "InvalidTime", "Notify", "Notify", "InvalidTime"]
        assert media(seen)[-1] == TAGS[-1]
        assert media(seen)[2].timestamp_ms == 2000


@pytest.mark.parametrize("paused", [False, True])
async def test_a_seek_before_the_file_is_open_waits_for_that(tmp_path: Path, paused: bool) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        if paused:
            player.command("pause", True, 0)
        player.command("seek", 2500)
        player.command("seek", 9000)
        seen = await player.until_code("Seek.InvalidTime")
        assert media(seen) == []
        codes = [str(each).removeprefix("NetStream.") for each in seen]
        assert codes.index("Play.Start") < codes.index("Seek.Notify")
        if paused:
            picture = await player.until(lambda seen: seen == FlvTag(9, 2000, flv.key_frame(50)))
            assert [tag.body for tag in media(picture)] == [flv.AAC_HEADER, flv.AVC_HEADER, flv.key_frame(50)]
            player.command("pause", False, 2000)
        kept = media(await player.until_code("Play.Stop"))
        assert kept[-1] == TAGS[-1]
        assert len(kept) == sum(tag.timestamp_ms >= 2000 for tag in TAGS) + (-1 if paused else 2)


@pytest.mark.parametrize(
    ("play", "codes"),
    [
        (("absent", 0), ["Seek.Failed", "Play.StreamNotFound"]),
        (("broken", 0), ["Seek.Failed", "Play.StreamNotFound"]),
        (("absent",), ["Play.Reset", "Play.Start", "Seek.Failed"]),
        (("absent", -1000), ["Play.Reset", "Play.Start", "Seek.Failed"]),
    ],
)
async def test_an_early_seek_fails_where_nothing_recorded_is_played(
    tmp_path: Path, play: tuple[str | int, ...], codes: list[str]
) -> None:
    async with playing(tmp_path, TAGS) as (_, player):
        (tmp_path / "vod" / "broken.flv").write_bytes(b"no FLV file at all")
        player.command("play", *play)
        player.command("seek", 2500)
        assert await player.until_code(codes[-1]) == [f"NetStream.{code}" for code in codes]


async def test_seeks_that_wait_are_bounded(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        await player.until_code("Play.Stop")
        for _ in range(200):
            player.command("seek", 0)
        seen = []
        while seen.count("NetStream.Seek.Notify") + seen.count("NetStream.Seek.Failed") < 200:
            seen += await player.until(lambda seen: "NetStream.Seek" in str(seen))
        assert seen.count("NetStream.Seek.Notify") >= 64


async def test_seeking_while_paused_shows_a_picture(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        await player.until_code("Play.Stop")
        player.command("pause", True, 1000)
        player.command("seek", 3200)
        await player.until_code("Seek.Notify")
        picture = FlvTag(9, 3000, flv.key_frame(75))
        kept = media(await player.until(lambda seen: seen == picture))
        assert [tag.body for tag in kept] == [flv.AAC_HEADER, flv.AVC_HEADER, flv.key_frame(75)]
        await player.client.call("getStreamLength", "clip")
        assert player.seen == []
        player.command("pause", False, 3000)
        assert media(await player.until_code("Play.Stop")) == TAGS[TAGS.index(picture) + 1 :]


async def test_a_client_that_does_not_read_loses_nothing(tmp_path: Path) -> None:
    tags = flv.stream(20, size=20_000)
    limits = replace(DEFAULT_LIMITS, max_write_buffer_media=100_000, max_write_buffer=600_000)
    async with playing(tmp_path, tags, buffer_ms=60_000, limits=limits) as (server, player):
        player.client.pause_reading()
        player.play("clip", 0)
        connection = server_side(server)
        async with asyncio.timeout(10):
            while not connection.write_paused:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert connection.write_buffer_size < 300_000
        player.client.resume_reading()
        assert media(await player.until_code("Play.Stop")) == tags[1:]
        assert connection.dropped_media == 0


async def test_a_file_is_sent_no_faster_than_its_connection_may_have_it(tmp_path: Path) -> None:
    tags = flv.stream(20, size=2000)  # a megabyte
    limits = replace(DEFAULT_LIMITS, max_file_bytes_per_second=1_000_000, rate_burst_s=0.2)
    async with playing(tmp_path, tags, buffer_ms=60_000, limits=limits) as (_, player):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        player.play("clip", 0)
        assert media(await player.until_code("Play.Stop")) == tags[1:]
        assert loop.time() - begun > 0.5
        # what is sent is not what counts: seeking costs what is read for it, and so does playing anew
        begun = loop.time()
        for _ in range(5):
            player.command("seek", 0)
            await player.until_code("Seek.Notify")
            player.play("clip", 0)
            await player.until_code("Play.Reset")  # before that it may not seek in it
            await player.until_ms(40)
        assert loop.time() - begun > 0.5


@pytest.mark.parametrize(
    "limits",
    [
        AdmissionLimits(max_file_bytes_per_second=1_000_000, rate_burst_s=0.2),
        AdmissionLimits(max_file_bytes_per_second_per_address=1_000_000, rate_burst_s=0.2),
    ],
)
async def test_files_are_sent_no_faster_than_all_connections_together_may_have_them(
    limits: AdmissionLimits, tmp_path: Path
) -> None:
    tags = flv.stream(10, size=2000)  # half a megabyte
    async with playing(tmp_path, tags, buffer_ms=60_000, admission=Admission(limits)) as (server, player):
        players = [player, await join(server, 60_000)]
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for each in players:
            each.play("clip", 0)
        for each in players:
            assert media(await each.until_code("Play.Stop")) == tags[1:]
        assert loop.time() - begun > 0.6


async def test_a_client_that_goes_away_stops_the_player(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS) as (_, player):
        player.play("clip", 0)
        await player.until_ms(100)
        assert is_playing()
        player.stream.close()
        await player.client.call("getStreamLength", "clip")
        assert not is_playing()
