"""The live application over real sockets, with our own clients."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from rtmp.admission import Admission
from rtmp.aio import ClientStream, RtmpClient, RtmpServer, start_server
from rtmp.aio.live import LiveApplication, LiveLimits, LiveRequest, Purpose, Refused, Republish
from rtmp.aio.recording.recordings import Recordings
from rtmp.amf0 import AmfValue
from rtmp.errors import CallFailed, StreamFailed
from rtmp.events import StatusReceived
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import MessageType, Payload, milliseconds_between
from tests.rtmp.flv_samples import parse_flv

AVC_HEADER = b"\x17\x00\x00\x00\x00avcC"
KEY, INTER = b"\x17\x01\x00\x00\x00key", b"\x27\x01\x00\x00\x00inter"


@dataclass
class Live:
    application: LiveApplication
    server: RtmpServer
    clients: list[RtmpClient] = field(default_factory=list)

    async def connect(self, app: str = "live") -> RtmpClient:
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{self.server.port}/{app}")
        self.clients.append(client)
        return client

    async def end_all(self) -> None:
        """Close all connections, and wait until the server has noticed."""
        for client in self.clients:
            client.close()
            await client.wait_closed()
        await self.server.wait_closed()

    async def publish(self, name: str = "cam") -> ClientStream:
        stream = await (await self.connect()).create_stream()
        await stream.publish(name)
        return stream

    async def record(self, name: str = "cam", kind: str = "record") -> ClientStream:
        stream = await (await self.connect()).create_stream()
        await stream.publish(name, kind)
        return stream

    async def play(self, name: str = "cam") -> Player:
        player = Player(await (await self.connect()).create_stream())
        await player.stream.play(name)
        return player


class Player:
    """Collects what comes, and waits for as much as a test wants."""

    def __init__(self, stream: ClientStream) -> None:
        self.stream = stream
        self.media: list[tuple[int, int, bytes]] = []
        self.data: list[tuple[AmfValue, ...]] = []
        self.statuses: list[str] = []
        self._changed = asyncio.Event()
        stream.on_audio = lambda timestamp_ms, payload: self._media(MessageType.AUDIO, timestamp_ms, payload)
        stream.on_video = lambda timestamp_ms, payload: self._media(MessageType.VIDEO, timestamp_ms, payload)
        stream.on_data = self._on_data
        stream.on_status = self._on_status

    def _media(self, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        self.media.append((type_id, timestamp_ms, bytes(payload)))
        self._changed.set()

    def _on_data(self, _timestamp_ms: int, values: tuple[AmfValue, ...]) -> None:
        self.data.append(values)
        self._changed.set()

    def _on_status(self, event: StatusReceived) -> None:
        self.statuses.append(event.code)
        self._changed.set()

    @property
    def time_ms(self) -> int:
        return self.media[-1][1] if self.media else -1

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def live(
    session_limits: Limits = DEFAULT_LIMITS, admission: Admission | None = None, **settings: Any
) -> AsyncIterator[Live]:
    application = LiveApplication(**settings)
    server = await start_server(
        application.make_handler, "127.0.0.1", 0, limits=session_limits, admission=admission
    )
    running = Live(application, server)
    try:
        yield running
    finally:
        for client in running.clients:
            client.close()
        server.close()
        async with asyncio.timeout(5):
            await server.wait_closed()
    assert application.streams == {}


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
