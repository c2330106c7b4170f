"""The onMetaData of a recording: written before anything is known, put right at the end in the same room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rtmp.amf0 import AmfValue, EcmaArray, encode_all
from rtmp.commands import parse_values
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.messages import MessageType, Payload
from rtmp.recording.seek_points import SeekPoints

ON_METADATA: Final = "onMetaData"
_PADDING: Final = "padding"
_MAX_PADDING: Final = 0xFFFF
_MAX_STRING: Final = 1000
"""FFmpeg complains of strings in metadata that are not much longer."""
_MAX_FOREIGN_SIZE: Final = 64 * 1024
_SLACK: Final = 1024
"""Room for members that come late."""
_KEY_FRAMES, _TIMES, _POSITIONS, _HEADERS = "keyframes", "times", "filepositions", "headerpositions"
_OF_THE_FILE: Final = frozenset({"duration", "filesize", _KEY_FRAMES, _HEADERS})
_MAX_NUMBER: Final = 1 << 50
_BYTES_PER_KEY_FRAME: Final = 18  # two AMF0 numbers


def parse_metadata(payload: Payload) -> dict[str, AmfValue] | None:
    """Return the members of an onMetaData in AMF0, without our padding; None if it is none."""
    try:
        values = parse_values(MessageType.DATA_AMF0, payload)
    except AmfDecodeError:
        return None
    return metadata_members(values)


def metadata_members(values: list[AmfValue]) -> dict[str, AmfValue] | None:
    """Return the members in the values of a data message; None if it is not onMetaData."""
    if len(values) < 2 or values[0] != ON_METADATA or not isinstance(values[1], Mapping):
        return None
    return {name: value for name, value in values[1].items() if name != _PADDING}


@dataclass(frozen=True, slots=True)
class StatedIndex:
    """What an onMetaData of `fit_metadata` says of its file, if it names all key frames and headers."""

    file_size: int
    duration_ms: int
    times_ms: list[int]
    positions: list[int]
    """Of the key frames, as many as times."""
    headers: list[int]
    """Where headers are that were not the same before."""

    @classmethod
    def parse(cls, payload: Payload) -> StatedIndex | None:
        """Read the body of a file's first tag, and check nothing of it; None if it says nothing like this."""
        members = parse_metadata(payload)
        key_frames = (members or {}).get(_KEY_FRAMES)
        if members is None or not isinstance(key_frames, Mapping):
            return None
        times, positions = _numbers(key_frames.get(_TIMES), 1000), _numbers(key_frames.get(_POSITIONS))
        headers, sums = _numbers(members.get(_HEADERS)), _numbers([members.get("filesize")])
        duration = _numbers([members.get("duration")], 1000)
        if times is None or positions is None or headers is None or sums is None or duration is None:
            return None
        return cls(sums[0], duration[0], times, positions, headers)


def _numbers(value: AmfValue, factor: int = 1) -> list[int] | None:
    if not isinstance(value, list):
        return None
    numbers = [each for each in value if isinstance(each, int | float) and 0 <= each < _MAX_NUMBER]
    return [round(each * factor) for each in numbers] if len(numbers) == len(value) else None


def without_lengths(members: Mapping[str, AmfValue]) -> EcmaArray:
    """Return the members of an onMetaData that comes later in a file, without what would be said of the file.

    A player believes the last that it reads.
    """
    return EcmaArray({name: value for name, value in members.items() if name not in _OF_THE_FILE})


def reserve_metadata(members: Mapping[str, AmfValue], key_frames: int) -> bytes:
    """Return the body of an onMetaData with room for the members of the end and so many key frames."""
    members = dict(members)
    try:
        if len(_encode(members)) > _MAX_FOREIGN_SIZE:
            members = {}
    except AmfEncodeError:
        members = {}
    members |= {"duration": 0.0, "filesize": 0.0}
    room = min(key_frames * _BYTES_PER_KEY_FRAME + _SLACK, _MAX_PADDING)
    return _encode(members, room)


def fit_metadata(
    members: Mapping[str, AmfValue],
    duration_ms: int,
    file_size: int,
    points: SeekPoints,
    size: int,
    headers: list[int] | None = None,
) -> bytes | None:
    """Return the body of an onMetaData of exactly `size` bytes, with as many of the key frames as fit.

    None if even without key frames there is no room for it. `headers` says where all headers are, if that is
    known; they are there only if all key frames are, and then make a `StatedIndex`.
    """
    known = {**members, "duration": duration_ms / 1000, "filesize": float(file_size)}
    for name in (_KEY_FRAMES, _HEADERS):
        known.pop(name, None)
    times = [time_ms / 1000 for time_ms in points.times_ms]
    if headers is not None and points.is_complete:
        key_frames: dict[str, AmfValue] = {_TIMES: times, _POSITIONS: points.positions}
        body = _pad({**known, _KEY_FRAMES: key_frames, _HEADERS: headers}, size)
        if body is not None:
            return body
    step = 1
    while len(times) >= step:
        key_frames = {_TIMES: times[::step], _POSITIONS: points.positions[::step]}
        body = _pad({**known, _KEY_FRAMES: key_frames}, size)
        if body is not None:
            return body
        step *= 2
    return _pad(known, size)


def _pad(members: Mapping[str, AmfValue], size: int) -> bytes | None:
    try:
        plain = _encode(members)
        missing = size - len(_encode(members, 0))
    except AmfEncodeError:
        return None
    if len(plain) == size:
        return plain
    return _encode(members, missing) if 0 <= missing <= _MAX_PADDING else None


def _encode(members: Mapping[str, AmfValue], padding: int | None = None) -> bytes:
    extra = {} if padding is None else {_PADDING: _spaces(padding)}
    return encode_all((ON_METADATA, EcmaArray({**members, **extra})))


def _spaces(size: int) -> AmfValue:
    """Return what takes `size` bytes more than an empty string, which takes 3, in strings of limited length.

    A list takes 5 bytes and 3 for each of its strings.
    """
    if size <= _MAX_STRING:
        return " " * size
    count = -(-(size - 2) // (_MAX_STRING + 3))
    each, more = divmod(size - 2 - 3 * count, count)
    return [" " * (each + (number < more)) for number in range(count)]
