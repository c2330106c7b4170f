"""FFmpeg and rtmpdump record on our server and play what it recorded, bit for bit."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from rtmp.events import StreamLengthRequested
from rtmp.flv_file import FlvParser, FlvTag
from rtmp.media_kind import MediaKind, media_kind
from rtmp.recording.flv_metadata import parse_metadata
from tests.rtmp.recording_server import RecordingServer, recording_server
from tests.rtmp.test_aio_programs import run_program

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)"),
]
needs_rtmpdump = pytest.mark.skipif(
    shutil.which("rtmpdump") is None, reason="needs rtmpdump (apt install rtmpdump)"
)


FRAMES = (MediaKind.KEY_FRAME, MediaKind.INTER_FRAME, MediaKind.AUDIO)


async def ffmpeg(*arguments: str) -> None:
    assert await run_program("ffmpeg", "-nostdin", "-v", "error", "-y", *arguments) == 0


async def make_source(path: Path, seconds: float = 6.0) -> Path:
    """H.264 with B frames and a key frame each second, and AAC."""
    await ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=r=25:s=160x120", "-f", "lavfi", "-i", "sine=r=44100",
        "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25",
        "-keyint_min", "25", "-sc_threshold", "0", "-c:a", "aac", str(path),
    )  # fmt: skip
    return path


async def hashes(source: str, *options: str) -> str:
    """The hash of each packet with its times, of all streams."""
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", "-nostdin", "-v", "error", *options, "-i", source,
        "-c", "copy", "-copyts", "-f", "framehash", "-",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def complaints(path: Path) -> str:
    """What ffprobe has to say against a file."""
    process = await asyncio.create_subprocess_exec(
        "ffprobe", "-v", "warning", str(path), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    return errors.decode()


def tags_of(path: Path) -> list[FlvTag]:
    parser = FlvParser()
    parser.feed(path.read_bytes())
    tags = []
    while (tag := parser.next_tag()) is not None:
        tags.append(tag)
    return tags


def media_of(path: Path) -> list[tuple[int, int, bytes]]:
    """Audio and video of a file: each in its order, for the two may be interleaved otherwise."""
    media = [(tag.type_id, tag.timestamp_ms, bytes(tag.body)) for tag in tags_of(path) if tag.type_id != 18]
    return sorted(media, key=lambda message: message[0])


def last_ms(path: Path) -> int:
    return max(tag.timestamp_ms for tag in tags_of(path))


async def publish(server: RecordingServer, source: Path, name: str = "clip") -> Path:
    await ffmpeg("-i", str(source), "-c", "copy", "-f", "flv", f"{server.url}/{name}")
    await server.wait_recorded()
    return server.path(name)


async def dump(server: RecordingServer, name: str, output: Path, *options: str) -> int:
    return await run_program("rtmpdump", "-q", "-r", server.url, "-y", name, "-o", str(output), *options)


async def test_ffmpeg_records_and_plays_the_same(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv")
    async with recording_server(tmp_path / "root") as server:
        recorded = await publish(server, source)
        assert media_of(recorded) == media_of(source)
        assert await hashes(str(recorded)) == await hashes(str(source))
        members = parse_metadata(tags_of(recorded)[0].body)
        assert members is not None
        assert members["width"] == 160.0
        assert members["filesize"] == recorded.stat().st_size
        assert abs(float(str(members["duration"])) - 6) < 0.1
        assert await complaints(recorded) == ""
        assert await hashes(f"{server.url}/clip", "-rtmp_buffer", "60000") == await hashes(str(source))


@pytest.mark.parametrize(("interval", "begin_ms"), [("%", 0), ("3.5%", 3000)])
async def test_ffmpeg_sees_the_pictures_and_the_sound_and_nothing_else(
    interval: str, begin_ms: int, tmp_path: Path
) -> None:
    source = await make_source(tmp_path / "source.flv")
    async with recording_server(tmp_path / "root") as server:
        server.path("clip").parent.mkdir(parents=True)
        shutil.copy(source, server.path("clip"))
        process = await asyncio.create_subprocess_exec(
            "ffprobe", "-v", "error", "-rtmp_buffer", "100", "-read_intervals", interval,
            "-show_entries", "stream=codec_type:packet=codec_type,dts", "-of", "json", f"{server.url}/clip",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    found = json.loads(output)
    assert [stream["codec_type"] for stream in found["streams"]] == ["video", "audio"]
    types = {"audio": 8, "video": 9}
    packets = [(types[packet["codec_type"]], packet["dts"]) for packet in found["packets"]]
    frames = [tag for tag in tags_of(source) if media_kind(tag.type_id, tag.body) in FRAMES]
    begin = next(n for n, tag in enumerate(frames) if (tag.type_id, tag.timestamp_ms) == (9, begin_ms))
    assert packets == [(tag.type_id, tag.timestamp_ms) for tag in frames[begin:]]


async def test_ffmpeg_seeks_by_the_index_of_key_frames(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv")
    async with recording_server(tmp_path / "root") as server:
        recorded = await publish(server, source)
    members = parse_metadata(tags_of(recorded)[0].body)
    assert members is not None
    index = members["keyframes"]
    assert isinstance(index, dict)
    keys = [
        tag.timestamp_ms / 1000
        for tag in tags_of(recorded)
        if media_kind(tag.type_id, tag.body) is MediaKind.KEY_FRAME
    ]
    assert index["times"] == keys
    assert len(keys) == 6
    for path in (source, recorded):
        await ffmpeg("-ss", "3.5", "-i", str(path), "-c", "copy", "-f", "flv", f"{path}.cut")
    assert media_of(Path(f"{recorded}.cut"))[-1][2] == media_of(source)[-1][2]


async def test_ffmpeg_appends(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv", 2)
    async with recording_server(tmp_path / "root") as server:
        server.kind = "append"
        first_ms = last_ms(await publish(server, source))
        recorded = await publish(server, source)
        assert last_ms(recorded) == 2 * first_ms + 40
        assert [tag[2] for tag in media_of(recorded)] == [
            message[2] for message in sorted(2 * media_of(source), key=lambda message: message[0])
        ]
        # all can be decoded, with times that never go back
        await ffmpeg("-xerror", "-i", str(recorded), "-f", "null", "-")


def dumped(path: Path) -> list[tuple[int, int, bytes]]:
    """What rtmpdump keeps of a file: not the end of the sequence, for it takes small video for nothing."""
    return [message for message in media_of(path) if message[0] != 9 or len(message[2]) > 5]


@needs_rtmpdump
async def test_rtmpdump_gets_the_same_file(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv")
    async with recording_server(tmp_path / "root") as server:
        recorded = await publish(server, source)
        output = tmp_path / "dumped.flv"
        assert await dump(server, "clip", output) == 0
        assert media_of(output) == dumped(recorded)


@needs_rtmpdump
async def test_rtmpdump_begins_and_stops_where_it_wants(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv")
    async with recording_server(tmp_path / "root") as server:
        recorded = await publish(server, source)
        output = tmp_path / "dumped.flv"
        await dump(server, "clip", output, "--start", "2", "--stop", "4")
    kept = media_of(output)
    headers = [message for message in kept if media_kind(message[0], message[2]).is_header]
    assert [message[:2] for message in headers] == [(8, 2000), (9, 2000)]
    # from the key frame on: the sound of that time comes behind it in the file
    whole = tags_of(recorded)
    begin = next(n for n, tag in enumerate(whole) if (tag.type_id, tag.timestamp_ms) == (9, 2000))
    expected = [
        (tag.type_id, tag.timestamp_ms, bytes(tag.body)) for tag in whole[begin:] if tag.timestamp_ms <= 4000
    ]
    rest = [message for message in kept if message not in headers]
    assert rest == sorted(expected, key=lambda message: message[0])


@needs_rtmpdump
async def test_rtmpdump_goes_on_with_a_part_of_a_file(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv")
    async with recording_server(tmp_path / "root") as server:
        recorded = await publish(server, source)
        output = tmp_path / "dumped.flv"
        await dump(server, "clip", output, "--stop", "3.5")
        assert max(message[1] for message in media_of(output)) <= 3500
        assert await dump(server, "clip", output, "--resume") == 0
        assert media_of(output) == dumped(recorded)


async def test_ffmpeg_asks_for_the_length(tmp_path: Path) -> None:
    source = await make_source(tmp_path / "source.flv", 2)
    async with recording_server(tmp_path / "root") as server:
        await publish(server, source)
        await ffmpeg("-i", f"{server.url}/clip", "-c", "copy", "-f", "null", "-")
        asked = [event for event in server.events if isinstance(event, StreamLengthRequested)]
        assert [event.name for event in asked] == ["clip"]
