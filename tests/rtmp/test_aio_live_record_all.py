"""A live application that records what is published as `live`, which no client has asked for."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from rtmp.aio.live import LiveApplication, LiveLimits, Republish
from rtmp.aio.recording.recordings import Recordings
from rtmp.errors import LocalProtocolError, StreamFailed
from tests.rtmp.flv_samples import parse_flv
from tests.rtmp.live_server import Live, Player, live


async def publish(run: Live, sound: bytes, name: str = "cam", kind: str = "live") -> Player:
    """Publish a sound; return when the server has it."""
    client = await run.connect()
    publisher = Player(await client.create_stream())
    await publisher.stream.publish(name, kind)
    publisher.stream.send_audio(0, sound)
    await client.call("checkBandwidth")
    return publisher


async def play_live(run: Live) -> Player:
    """Wait for what will be published, whatever is recorded."""
    player = Player(await (await run.connect()).create_stream())
    await player.stream.play("cam", start=-1000.0)
    return player


async def end(run: Live) -> None:
    await run.end_all()
    await run.application.wait_recorded()


async def sounds(path: Path) -> list[bytes]:
    return [tag.body for tag in parse_flv(await asyncio.to_thread(path.read_bytes))[1:]]


async def test_each_stream_is_recorded_after_what_is_there(tmp_path: Path) -> None:
    for sound in (b"\xb2first", b"\xb2second"):
        async with live(recordings=Recordings(tmp_path), record_live=True) as run:
            player = await play_live(run)
            publisher = await publish(run, sound)
            await player.until(lambda player, sound=sound: player.media and player.media[-1][2] == sound)
            publisher.stream.stop()
            await publisher.stream._connection.call("checkBandwidth")
            await run.application.wait_recorded()
            assert not [code for code in publisher.statuses if "Record" in code]
    assert await sounds(tmp_path / "live" / "cam.flv") == [b"\xb2first", b"\xb2second"]


async def test_who_asks_for_a_recording_still_gets_it_and_hears_of_it(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path), record_live=True) as run:
        await publish(run, b"\xb2old")
        await end(run)
        publisher = await publish(run, b"\xb2new", kind="record")
        await publisher.until(lambda player: "NetStream.Record.Start" in player.statuses)
        await end(run)
    assert await sounds(tmp_path / "live" / "cam.flv") == [b"\xb2new"]


async def test_a_publisher_that_is_replaced_leaves_its_recording_to_the_next(tmp_path: Path) -> None:
    settings = {"record_live": True, "republish": Republish.REPLACE, "limits": LiveLimits(max_recordings=1)}
    async with live(recordings=Recordings(tmp_path), **settings) as run:
        for sound in (b"\xb2first", b"\xb2second"):
            await publish(run, sound)
        await end(run)
    assert await sounds(tmp_path / "live" / "cam.flv") == [b"\xb2first", b"\xb2second"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("second", "there are 1 recordings under way already"),
        ("my room", "cannot be the name of a recording"),
    ],
)
async def test_what_cannot_be_recorded_is_live_all_the_same(
    name: str, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rtmp")
    limits = LiveLimits(max_recordings=1)
    async with live(recordings=Recordings(tmp_path), record_live=True, limits=limits) as run:
        await publish(run, b"\xb2first", "first")
        player = await run.play(name)
        await publish(run, b"\xb2live", name)
        await player.until(lambda player: player.media)
        with pytest.raises(StreamFailed, match="is being published by another client"):
            await publish(run, b"\xb2", "first")
        await end(run)
    files = await asyncio.to_thread(lambda: list(tmp_path.rglob("*.flv")))
    assert files == [tmp_path / "live" / "first.flv"]
    (line,) = [text for text in caplog.messages if f"live/{name} is not recorded: " in text]
    assert reason in line


async def test_a_file_that_cannot_be_appended_to_does_not_end_the_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "live" / "cam.flv"
    await asyncio.to_thread(file.parent.mkdir)
    await asyncio.to_thread(file.write_bytes, b"not FLV at all, but a text")
    async with live(recordings=Recordings(tmp_path), record_live=True) as run:
        player = await play_live(run)
        publisher = await publish(run, b"\xb2live")
        await player.until(lambda player: player.media)
        publisher.stream.stop()
        await publisher.stream._connection.call("checkBandwidth")
        await run.application.wait_recorded()
        assert not [code for code in publisher.statuses if "Record" in code]
    assert [text for text in caplog.messages if f"recording of {file} failed" in text]
    assert await asyncio.to_thread(file.read_bytes) == b"not FLV at all, but a text"


async def test_it_needs_a_place_for_recordings() -> None:
    with pytest.raises(LocalProtocolError, match="record_live needs recordings"):
        LiveApplication(record_live=True)
