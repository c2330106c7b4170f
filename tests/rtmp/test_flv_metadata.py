"""The room that is kept for a recording's onMetaData is filled to the byte, in what players can read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtmp.commands import parse_values
from rtmp.messages import MessageType
from rtmp.recording.flv_metadata import fit_metadata, parse_metadata, reserve_metadata
from rtmp.recording.seek_points import SeekPoints

LONGEST_FOR_FFMPEG = 1023


def strings_in(value: object) -> list[str]:
    """All strings, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings_in(each)]
    return [text for each in value for text in strings_in(each)] if isinstance(value, list) else []


@given(st.integers(0, 5000), st.integers(0, 40))
def test_it_is_filled_to_the_byte(key_frames: int, name_length: int) -> None:
    members = {"encoder": "x" * name_length}
    reserved = reserve_metadata(members, key_frames)
    body = fit_metadata(members, 1500, 70_000, SeekPoints(2), len(reserved))
    assert body is not None
    assert len(body) == len(reserved)
    assert parse_metadata(body) == {**members, "duration": 1.5, "filesize": 70_000.0}
    for each in (reserved, body):
        texts = strings_in(parse_values(MessageType.DATA_AMF0, each))
        assert max(map(len, texts)) <= LONGEST_FOR_FFMPEG


@given(st.integers(0, 3000))
def test_any_size_that_has_room_can_be_filled(more: int) -> None:
    least = fit_metadata({}, 0, 0, SeekPoints(2), len(reserve_metadata({}, 0)) - 1024)
    assert least is not None
    body = fit_metadata({}, 0, 0, SeekPoints(2), len(least) + more)
    assert body is not None
    assert len(body) == len(least) + more
