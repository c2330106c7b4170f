"""Recording: what is in the file, and what happens when it cannot be written."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.aio.recording.recorder import Recorded, Recorder
from rtmp.aio.recording.recording_file import RecorderConfig, RecordMode
from rtmp.amf0 import EcmaArray, encode_all
from rtmp.commands import parse_values, serialize_data
from rtmp.flv_file import FlvHeader, FlvTag
from rtmp.recording.flv_metadata import parse_metadata
from rtmp.recording.flv_recording import FlvRecording, RecordingTime
from tests.rtmp import flv_samples as flv
from tests.rtmp.test_headers import video_header

Statuses = list[tuple[str, str, str]]


def recorded(tags: list[FlvTag], **options: Any) -> tuple[FlvRecording, bytes]:
    """What a file has in the end."""
    recording = FlvRecording(**options)
    data = bytearray()
    for tag in tags:
        data += recording.add(tag.type_id, tag.timestamp_ms, tag.body)
    for position, patch in recording.finish():
        data[position : position + len(patch)] = patch
    return recording, bytes(data)


def metadata_of(data: bytes) -> dict[str, Any]:
    members = parse_metadata(flv.parse_flv(data)[0].body)
    assert members is not None
    return members


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


# -- what is in the file


@pytest.mark.parametrize("begin_ms", [0, 5000, 2**32 - 500])
def test_times_begin_at_0(begin_ms: int) -> None:
    tags = flv.stream(2, begin_ms=begin_ms)
    wrapped = [FlvTag(tag.type_id, tag.timestamp_ms % 2**32, tag.body) for tag in tags]
    recording, data = recorded(wrapped)
    kept = flv.parse_flv(data)
    assert kept[1:] == flv.stream(2)[1:]
    assert (kept[0].type_id, kept[0].timestamp_ms) == (flv.DATA, 0)
    assert (recording.size, recording.duration_ms) == (len(data), 1960)


def test_a_step_back_never_gets_before_the_beginning() -> None:
    time = RecordingTime(100)
    assert [time.place(t, is_frame=True) for t in (1000, 980, 1020, 2**32 - 1)] == [100, 100, 120, 100]


def test_the_metadata_say_what_was_recorded() -> None:
    _, data = recorded(flv.stream(3))
    members = metadata_of(data)
    assert members["width"] == 640.0
    assert members["encoder"] == "sample"
    assert members["duration"] == 2.96
    assert members["filesize"] == len(data)
    times, positions = members["keyframes"]["times"], members["keyframes"]["filepositions"]
    assert times == [0.0, 1.0, 2.0]
    at = [data[int(position) : int(position) + 16] for position in positions]
    assert at == [FlvTag(9, n * 1000, flv.key_frame(n * 25)).serialize()[:16] for n in range(3)]


@pytest.mark.parametrize(("video", "audio"), [(True, False), (False, True), (True, True)])
def test_the_header_says_what_is_there(video: bool, audio: bool) -> None:
    tags = [tag for tag in flv.stream(1, video=video) if audio or tag.type_id != flv.AUDIO]
    _, data = recorded(tags)
    assert FlvHeader.parse(data) == FlvHeader(audio, video)


def test_more_key_frames_than_have_room_make_the_index_coarser() -> None:
    _, data = recorded(flv.stream(40), max_key_frames=10)
    assert metadata_of(data)["keyframes"]["times"] == [
        0.0,
        4.0,
        8.0,
        12.0,
        16.0,
        20.0,
        24.0,
        28.0,
        32.0,
        36.0,
    ]


def test_what_the_disk_did_not_take_is_not_spoken_of() -> None:
    recording = FlvRecording()
    content = recording.add(flv.AUDIO, 0, flv.sound())
    recording.add(flv.VIDEO, 90_000, flv.key_frame())
    recording.take_back(len(content))
    assert recording.duration_ms == 0
    file = bytearray(content)
    for position, data in recording.finish():
        file[position : position + len(data)] = data
    header = FlvHeader.parse(file)
    assert (header.has_audio, header.has_video) == (True, False)
    assert metadata_of(bytes(file))["duration"] == 0.0


def test_metadata_that_come_late_are_put_first_too() -> None:
    tags = flv.stream(1)
    _, data = recorded([*tags[1:10], tags[0], *tags[10:]])
    kept = flv.parse_flv(data)
    assert [tag.type_id for tag in kept].count(flv.DATA) == 2
    assert metadata_of(data)["encoder"] == "sample"
    assert metadata_of(data)["duration"] == 0.96


@pytest.mark.parametrize("size", [70_000, 300_000])
def test_metadata_beyond_measure_are_left_out(size: int) -> None:
    large = encode_all(("onMetaData", EcmaArray({"blob": "x" * size})))
    _, data = recorded([FlvTag(flv.DATA, 0, large), *flv.stream(1)[1:]])
    assert metadata_of(data).keys() == {"duration", "filesize", "keyframes", "headerpositions"}


def test_other_data_are_recorded_and_nonsense_is_not() -> None:
    cue = ("onCuePoint", {"name": "x"})
    type_id, amf3 = serialize_data(("@setDataFrame", *cue), amf3=True)
    _, data = recorded(
        [
            FlvTag(type_id, 500, amf3),
            FlvTag(flv.DATA, 500, encode_all(("@clearDataFrame", "onMetaData"))),
            FlvTag(flv.DATA, 500, b"\xff"),
            FlvTag(flv.VIDEO, 500, b""),
            FlvTag(20, 500, b"\x02"),
            FlvTag(flv.AUDIO, 500, flv.sound()),
        ]
    )
    kept = flv.parse_flv(data)
    assert [tag.type_id for tag in kept] == [flv.DATA, flv.DATA, flv.AUDIO]
    assert tuple(parse_values(18, kept[1].body)) == cue


messages = st.tuples(st.sampled_from((8, 9, 15, 18)), st.integers(0, 2**32 - 1), st.binary(max_size=30))


@given(st.lists(messages, max_size=20), st.integers(0, 5))
def test_whatever_is_recorded_is_a_file(sent: list[tuple[int, int, bytes]], max_key_frames: int) -> None:
    recording, data = recorded([FlvTag(*message) for message in sent], max_key_frames=max_key_frames)
    if recording.size:
        flv.parse_flv(data)
        assert metadata_of(data)["filesize"] == len(data) == recording.size


# -- the recorder


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
    members = metadata_of(data)
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
    assert metadata_of(data)["filesize"] == len(data) == result.size_bytes
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
    assert metadata_of(data)["duration"] == result.duration_ms / 1000
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
