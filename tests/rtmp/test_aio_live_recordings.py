"""A live application records what is published, and plays it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmp.aio.live import LiveLimits, Republish
from rtmp.aio.recording.recording_file import RecordingFile
from rtmp.aio.recording.recordings import Recordings
from rtmp.errors import ConnectionLost, StreamFailed
from tests.rtmp.flv_samples import parse_flv
from tests.rtmp.live_server import AVC_HEADER, INTER, KEY, Player, live


async def test_a_stream_is_recorded_while_it_is_live(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path)) as run:
        player = await run.play()
        for kind, start_ms in (("record", 0), ("append", 200)):
            client = await run.connect()
            stream = await client.create_stream()
            recorder_says = Player(stream)
            await stream.publish("cam", kind)
            stream.send_video(start_ms, AVC_HEADER)
            stream.send_video(start_ms, KEY)
            stream.send_video(start_ms + 100, INTER)
            await player.until(lambda player, wanted=start_ms + 100: player.time_ms == wanted)
            await recorder_says.until(lambda player: "NetStream.Record.Start" in player.statuses)
            stream.close()
            await client.call("checkBandwidth")
        await run.application.wait_recorded()
        assert await client.call("getStreamLength", "cam") == pytest.approx(0.3, abs=0.2)
        lengths = await asyncio.gather(*(client.call("getStreamLength", "other") for _ in range(60)))
        assert lengths == [0] * 60
        recorded = Player(await (await run.connect()).create_stream())
        await recorded.stream.play("cam", start=0.0)
        await recorded.until(lambda player: len(player.media) >= 5)
        assert [payload for _, _, payload in recorded.media if payload != AVC_HEADER] == [KEY, INTER] * 2
        await recorded.until(lambda player: "NetStream.Play.Stop" in player.statuses)


async def test_what_is_asked_for_decides_between_live_and_recorded(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path)) as run:
        publisher = await run.connect()
        stream = await publisher.create_stream()
        await stream.publish("cam", "record")
        stream.send_audio(0, b"\xb2recorded")
        stream.close()
        await publisher.call("checkBandwidth")
        await run.application.wait_recorded()

        either = await run.play()
        await either.until(lambda player: player.media)
        only_live = Player(await (await run.connect()).create_stream())
        await only_live.stream.play("cam", start=-1000.0)
        absent = await run.play("absent")
        with pytest.raises(StreamFailed, match="StreamNotFound: live/absent is not recorded"):
            await (await (await run.connect()).create_stream()).play("absent", start=0.0)
        for name in ("cam", "absent"):
            live_stream = await run.publish(name)
            live_stream.send_audio(0, b"\xb2live")
        await only_live.until(lambda player: player.media)
        await absent.until(lambda player: player.media)
        late = await run.play()
        assert either.media[0][2] == b"\xb2recorded"
        assert only_live.media[0][2] == absent.media[0][2] == b"\xb2live"
        assert late.media == []


@pytest.mark.parametrize("name", ["my room", "привет"])
async def test_a_name_that_cannot_be_recorded_can_be_waited_for(name: str, tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path)) as run:
        early = await run.play(name)
        (await run.publish(name)).send_audio(0, b"\xb2live")
        await early.until(lambda player: player.media)
        with pytest.raises(StreamFailed, match="cannot be the name of a recording"):
            await (await (await run.connect()).create_stream()).play(name, start=0.0)


async def test_the_publisher_hears_that_its_recording_ends(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path)) as run:
        stream = await run.record()
        publisher = Player(stream)
        stream.send_audio(0, b"\xb2")
        stream.stop()
        await publisher.until(lambda player: "NetStream.Record.Stop" in player.statuses)
        assert publisher.statuses[-1] == "NetStream.Record.Stop"
        # a message stream that is gone, and another of its number, hear nothing
        await stream.publish("cam", "append")
        stream.close()
        again = Player(await run.clients[0].create_stream())
        assert again.stream.stream_id == stream.stream_id
        await run.application.wait_recorded()
        await run.clients[0].call("checkBandwidth")
        assert again.statuses == []


async def test_streams_of_one_file_are_recorded_one_at_a_time(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path)) as run:
        first = await run.record("cam")
        first.send_audio(0, b"\xb2first")
        for name, kind in (("cam.flv", "record"), ("flv:cam", "append")):
            with pytest.raises(StreamFailed, match=r"BadName: live/.* in the file of live/cam, which"):
                await run.record(name, kind)
        await run.publish("cam.flv")  # which is another stream
        first.stop()
        (await run.record("flv:cam", "append")).send_audio(0, b"\xb2second")
        await run.end_all()
        await run.application.wait_recorded()
    sounds = [tag.body for tag in parse_flv((tmp_path / "live" / "cam.flv").read_bytes())[1:]]
    assert sounds == [b"\xb2first", b"\xb2second"]


async def test_a_stream_that_is_replaced_is_recorded_before_the_one_that_replaces_it(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path), republish=Republish.REPLACE) as run:
        for kind in ("record", "append", "append"):
            stream = await run.record("cam", kind)
            stream.send_audio(0, b"\xb2" + kind.encode())
            await stream._connection.call("checkBandwidth")
        await run.end_all()
        await run.application.wait_recorded()
    sounds = [tag.body for tag in parse_flv((tmp_path / "live" / "cam.flv").read_bytes())[1:]]
    assert sounds == [b"\xb2record", b"\xb2append", b"\xb2append"]


@pytest.mark.parametrize(
    ("limits", "whose"),
    [
        (LiveLimits(max_recordings=2), "already"),
        (LiveLimits(max_recordings_per_address=2), "of your address already"),
    ],
)
async def test_recordings_are_bounded(limits: LiveLimits, whose: str, tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path), limits=limits) as run:
        first, _ = [await run.record(name) for name in "ab"]
        with pytest.raises(StreamFailed, match=f"BadName: there are 2 recordings under way {whose}"):
            await run.record("c")
        await run.publish("c")
        first.close()
        await first._connection.call("checkBandwidth")
        await run.application.wait_recorded()
        await run.record("d")


async def test_a_stream_that_replaces_another_is_recorded_in_its_place(tmp_path: Path) -> None:
    limits = LiveLimits(max_recordings=1)
    async with live(recordings=Recordings(tmp_path), limits=limits, republish=Republish.REPLACE) as run:
        await run.record()
        (await run.record("cam", "append")).send_audio(0, b"\xb2second")
        with pytest.raises(StreamFailed, match="there are 1 recordings under way already"):
            await run.record("other")
        await run.end_all()
        await run.application.wait_recorded()
        await run.record("other")
    assert len(parse_flv((tmp_path / "live" / "cam.flv").read_bytes())) == 2


async def test_recordings_are_whole_soon_after_the_application_closes(tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path)) as run:
        player = await run.play()
        stream = await run.record()
        stream.send_audio(0, b"\xb2")
        await player.until(lambda player: player.media)
        stream._connection.pause_reading()  # so it never sees that the server closes, nor closes itself
        run.application.close()
        run.server.close()
        await run.application.wait_recorded()
        assert len(parse_flv((tmp_path / "live" / "cam.flv").read_bytes())) == 2
        assert run.server.connections  # the publisher is still there
        await player.until(lambda player: "NetStream.Play.UnpublishNotify" in player.statuses)


async def test_without_recordings_nothing_is_recorded() -> None:
    async with live() as run:
        for kind, reason in (
            ("record", "nothing is recorded here"),
            ("appendWithGap", "live, record or append"),
        ):
            with pytest.raises(StreamFailed, match=reason):
                await (await (await run.connect()).create_stream()).publish("cam", kind)


@pytest.mark.parametrize("name", ["../cam", ".hidden", "a/../../b"])
async def test_recordings_stay_in_their_directory(name: str, tmp_path: Path) -> None:
    async with live(recordings=Recordings(tmp_path / "root")) as run:
        with pytest.raises(StreamFailed):
            await (await (await run.connect()).create_stream()).publish(name, "record")
        with pytest.raises(StreamFailed):
            await (await (await run.connect()).create_stream()).play(name, start=0.0)
    assert await asyncio.to_thread(lambda: list(tmp_path.rglob("*.flv"))) == []


class SlowDisk:
    """Lets no recording open its file before `set`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._asked, self._is_ready = threading.Semaphore(0), threading.Event()
        open_file = RecordingFile.open

        def wait_and_open(file: RecordingFile) -> None:
            self._asked.release()
            self._is_ready.wait(5)
            open_file(file)

        monkeypatch.setattr(RecordingFile, "open", wait_and_open)

    async def asked(self) -> None:
        """Wait until one more recording wants to open its file."""
        assert await asyncio.to_thread(self._asked.acquire, timeout=5)

    def set(self) -> None:
        """Let all go on."""
        self._is_ready.set()


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    disk = SlowDisk(monkeypatch)
    yield disk
    disk.set()


async def test_who_publishes_fast_and_leaves_hears_all_before(tmp_path: Path, slow_disk: SlowDisk) -> None:
    """A status that came later, to one that has left, would make its TCP throw away what it sent."""
    async with live(recordings=Recordings(tmp_path)) as run:
        client = await run.connect()
        stream = await client.create_stream()
        publisher = Player(stream)
        publishing = asyncio.create_task(stream.publish("cam", "record"))
        await slow_disk.asked()
        assert not publishing.done()
        slow_disk.set()
        await publishing
        await publisher.until(lambda player: "NetStream.Record.Start" in player.statuses)
        assert publisher.statuses == ["NetStream.Publish.Start", "NetStream.Record.Start"]


async def test_who_waits_for_a_recording_to_begin_can_be_replaced_and_can_leave(
    tmp_path: Path, slow_disk: SlowDisk
) -> None:
    async with live(recordings=Recordings(tmp_path), republish=Republish.REPLACE) as run:
        client = await run.connect()
        stream = await client.create_stream()
        publishing = asyncio.create_task(stream.publish("cam", "record"))
        await slow_disk.asked()
        await run.publish("cam")
        with pytest.raises(StreamFailed, match="another client publishes"):
            await publishing
        other = await run.connect()
        leaving = asyncio.create_task((await other.create_stream()).publish("other", "record"))
        await slow_disk.asked()
        other.close()
        with pytest.raises(ConnectionLost):
            await leaving
        slow_disk.set()
        await run.application.wait_recorded()
        assert set(run.application.streams) == {"live/cam"}
