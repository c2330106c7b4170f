"""Recording: what is in the file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.amf0 import EcmaArray, encode_all
from rtmp.commands import parse_values, serialize_data
from rtmp.flv_file import FlvHeader, FlvTag
from rtmp.recording.flv_recording import FlvRecording, RecordingTime
from tests.rtmp import flv_samples as flv


def recorded(tags: list[FlvTag], **options: Any) -> tuple[FlvRecording, bytes]:
    """What a file has in the end."""
    recording = FlvRecording(**options)
    data = bytearray()
    for tag in tags:
        data += recording.add(tag.type_id, tag.timestamp_ms, tag.body)
    for position, patch in recording.finish():
        data[position : position + len(patch)] = patch
    return recording, bytes(data)


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
    members = flv.metadata_of(data)
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
    assert flv.metadata_of(data)["keyframes"]["times"] == [
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
    assert flv.metadata_of(bytes(file))["duration"] == 0.0


def test_metadata_that_come_late_are_put_first_too() -> None:
    tags = flv.stream(1)
    _, data = recorded([*tags[1:10], tags[0], *tags[10:]])
    kept = flv.parse_flv(data)
    assert [tag.type_id for tag in kept].count(flv.DATA) == 2
    assert flv.metadata_of(data)["encoder"] == "sample"
    assert flv.metadata_of(data)["duration"] == 0.96


@pytest.mark.parametrize("size", [70_000, 300_000])
def test_metadata_beyond_measure_are_left_out(size: int) -> None:
    large = encode_all(("onMetaData", EcmaArray({"blob": "x" * size})))
    _, data = recorded([FlvTag(flv.DATA, 0, large), *flv.stream(1)[1:]])
    assert flv.metadata_of(data).keys() == {"duration", "filesize", "keyframes", "headerpositions"}


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
        assert flv.metadata_of(data)["filesize"] == len(data) == recording.size
