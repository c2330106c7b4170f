"""The onMetaData of a recording: written before anything is known, put right at the end in the same room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtmp.amf0 import AmfValue, EcmaArray, encode_all
from rtmp.commands import parse_values
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.messages import MessageType, Payload
from rtmp.seek_points import SeekPoints

ON_METADATA: Final = "onMetaData"
_PADDING: Final = "padding"
_MAX_PADDING: Final = 0xFFFF
_MAX_FOREIGN_SIZE: Final = 64 * 1024
_SLACK: Final = 512
"""Room for members that come late."""
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
    members: Mapping[str, AmfValue], duration_ms: int, file_size: int, points: SeekPoints, size: int
) -> bytes | None:
    """Return the body of an onMetaData of exactly `size` bytes, with as many of the key frames as fit.

    None if even without key frames there is no room for it.
    """
    known = {**members, "duration": duration_ms / 1000, "filesize": float(file_size)}
    known.pop("keyframes", None)
    times = [time_ms / 1000 for time_ms in points.times_ms]
    step = 1
    while len(times) >= step:
        key_frames: dict[str, AmfValue] = {"times": times[::step], "filepositions": points.positions[::step]}
        body = _pad({**known, "keyframes": key_frames}, size)
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
    extra = {} if padding is None else {_PADDING: " " * padding}
    return encode_all((ON_METADATA, EcmaArray({**members, **extra})))
