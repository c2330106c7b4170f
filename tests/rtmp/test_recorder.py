"""The recorder: what becomes of a file, and what happens when it cannot be written."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtmp.aio.recording.recorder import Recorded, Recorder
from rtmp.aio.recording.recording_file import RecorderConfig, RecordMode
from rtmp.amf0 import EcmaArray, encode_all
from rtmp.flv_file import FlvTag
from rtmp.recording.flv_metadata import parse_metadata
from tests.rtmp import flv_samples as flv
from tests.rtmp.test_headers import video_header

Statuses = list[tuple[str, str, str]]


def codes(statuses: Statuses) -> list[str]:
    return [code.removeprefix("NetStream.Record.") for _, code, _ in statuses]


def names_in(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


async def record(
    path: Path, tags: list[FlvTag], mode: RecordMode = RecordMode.RECORD, **options: Any
) -> tuple[Recorded | None, Statuses]:
    statuses: Statuses = []
    recorder = Recorder(path, mode, lambda *status: statuses.append(status), RecorderConfig(**options))
    recorder.start()
    for tag in tags:
        recorder.write(tag.type_id, tag.timestamp_ms, tag.body)
    return await recorder.finish(), statuses


async def test_a_recording_takes_the_place_of_the_old_one_when_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "live" / "cam.flv"
    result, statuses = await record(path, flv.stream(1))
    assert result == Recorded(path, 960, path.stat().st_size, 0)
    assert codes(statuses) == ["Start", "Stop"]
    first = path.read_bytes()

    recorder = Recorder(path)
    recorder.start()
    recorder.write(flv.VIDEO, 0, flv.key_frame(7))
    assert path.read_bytes() == first
    await recorder.finish()
    assert flv.parse_flv(path.read_bytes())[1:] == [FlvTag(flv.VIDEO, 0, flv.key_frame(7))]
    assert names_in(path.parent) == ["cam.flv"]
    recorder.write(flv.VIDEO, 0, b"late")
    assert await recorder.finish() is not None


async def test_a_recording_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    result, statuses = await record(tmp_path / "cam.flv", flv.stream(1)[:1])
    assert result is None
    assert codes(statuses) == ["Start", "Stop"]
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("cut", [0, 1, 20])
async def test_appending_goes_on_after_the_last_whole_tag(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cam.flv"
    await record(path, flv.stream(2), RecordMode.APPEND)
    whole = flv.parse_flv(path.read_bytes())
    if cut:
        with path.open("ab") as file:
            file.write(FlvTag(flv.VIDEO, 3000, flv.key_frame()).serialize()[:-cut])
    result, statuses = await record(path, flv.stream(1, begin_ms=70_000), RecordMode.APPEND)
    assert codes(statuses) == ["Start", "Stop"]
    data = path.read_bytes()
    kept = flv.parse_flv(data)
    assert kept[1 : len(whole)] == whole[1:]
    assert [tag.body for tag in kept[len(whole) + 1 :]] == [tag.body for tag in flv.stream(1)[1:]]
    assert [tag.timestamp_ms for tag in kept[len(whole) :]][:5] == [2000] * 5
    members = flv.metadata_of(data)
    assert result is not None
    assert (members["duration"], members["filesize"]) == (2.96, len(data))
    assert result.duration_ms == 2960
    assert members["keyframes"]["times"] == [0.0, 1.0, 2.0]


async def test_appending_to_a_file_of_another_maker(tmp_path: Path) -> None:
    path = tmp_path / "cam.flv"
    known = encode_all(("onMetaData", EcmaArray({"duration": 1.0, "encoder": "other", "filesize": 1.0})))
    for first in ([], [FlvTag(flv.DATA, 0, known)], [FlvTag(flv.DATA, 0, known[:20])]):
        path.write_bytes(flv.flv_bytes([*first, *flv.stream(1)[1:]]))
        result, _ = await record(path, flv.stream(1), RecordMode.APPEND)
        data = path.read_bytes()
        assert result is not None
        assert result.duration_ms == 1960
        kept = flv.parse_flv(data)
        if first and first[0].body == known:
            expected = {"duration": 1.96, "encoder": "other", "filesize": float(len(data))}
            assert parse_metadata(kept[0].body) == expected


async def test_what_is_appended_does_not_say_how_long_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "cam.flv"
    ours = {"width": 320.0, "duration": 1.0, "filesize": 7.0, "keyframes": {"times": [0.0]}}
    body = encode_all(("@setDataFrame", "onMetaData", EcmaArray(ours)))
    for _ in range(2):
        await record(path, [FlvTag(flv.DATA, 0, body), *flv.stream(1)[1:]], RecordMode.APPEND)
    data = path.read_bytes()
    first, second = [parse_metadata(tag.body) for tag in flv.parse_flv(data) if tag.type_id == flv.DATA]
    assert first is not None
    assert (first["width"], first["duration"], first["filesize"]) == (320.0, 1.96, len(data))
    assert second == {"width": 320.0}


async def test_what_is_no_recording_is_not_appended_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cam.flv"
    broken = flv.flv_bytes(flv.stream(1)) + bytes(40)
    path.write_bytes(broken)
    result, statuses = await record(path, flv.stream(1), RecordMode.APPEND)
    assert result is None
    assert codes(statuses) == ["Failed"]
    assert path.read_bytes() == broken
    assert len(caplog.records) == 1


async def test_two_do_not_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cam.flv"
    await record(path, flv.stream(1))
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result, statuses = await record(path, flv.stream(1), RecordMode.APPEND)
    assert (result, codes(statuses)) == (None, ["NoAccess"])


async def test_what_was_not_foreseen_ends_the_recording_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cam.flv"
    too_large = FlvTag(flv.VIDEO, 960, flv.key_frame(size=1 << 24))  # for a tag, whatever the queue may hold
    result, statuses = await record(path, [*flv.stream(1), too_large], max_queued_bytes=1 << 25)
    assert codes(statuses) == ["Start", "Failed"]
    assert result is not None
    assert len(flv.parse_flv(path.read_bytes())) == len(flv.stream(1))
    assert len(caplog.records) == 1


async def test_no_directory_to_record_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    result, statuses = await record(tmp_path / "file" / "cam.flv", flv.stream(1))
    assert result is None
    assert codes(statuses) == ["Failed"]
    assert str(tmp_path) not in statuses[0][2]
    assert [entry.levelno for entry in caplog.records] == [logging.ERROR]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 20000 bytes: the kernel writes as much as fits, then fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_full_disk_ends_the_recording_and_keeps_what_there_is(
    tmp_path: Path, small_disk: None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cam.flv"
    tags = flv.stream(8)
    result, statuses = await record(path, tags, max_key_frames=10)
    assert codes(statuses) == ["Start", "Failed"]
    assert len(caplog.records) == 1
    data = path.read_bytes()
    assert 19_800 < len(data) <= 20_000
    kept = flv.parse_flv(data)
    assert kept[1:] == tags[1 : len(kept)]
    assert result is not None
    assert flv.metadata_of(data)["filesize"] == len(data) == result.size_bytes
    assert names_in(tmp_path) == ["cam.flv"]


@pytest.mark.parametrize(
    ("options", "size"), [({"max_bytes": 30_000}, 30_000), ({"max_seconds": 2.0}, 100_000)]
)
async def test_bounds_end_the_recording_and_keep_it(
    tmp_path: Path, options: dict[str, Any], size: int
) -> None:
    path = tmp_path / "cam.flv"
    result, statuses = await record(path, flv.stream(10), **options)
    assert codes(statuses) == ["Start", "DiskQuotaExceeded"]
    data = path.read_bytes()
    assert result is not None
    assert result.size_bytes == len(data) <= size
    assert flv.metadata_of(data)["duration"] == result.duration_ms / 1000
    assert result.duration_ms <= 2040 or "max_bytes" in options


async def test_a_slow_disk_costs_frames_and_they_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "cam.flv"
    recorder = Recorder(path, config=RecorderConfig(max_queued_bytes=20_000))
    tags = flv.stream(4)
    # the disk has not even begun: what is written meanwhile has to fit the queue
    for tag in tags:
        recorder.write(tag.type_id, tag.timestamp_ms, tag.body)
    assert 19_000 < recorder.queued_bytes <= 20_000
    recorder.start()
    result = await recorder.finish()
    kept = flv.parse_flv(path.read_bytes())
    assert recorder.queued_bytes == 0
    assert result is not None
    assert result.dropped_frames == recorder.dropped_frames == len(tags) - len(kept)
    assert kept[1:50] == tags[1:50]


async def test_after_a_gap_pictures_begin_with_the_header_and_a_key_frame(tmp_path: Path) -> None:
    path = tmp_path / "cam.flv"
    recorder = Recorder(path, config=RecorderConfig(max_queued_bytes=2000))
    new_header = flv.AVC_HEADER + bytes(1200)
    recorder.write(flv.VIDEO, 0, flv.AVC_HEADER)
    recorder.write(flv.VIDEO, 0, flv.key_frame(0))
    recorder.write(flv.VIDEO, 40, flv.inter_frame(1, 5000))  # does not fit
    recorder.write(flv.VIDEO, 60, new_header)  # neither does this, which is needed
    recorder.write(flv.VIDEO, 80, flv.inter_frame(2))  # fits, but nobody could decode it
    recorder.write(flv.AUDIO, 90, flv.sound(3))
    recorder.start()
    async with asyncio.timeout(5):
        while recorder.queued_bytes:  # noqa: ASYNC110 - the thread tells nobody
            await asyncio.sleep(0)
    recorder.write(flv.VIDEO, 100, flv.inter_frame(4))
    recorder.write(flv.VIDEO, 120, flv.key_frame(3))
    result = await recorder.finish()
    kept = flv.parse_flv(path.read_bytes())[1:]
    assert [(tag.timestamp_ms, tag.body) for tag in kept] == [
        (0, flv.AVC_HEADER),
        (0, flv.key_frame(0)),
        (90, flv.sound(3)),
        (60, new_header),
        (120, flv.key_frame(3)),
    ]
    assert result is not None
    assert result.dropped_frames == 3


async def test_after_a_gap_all_tracks_have_their_headers(tmp_path: Path) -> None:
    path = tmp_path / "cam.flv"
    recorder = Recorder(path, config=RecorderConfig(max_queued_bytes=3000))
    headers = [video_header(track_id, body=bytes(100)) for track_id in (0, 1)]
    recorder.write(flv.VIDEO, 0, flv.key_frame(0, 2300))
    for header in headers:
        recorder.write(flv.VIDEO, 40, header)
    recorder.start()
    async with asyncio.timeout(5):
        while recorder.queued_bytes:  # noqa: ASYNC110 - the thread tells nobody
            await asyncio.sleep(0)
    for number in (1, 2):
        recorder.write(flv.VIDEO, 80, flv.key_frame(number))
    await recorder.finish()
    kept = flv.parse_flv(path.read_bytes())[1:]
    assert [tag.body for tag in kept] == [
        flv.key_frame(0, 2300), *headers, flv.key_frame(1), flv.key_frame(2),
    ]  # fmt: skip
