"""Finding out what is where: from what a recorder wrote, or by a walk that all share."""

from __future__ import annotations

import asyncio
import threading
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.aio.recording.flv_indexes import FlvIndexes
from rtmp.aio.recording.flv_scan import ScanStopped, index_of, scan, stated_index
from rtmp.errors import FlvError
from rtmp.flv_file import FlvTag
from rtmp.recording.flv_index import FlvIndex
from tests.rtmp import flv_samples as flv
from tests.rtmp.test_flv_recording import recorded
from tests.rtmp.test_headers import video_header
from tests.rtmp.test_recorder import RecordMode, record


def known(index: FlvIndex) -> dict[str, Any]:
    """All that matters to a player, and to who appends."""
    points = index.seek_points
    return {
        "end": index.end,
        "duration": index.duration_ms,
        "metadata": index.metadata_position,
        "media": (index.has_audio, index.has_video),
        "points": (points.times_ms, points.positions),
        "headers": [index.headers_before(position) for position in (*points.positions, index.end)],
    }


def written(path: Path, data: bytes) -> FileIO:
    path.write_bytes(data)
    return FileIO(path)


CHANGING = [
    *flv.stream(2),
    FlvTag(9, 2000, flv.AVC_HEADER + b"other"),
    *flv.stream(2, begin_ms=2000)[3:],
    FlvTag(9, 4000, video_header(1, 2, body=bytes(100))),
    FlvTag(9, 4000, flv.key_frame(100)),
]


def test_what_the_recorder_wrote_is_what_a_walk_finds(tmp_path: Path) -> None:
    with written(tmp_path / "a.flv", recorded(CHANGING)[1]) as file:
        stated = stated_index(file)
        assert stated is not None
        assert known(stated) == known(scan(file))
        assert len(stated.headers_before(stated.end)) == 3
        assert stated.seek_points.times_ms == [0, 1000, 2000, 3000, 4000]


async def test_so_it_is_after_appending(tmp_path: Path) -> None:
    path = tmp_path / "a.flv"
    for mode in (RecordMode.RECORD, RecordMode.APPEND, RecordMode.APPEND):
        await record(path, CHANGING, mode)
        with FileIO(path) as file:
            stated = stated_index(file)
            assert stated is not None
            assert known(stated) == known(scan(file))


def test_a_header_that_is_repeated_is_the_one_before(tmp_path: Path) -> None:
    frames = [
        tag
        for n in range(60)
        for tag in (FlvTag(9, n * 40, flv.AVC_HEADER), FlvTag(9, n * 40, flv.key_frame(n)))
    ]
    with written(tmp_path / "a.flv", recorded(frames)[1]) as file:
        stated = stated_index(file)
        assert stated is not None
        assert stated.headers_before(stated.end) == stated.header_positions[:1]


@pytest.mark.parametrize(
    "data",
    [
        flv.flv_bytes(flv.stream(1)),
        recorded(flv.stream(1, video=False))[1],
        recorded(flv.stream(40), max_key_frames=10)[1],
        recorded(CHANGING)[1] + FlvTag(8, 5000, flv.sound()).serialize(),
        recorded(CHANGING)[1].replace(flv.key_frame(25), flv.inter_frame(25)),
        recorded(CHANGING)[1].replace(flv.AVC_HEADER + b"other", flv.inter_frame(0, 6)),
        recorded([FlvTag(9, n * 40, flv.AVC_HEADER + bytes((n,))) for n in range(40)])[1],
    ],
    ids=["foreign", "sound", "coarse", "longer", "no key frame", "no header", "many headers"],
)  # fmt: skip
def test_what_is_not_true_or_not_all_is_not_believed(tmp_path: Path, data: bytes) -> None:
    with written(tmp_path / "a.flv", data) as file:
        assert stated_index(file) is None
        assert known(index_of(file)) == known(scan(file))


@given(st.binary(max_size=200), st.integers(0, 3000))
def test_damage_is_noticed_or_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int
) -> None:
    data = bytearray(recorded(CHANGING, max_key_frames=10)[1])
    data[at : at + len(damage)] = damage[: len(data) - at]
    with written(tmp_path_factory.getbasetemp() / "damaged.flv", bytes(data)) as file:
        try:
            stated = stated_index(file)
        except FlvError:
            return
        if stated is not None:
            for position in stated.seek_points.positions:
                assert data[position] == 9


def big_file(path: Path, seconds: float = 1200) -> FileIO:
    return written(path, flv.flv_bytes(flv.stream(seconds, video=False)))


async def test_all_who_ask_share_one_walk_and_later_ones_its_result(tmp_path: Path) -> None:
    indexes = FlvIndexes()
    big_file(tmp_path / "a.flv").close()
    first, *others = await asyncio.gather(*(indexes.get(FileIO(tmp_path / "a.flv")) for _ in range(8)))
    assert all(other is first for other in others)
    assert await indexes.get(FileIO(tmp_path / "a.flv")) is first
    assert indexes._scans == {}
    # another file of the same name is another
    (tmp_path / "a.flv").unlink()
    other = await indexes.get(big_file(tmp_path / "a.flv", 10))
    assert other.duration_ms == 9960


async def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    indexes = FlvIndexes(max_bytes=10_000)
    for name in ("a", "b", "c", "a", "d"):
        await indexes.get(big_file(tmp_path / name, 20))
        assert indexes.size <= 10_000
    assert len(indexes) == 2


async def test_that_a_file_is_broken_is_kept_too(tmp_path: Path) -> None:
    indexes = FlvIndexes()
    data = flv.flv_bytes(flv.stream(1)) + bytes(50)
    written(tmp_path / "a.flv", data).close()
    for _ in range(2):
        with pytest.raises(FlvError, match="type 0"):
            await indexes.get(FileIO(tmp_path / "a.flv"))
    assert len(indexes) == 1


async def test_a_walk_that_nobody_waits_for_stops(tmp_path: Path) -> None:
    indexes = FlvIndexes()
    waiting = [asyncio.create_task(indexes.get(big_file(tmp_path / name))) for name in "ab"]
    await asyncio.sleep(0)
    scans = list(indexes._scans.values())
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await indexes.get(big_file(tmp_path / "c", 1))  # in the same thread, so behind the others
    assert [scan.file.closed for scan in scans] == [True, True]
    assert len(indexes) == 1
    stop = threading.Event()
    stop.set()
    with big_file(tmp_path / "a") as file, pytest.raises(ScanStopped):
        scan(file, stop)
