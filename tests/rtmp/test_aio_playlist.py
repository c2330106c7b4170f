"""Our client has several streams played one after the other: recordings, and live streams among them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtmp.aio.recording.recordings import Recordings
from rtmp.errors import StreamFailed
from rtmp.flv_file import FlvTag
from rtmp.limits import DEFAULT_LIMITS
from tests.rtmp import flv_samples as flv
from tests.rtmp.file_playing import Player, Seen, join, media, playing
from tests.rtmp.live_server import live

TAGS = [FlvTag(18, 0, flv.METADATA[16:]), *flv.stream(2)[1:]]
"""Two seconds: the last frames are at 1960 ms."""
OTHER = [TAGS[0], *flv.stream(1, video=False)[1:]]


def write(tmp_path: Path, name: str, tags: list[FlvTag]) -> None:
    (tmp_path / "vod").mkdir(exist_ok=True)
    (tmp_path / "vod" / f"{name}.flv").write_bytes(flv.flv_bytes(tags))


def later(tags: list[FlvTag], by_ms: int) -> list[FlvTag]:
    """The audio and video of a file, as they come in a stream."""
    return [replace(tag, timestamp_ms=tag.timestamp_ms + by_ms) for tag in tags if tag.type_id != 18]


def words(seen: list[Seen]) -> list[str]:
    return [each.removeprefix("NetStream.") for each in seen if isinstance(each, str)]


def enqueue(player: Player, name: str, start: float = 0, duration: float = -1000, reset: Any = False) -> None:
    player.play(name, start, duration, reset)


async def until_all_are_sent(player: Player) -> None:
    await player.client.call("getStreamLength", "clip")


async def test_recordings_follow_one_another_and_their_times_go_on(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        for name in ("other", "clip"):
            enqueue(player, name)
        seen = await player.until_code("Play.Stop")
        assert media(seen) == [*later(TAGS, 0), *later(OTHER, 2000), *later(TAGS, 3000)]
        assert words(seen) == [
            "Play.Reset", "Play.Start", "onMetaData", "onPlayStatus",
            "Play.Start", "onMetaData", "onPlayStatus",
            "Play.Start", "onMetaData", "onPlayStatus", "Play.Stop",
        ]  # fmt: skip
        infos = [info for _, (info,) in player.all_infos["onPlayStatus"]]
        assert [info["code"].removeprefix("NetStream.Play.") for info in infos] == [
            "Switch", "Switch", "Complete",
        ]  # fmt: skip
        assert [time_ms for time_ms, _ in player.all_infos["onPlayStatus"]] == [1960, 2960, 4960]
        assert infos[0]["duration"] == 1.96
        assert infos[0]["bytes"] == len(flv.flv_bytes(TAGS)) - 13


async def test_what_is_wanted_next_begins_where_it_says_and_ends_after_its_length(tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0, 480)
        enqueue(player, "clip", 1200, 400)
        kept = media(await player.until_code("Play.Stop"))
        first = [tag for tag in TAGS[1:] if tag.timestamp_ms <= 480]
        second = [tag for tag in TAGS[3:] if 1000 <= tag.timestamp_ms <= 1600]
        headers = [replace(tag, timestamp_ms=520) for tag in TAGS[1:3]]
        assert kept == [*first, *headers, *later(second, 520 - 1000)]
        # a client counts in the times of the stream, until it seeks: in those of the file
        player.command("pause", True, 1000)
        player.command("pause", False, 1000)
        assert media(await player.until_code("Play.Stop"))[0].timestamp_ms == 1040
        player.command("seek", 1500)
        assert {tag.timestamp_ms for tag in media(await player.until_code("Play.Stop"))} == set(
            range(1000, 1640, 40)
        )


async def test_a_client_is_sent_what_follows_no_earlier_than_it_wants_it(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS, buffer_ms=1500) as (_, player):
        loop = asyncio.get_running_loop()
        player.play("other", 0)
        enqueue(player, "clip")
        begun = loop.time()
        await player.until_ms(1400)
        assert loop.time() - begun < 0.8
        await player.until_ms(2400)
        assert loop.time() - begun > 0.8


async def test_what_comes_after_the_end_is_played_at_once(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        await player.until_code("Play.Stop")
        enqueue(player, "other")
        seen = await player.until_code("Play.Stop")
        assert words(seen) == ["Play.Start", "onMetaData", "onPlayStatus", "Play.Stop"]
        assert media(seen) == later(OTHER, 2000)


async def test_pausing_and_seeking_come_before_what_is_next(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        await player.until_code("Play.Stop")
        player.command("pause", True, 1000)
        enqueue(player, "other")
        await player.until_code("Pause.Notify")
        await until_all_are_sent(player)
        assert player.seen == []
        player.command("seek", 1500)
        player.command("pause", False, 1000)
        await player.until_code("Seek.Notify")
        seen = await player.until_code("Play.Stop")
        assert media(seen)[-len(later(OTHER, 2000)) :] == later(OTHER, 2000)
        assert later(TAGS, 0)[-1] in seen


@pytest.mark.parametrize("start", [0, 1000])
async def test_a_client_may_pause_between_two_plays(start: int, tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("other", 0)
        await player.until_code("Play.Stop")
        enqueue(player, "clip", start)
        player.command("pause", True, 500)  # the file has not been found by then
        await player.until_code("Pause.Notify")
        await player.until_code("Play.Start")
        await until_all_are_sent(player)
        assert media(player.seen) == []
        player.command("pause", False, 500)
        kept = media(await player.until_code("Play.Stop"))
        assert {tag.body for tag in TAGS[1:3]} == {tag.body for tag in kept[:2]}
        frames = [tag for tag in TAGS[3:] if tag.timestamp_ms >= start]
        assert kept[2:] == later(frames, 1000 - start)


async def test_a_client_may_pause_before_a_live_stream_follows(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with live(recordings=Recordings(tmp_path)) as server:
        publisher = await (await server.connect("vod")).create_stream()
        player = await join(server, 60_000)
        player.play("other", 0)
        await player.until_code("Play.Stop")
        enqueue(player, "cam", -2000)
        player.command("pause", True, 500)
        await player.until_code("Play.Start")
        await publisher.publish("cam")
        publisher.send_audio(5000, b"\xb2")
        await player.until_code("Play.PublishNotify")
        await until_all_are_sent(player)
        assert player.seen == []
        player.command("pause", False, 500)
        await player.until_code("Unpause.Notify")
        publisher.send_audio(5040, b"\xb2")
        await player.until_ms(5040)


async def test_reset_ends_the_list(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS) as (_, player):
        player.play("clip", 0)
        enqueue(player, "clip")
        await player.until_ms(0)
        player.set_buffer(60_000)
        player.play("other", 0)
        await player.until_code("Play.Reset")
        seen = await player.until_code("Play.Stop")
        assert media(seen) == later(OTHER, 0)
        assert player.infos["onPlayStatus"][1][0]["code"] == "NetStream.Play.Complete"


async def test_what_cannot_be_played_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    (tmp_path / "vod" / "nonsense.flv").write_bytes(b"no FLV at all")
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        player.play("clip", 0)
        for name in ("absent", "nonsense", "../x", "a\nb", "other"):
            enqueue(player, name)
        seen = await player.until_code("Play.Stop")
        assert media(seen) == [*later(TAGS, 0), *later(OTHER, 2000)]
        assert words(seen)[4:8] == [
            "Play.StreamNotFound", "Play.StreamNotFound", "Play.Failed", "Play.Failed",
        ]  # fmt: skip


async def test_a_broken_file_is_passed_over_where_it_breaks(tmp_path: Path) -> None:
    write(tmp_path, "other", OTHER)
    async with playing(tmp_path, TAGS, buffer_ms=60_000) as (_, player):
        path = tmp_path / "vod" / "clip.flv"
        path.write_bytes(path.read_bytes() + bytes(40))
        player.play("clip", 0)
        enqueue(player, "other")
        seen = await player.until_code("Play.Stop")
        assert media(seen) == [*later(TAGS, 0), *later(OTHER, 2000)]
        assert "Play.Failed" in words(seen)


async def test_the_list_is_bounded_and_goes_on(tmp_path: Path) -> None:
    limits = replace(DEFAULT_LIMITS, max_playlist=2)
    async with playing(tmp_path, TAGS, limits=limits) as (_, player):
        player.play("clip", 0)
        for _ in range(3):
            enqueue(player, "clip")
        await player.until_code("Play.Failed")
        player.set_buffer(60_000)
        assert media(await player.until_code("Play.Stop"))[-1].timestamp_ms == 5960


@pytest.mark.parametrize("reset", [2, 3])
async def test_all_at_once_is_not_held_to_the_buffer(reset: int, tmp_path: Path) -> None:
    async with playing(tmp_path, TAGS, buffer_ms=100) as (_, player):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        enqueue(player, "clip", reset=reset)
        player.set_buffer(100)
        seen = await player.until_code("Play.Stop")
        assert media(seen) == later(TAGS, 0)
        assert loop.time() - begun < 1
        assert ("Play.Reset" in words(seen)) is (reset == 3)


async def test_a_live_stream_is_followed_when_its_duration_is_over(tmp_path: Path) -> None:
    write(tmp_path, "clip", TAGS)
    async with live(recordings=Recordings(tmp_path)) as server:
        publisher = await (await server.connect("vod")).create_stream()
        await publisher.publish("cam")
        player = await join(server, 60_000)
        player.play("cam", -1000, 100)
        enqueue(player, "clip")
        await player.until_code("Play.Start")
        for time_ms in (500, 540, 590, 600, 640):
            publisher.send_audio(time_ms, b"\xb2")
        seen = await player.until_code("Play.Stop")
        sound = [FlvTag(8, time_ms, b"\xb2") for time_ms in (500, 540, 590)]
        begin_ms = media(seen)[3].timestamp_ms
        assert begin_ms >= 640  # no earlier than what is played by others
        assert media(seen) == [*sound, *later(TAGS, begin_ms)]
        assert words(seen)[:2] == ["onPlayStatus", "Play.Start"]


async def test_a_live_stream_is_followed_when_it_is_published_no_more(tmp_path: Path) -> None:
    write(tmp_path, "clip", TAGS)
    async with live(recordings=Recordings(tmp_path)) as server:
        player = await join(server, 60_000)
        player.play("clip", 0)
        enqueue(player, "cam", -1000)
        enqueue(player, "clip")
        seen = await player.until_code("Play.Start") + await player.until_code("Play.Start")
        assert media(seen) == later(TAGS, 0)
        # nobody publishes it: it is waited for
        publisher = await (await server.connect("vod")).create_stream()
        await publisher.publish("cam")
        publisher.send_audio(5000, b"\xb2")
        await player.until_ms(5000)
        player.command("pause", True, 0)
        await player.until_code("Pause.Notify")
        publisher.close()
        await player.until_code("Play.UnpublishNotify")
        # who pauses is not played anything else meanwhile
        await until_all_are_sent(player)
        assert player.seen == []
        player.command("pause", False, 0)
        seen = await player.until_code("Play.Stop")
        assert media(seen) == later(TAGS, 5040)


async def test_what_is_wanted_after_a_live_stream_has_ended_is_played_at_once(tmp_path: Path) -> None:
    write(tmp_path, "clip", TAGS)
    async with live(recordings=Recordings(tmp_path)) as server:
        publisher = await (await server.connect("vod")).create_stream()
        await publisher.publish("cam")
        player = await join(server, 60_000)
        player.play("cam", -1000)
        await player.until_code("Play.Start")
        publisher.send_audio(960, b"\xb2")
        await player.until_ms(960)
        publisher.close()
        await player.until_code("Play.UnpublishNotify")
        enqueue(player, "clip")
        assert media(await player.until_code("Play.Stop")) == later(TAGS, 1000)


async def test_the_client_library_has_something_played_next(tmp_path: Path) -> None:
    write(tmp_path, "clip", TAGS)
    write(tmp_path, "other", OTHER)
    async with live(recordings=Recordings(tmp_path)) as server:
        client = await server.connect("vod")
        player = Player(client, await client.create_stream())
        await player.stream.play("other", 0)
        player.stream.play_next("clip", 0)
        await player.until(lambda seen: seen == later(TAGS, 1000)[0])
        player.set_buffer(60_000)
        await player.until(lambda seen: seen == later(TAGS, 1000)[-1])
        with pytest.raises(StreamFailed, match="StreamNotFound"):
            await player.stream.play("absent", 0, reset=False)
