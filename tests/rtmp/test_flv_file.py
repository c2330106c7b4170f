"""FLV files, and how to find one's way in them."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.aio.recording.flv_reader import FlvReader
from rtmp.aio.recording.flv_scan import index_of
from rtmp.aio.recording.recordings import duration_ms
from rtmp.enhanced_flv import (
    AudioPacketType,
    EnhancedAudio,
    EnhancedVideo,
    MultitrackType,
    Track,
    VideoPacketType,
)
from rtmp.errors import FlvError, LocalProtocolError
from rtmp.flv import FrameType
from rtmp.flv_file import FlvHeader, FlvParser, FlvTag
from rtmp.media_kind import PREFIX_SIZE, MediaKind, media_kind
from rtmp.recording.flv_index import FlvIndex
from rtmp.recording.seek_points import SeekPoints
from tests.rtmp import flv_samples as flv
from tests.rtmp.test_aio_programs import run_program
from tests.rtmp.test_headers import video_header

tags = st.builds(FlvTag, st.sampled_from((8, 9, 18)), st.integers(0, 2**32 - 1), st.binary(max_size=300))


@given(st.lists(tags, max_size=5), st.booleans(), st.booleans(), st.integers(1, 400))
def test_what_is_written_is_read(kept: list[FlvTag], audio: bool, video: bool, step: int) -> None:
    data = FlvHeader(audio, video).serialize() + b"".join(tag.serialize() for tag in kept)
    parser = FlvParser()
    found = []
    for at in range(0, len(data), step):
        parser.feed(data[at : at + step])
        while (tag := parser.next_tag()) is not None:
            found.append(tag)
    assert found == kept
    assert parser.header == FlvHeader(audio, video)
    assert parser.pending_size == 0


def test_the_time_has_its_highest_byte_last() -> None:
    data = FlvTag(9, 0x12345678, b"ab").serialize()
    assert data == b"\x09\0\0\x02\x34\x56\x78\x12\0\0\0ab\0\0\0\x0d"


def test_a_tag_that_is_cut_is_pending() -> None:
    data = flv.flv_bytes([FlvTag(8, 0, b"whole"), FlvTag(8, 20, b"cut")])
    for missing in range(1, 18):
        parser = FlvParser()
        parser.feed(data[:-missing])
        assert parser.next_tag() == FlvTag(8, 0, b"whole")
        assert parser.next_tag() is None
        assert parser.pending_size == 18 - missing


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF", "not an FLV"),
        (b"F1", "not an FLV"),
        (b"FLV\1\5\0\0\0\x08\0\0\0\0", "header of 8"),
        (b"FLV\1\5\xff\0\0\x09", "header of"),
        (FlvHeader().serialize() + bytes(30), "type 0"),
        (FlvHeader().serialize() + b"\x28" + bytes(14), "encrypted"),
        (FlvHeader().serialize() + b"\x08" + bytes(10) + b"\0\0\0\x0c", "followed by the size 12"),
        (FlvHeader().serialize() + b"\x08\xff\xff\xff" + bytes(7), "more than"),
    ],
)
def test_broken_files(data: bytes, message: str) -> None:
    parser = FlvParser()
    parser.feed(data)
    for _ in range(2):
        with pytest.raises(FlvError, match=message):
            parser.next_tag()


@given(st.binary(max_size=200))
def test_garbage_raises_what_is_documented(data: bytes) -> None:
    parser = FlvParser(at_tag=data[:1] < b"\x80")
    parser.feed(data)
    try:
        while parser.next_tag() is not None:
            pass
    except FlvError:
        pass
    for type_id in (8, 9):
        media_kind(type_id, data)


def test_a_long_header_is_skipped_and_a_large_body_refused() -> None:
    parser = FlvParser()
    parser.feed(FlvHeader(size=12).serialize() + FlvTag(8, 1, b"x").serialize())
    assert parser.next_tag() == FlvTag(8, 1, b"x")
    with pytest.raises(LocalProtocolError, match="16777216"):
        FlvTag(8, 0, bytes(1 << 24)).serialize()


@pytest.mark.parametrize(
    ("type_id", "payload", "kind"),
    [
        (8, flv.AAC_HEADER, MediaKind.AUDIO_HEADER),
        (8, flv.sound(), MediaKind.AUDIO),
        (8, b"\xb2speex", MediaKind.AUDIO),
        (8, b"", MediaKind.OTHER),
        (9, flv.AVC_HEADER, MediaKind.VIDEO_HEADER),
        (9, b"\x1c\x00\0\0\0", MediaKind.VIDEO_HEADER),
        (9, flv.key_frame(), MediaKind.KEY_FRAME),
        (9, flv.inter_frame(), MediaKind.INTER_FRAME),
        (9, b"\x12h263", MediaKind.KEY_FRAME),
        (9, b"\x17\x02\0\0\0", MediaKind.OTHER),
        (9, b"\x57\x00", MediaKind.OTHER),
        (18, b"\x17\x01", MediaKind.OTHER),
    ],
)
def test_kinds(type_id: int, payload: bytes, kind: MediaKind) -> None:
    assert media_kind(type_id, payload) is kind


@pytest.mark.parametrize("offset_ns", [0, 7])
@pytest.mark.parametrize("multitrack", [None, *MultitrackType])
def test_kinds_of_enhanced_messages(offset_ns: int, multitrack: MultitrackType | None) -> None:
    def video(frame: FrameType, packet: VideoPacketType) -> MediaKind:
        message = EnhancedVideo(frame, packet, (Track("hvc1", b"x"),), multitrack, offset_ns)
        return media_kind(9, message.serialize())

    def audio(packet: AudioPacketType) -> MediaKind:
        return media_kind(8, EnhancedAudio(packet, (Track("Opus", b"x"),), multitrack, offset_ns).serialize())

    assert video(FrameType.KEY, VideoPacketType.SEQUENCE_START) is MediaKind.VIDEO_HEADER
    assert video(FrameType.KEY, VideoPacketType.CODED_FRAMES) is MediaKind.KEY_FRAME
    assert video(FrameType.INTER, VideoPacketType.CODED_FRAMES_X) is MediaKind.INTER_FRAME
    assert video(FrameType.KEY, VideoPacketType.SEQUENCE_END) is MediaKind.OTHER
    assert video(FrameType.COMMAND, VideoPacketType.METADATA) is MediaKind.VIDEO_METADATA
    assert video(FrameType.KEY, VideoPacketType.METADATA) is MediaKind.VIDEO_METADATA
    assert audio(AudioPacketType.SEQUENCE_START) is MediaKind.AUDIO_HEADER
    assert audio(AudioPacketType.MULTICHANNEL_CONFIG) is MediaKind.AUDIO_CHANNELS
    assert audio(AudioPacketType.CODED_FRAMES) is MediaKind.AUDIO
    assert audio(AudioPacketType.SEQUENCE_END) is MediaKind.OTHER


@given(st.lists(st.integers(0, 10_000), max_size=200), st.integers(2, 20), st.integers(-5, 11_000))
def test_seek_points_stay_few_and_true(times: list[int], capacity: int, wanted: int) -> None:
    points = SeekPoints(capacity)
    for position, time_ms in enumerate(sorted(times)):
        points.add(time_ms, position)
    assert len(points) <= capacity
    assert [sorted(times)[position] for position in points.positions] == points.times_ms
    found = points.at_or_before(wanted)
    if not times:
        assert found is None
    else:
        before = [time_ms for time_ms in points.times_ms if time_ms <= wanted]
        assert found is not None
        assert found[0] == (before[-1] if before else points.times_ms[0])


def opened(path: Path, data: bytes) -> FlvReader:
    path.write_bytes(data)
    reader = FlvReader(path)
    reader.open()
    return reader


def index_from(reader: FlvReader) -> FlvIndex:
    with reader.duplicate() as file:
        return index_of(file)


def test_an_index_finds_key_frames_headers_and_the_end(tmp_path: Path) -> None:
    kept = flv.stream(3)
    data = flv.flv_bytes([FlvTag(18, 0, flv.METADATA[16:]), *kept[1:]])
    reader = opened(tmp_path / "a.flv", data + b"\x08\0\0\x05cut")
    index = index_from(reader)
    assert index.end == len(data)
    assert index.duration_ms == 2960
    assert index.metadata_position == 13
    assert index.seek_points.times_ms == [0, 1000, 2000]
    found = index.seek_points.at_or_before(2500)
    assert found is not None
    time_ms, position = found
    assert reader.tag_at(position) == FlvTag(9, 2000, flv.key_frame(50))
    headers = [reader.tag_at(place).body for place in index.headers_before(position)]
    assert headers == [flv.AAC_HEADER, flv.AVC_HEADER]
    reader.move_to(position)
    assert reader.read()[0].timestamp_ms == time_ms
    reader.close()


def test_an_index_finds_the_headers_of_all_tracks(tmp_path: Path) -> None:
    headers = [
        video_header(0),
        video_header(1),
        *(video_header(1, track_id, body=bytes(100)) for track_id in (2, 3)),
    ]
    payloads = [*headers, flv.key_frame(), video_header(1, body=b"new")]
    tags = [FlvTag(9, n * 40, payload) for n, payload in enumerate(payloads)]
    reader = opened(tmp_path / "a.flv", flv.flv_bytes(tags))
    index = index_from(reader)
    (position,) = index.seek_points.positions
    assert [reader.tag_at(place).body for place in index.headers_before(position)] == headers
    at_end = [reader.tag_at(place).body for place in index.headers_before(index.end)]
    assert at_end == [headers[0], *headers[2:], payloads[-1]]
    reader.close()


def test_sound_alone_is_found_by_the_second(tmp_path: Path) -> None:
    reader = opened(tmp_path / "a.flv", flv.flv_bytes(flv.stream(3.5, video=False)))
    assert index_from(reader).seek_points.times_ms == [0, 1000, 2000, 3000]
    reader.close()


def test_a_broken_file_is_read_up_to_its_fault(tmp_path: Path) -> None:
    kept = flv.stream(1)
    reader = opened(tmp_path / "a.flv", flv.flv_bytes(kept) + bytes(50))
    assert reader.read() == kept
    with pytest.raises(FlvError):
        reader.read()
    with pytest.raises(FlvError):
        index_from(reader)
    with pytest.raises(FlvError):
        reader.tag_at(1_000_000)
    reader.close()


async def test_the_duration_of_a_file_without_one(tmp_path: Path) -> None:
    (tmp_path / "a.flv").write_bytes(flv.flv_bytes(flv.stream(2)))
    assert await duration_ms(tmp_path / "a.flv") == 1960
    with pytest.raises(FileNotFoundError):
        await duration_ms(tmp_path)


def test_a_file_that_is_in_use_is_closed_afterwards(tmp_path: Path) -> None:
    reader = opened(tmp_path / "a.flv", flv.flv_bytes([]))
    with reader._using() as descriptor:  # as a call in a thread does
        reader.close()
        assert os.fstat(descriptor).st_size == 13
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    with pytest.raises(ValueError, match="not open"):
        reader.read()


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
async def test_a_file_of_ffmpegs_is_the_same_written_again(tmp_path: Path) -> None:
    path = tmp_path / "made.flv"
    status = await run_program(
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=r=25:s=64x48", "-f", "lavfi", "-i", "sine",
        "-t", "1", "-c:v", "libx264", "-g", "10", "-c:a", "aac", str(path),
    )  # fmt: skip
    assert status == 0
    data = await asyncio.to_thread(path.read_bytes)
    kept = flv.parse_flv(data)
    assert {tag.type_id for tag in kept} == {8, 9, 18}
    assert flv.flv_bytes(kept) == data
    kinds = [media_kind(tag.type_id, tag.body) for tag in kept]
    assert kinds.count(MediaKind.KEY_FRAME) == 3
    assert kinds.count(MediaKind.VIDEO_HEADER) == kinds.count(MediaKind.AUDIO_HEADER) == 1
    assert abs(await duration_ms(path) - 1000) < 100


def test_no_more_is_looked_at_than_what_an_index_has() -> None:
    """Modifiers may go on for megabytes."""
    for count, kind in ((5, MediaKind.KEY_FRAME), (20, MediaKind.OTHER)):
        payload = b"\x97" + b"\0?\x07" * count + b"\0?\x01av01"
        assert media_kind(9, payload) is media_kind(9, payload[:PREFIX_SIZE]) is kind
