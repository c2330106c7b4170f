"""A published stream as an FLV file: what to append for each message, and what to put right at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rtmp.amf0 import AmfValue, encode_all
from rtmp.commands import parse_values
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.flv_file import FIRST_TAG, FlvHeader, FlvTag
from rtmp.headers import MAX_HEADERS, HeaderKeeper
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType, Payload, milliseconds_between
from rtmp.recording.flv_index import FlvIndex
from rtmp.recording.flv_metadata import (
    fit_metadata,
    metadata_members,
    parse_metadata,
    reserve_metadata,
    without_lengths,
)
from rtmp.recording.seek_points import SeekPoints

_APPEND_GAP_MS: Final = 40
"""From the last tag of a file to the first one appended: about a frame, whose length nobody knows."""

_SET_DATA_FRAME, _CLEAR_DATA_FRAME = "@setDataFrame", "@clearDataFrame"
_DATA_TYPES: Final = (MessageType.DATA_AMF0, MessageType.DATA_AMF3)


class RecordingTime:
    """Turns the publisher's times into the file's: the first frame's becomes `begin_ms`.

    Headers may come with any time, 0 as a rule, so they do not count as the first.
    """

    def __init__(self, begin_ms: int = 0) -> None:
        self._begin_ms = begin_ms
        self._first_ms: int | None = None
        self._last_ms = 0

    def place(self, timestamp_ms: int, *, is_frame: bool) -> int:
        """Return the time in the file of a message with this time modulo 2^32."""
        if self._first_ms is None:
            if not is_frame:
                return self._begin_ms
            self._first_ms = self._last_ms = timestamp_ms
        # the nearer way round, so that both a wrap and a step back are what they are
        difference = milliseconds_between(self._last_ms, timestamp_ms)
        time_ms = self._last_ms + difference
        if is_frame:
            self._last_ms = time_ms
        return max(self._begin_ms + time_ms - self._first_ms, self._begin_ms)


class HeaderPositions:
    """Where a file has headers that are not the same as before; None if there are too many to name."""

    def __init__(self, positions: Sequence[int] = ()) -> None:
        self.positions = list(positions) if len(positions) <= MAX_HEADERS else None
        self._newest = HeaderKeeper[bytes]()

    def add(self, kind: MediaKind, payload: Payload, position: int) -> None:
        """Note a message at a position."""
        if self.positions is None or not kind.is_header or self._newest.get(kind, payload) == payload:
            return
        if self._newest.put(kind, payload, bytes(payload)) and len(self.positions) < MAX_HEADERS:
            self.positions.append(position)
        else:
            self.positions = None

    def cut(self, position: int) -> None:
        """Forget what is at a position and beyond."""
        if self.positions is not None and any(each >= position for each in self.positions):
            self.positions = [each for each in self.positions if each < position]
            self._newest.clear()  # the one that is gone may come again


class FlvRecording:
    """A file that grows at its end. `size` and `duration_ms` are the file's with all that was returned.

    To go on with a file give its index, and the body of its onMetaData if it has one: then that is put right
    as far as its room allows. Key frames beyond `max_key_frames` make the index of the file coarser.
    """

    def __init__(
        self, max_key_frames: int = 500, existing: FlvIndex | None = None, metadata: Payload | None = None
    ) -> None:
        self.size = existing.end if existing else 0
        self.duration_ms = existing.duration_ms if existing else 0
        self._has_audio = existing.has_audio if existing else False
        self._has_video = existing.has_video if existing else False
        self._before = (self.duration_ms, self._has_audio, self._has_video)
        self._time = RecordingTime(self.duration_ms + _APPEND_GAP_MS if existing else 0)
        self._key_frames = SeekPoints(max_key_frames)
        self._headers = HeaderPositions()
        self._max_key_frames = max_key_frames
        self._metadata: Mapping[str, AmfValue] | None = None
        self._metadata_position = FIRST_TAG
        self._metadata_size = 0
        if existing is not None:
            self._headers = HeaderPositions(existing.header_positions)
            points = existing.key_frames
            for point in zip(points.times_ms, points.positions, strict=True):
                self._key_frames.add(*point)
            if metadata is not None and existing.metadata_position is not None:
                self._metadata = parse_metadata(metadata)
                self._metadata_position = existing.metadata_position
                self._metadata_size = len(metadata)

    def add(self, type_id: int, timestamp_ms: int, payload: Payload) -> bytes:
        """Return what to append to the file for a message, which may be nothing.

        The metadata that a publisher sends before all else goes into the file's first tag.
        """
        self._before = (self.duration_ms, self._has_audio, self._has_video)
        if type_id in _DATA_TYPES:
            return self._add_data(type_id, timestamp_ms, payload)
        if type_id not in (MessageType.AUDIO, MessageType.VIDEO) or not payload:
            return b""
        kind = media_kind(type_id, payload)
        begin = self._begin()
        time_ms = self._time.place(timestamp_ms, is_frame=not kind.is_header)
        self._has_audio |= type_id == MessageType.AUDIO
        self._has_video |= type_id == MessageType.VIDEO
        self._headers.add(kind, payload, self.size)
        if kind is MediaKind.KEY_FRAME:
            self._key_frames.add(time_ms, self.size)
        return begin + self._tag(type_id, time_ms, payload)

    def take_back(self, size: int) -> None:
        """Note that the file did not get beyond this size, with what the last call returned."""
        self.size = size
        self.duration_ms, self._has_audio, self._has_video = self._before
        self._key_frames.cut(size)
        self._headers.cut(size)

    def finish(self) -> list[tuple[int, bytes]]:
        """Return what to overwrite in the file now that all is known: pairs of position and bytes.

        These are what the header says is in the file, and the metadata's duration, size and key frames.
        """
        patches = [(0, FlvHeader(self._has_audio, self._has_video).serialize()[:5])]
        if self._metadata_size:
            body = self._fitting_metadata(self._metadata or {}) or self._fitting_metadata({})
            if body is not None:
                tag = FlvTag(MessageType.DATA_AMF0, 0, body).serialize()
                patches.append((self._metadata_position, tag))
        return patches

    def _fitting_metadata(self, members: Mapping[str, AmfValue]) -> bytes | None:
        return fit_metadata(
            members,
            self.duration_ms,
            self.size,
            self._key_frames,
            self._metadata_size,
            self._headers.positions,
        )

    def _begin(self) -> bytes:
        if self.size:
            return b""
        header = FlvHeader().serialize()
        self.size = len(header)
        body = reserve_metadata(self._metadata or {}, self._max_key_frames)
        self._metadata_size = len(body)
        return header + self._tag(MessageType.DATA_AMF0, 0, body)

    def _tag(self, type_id: int, time_ms: int, body: Payload) -> bytes:
        tag = FlvTag(type_id, time_ms, body).serialize()
        self.size += len(tag)
        self.duration_ms = max(self.duration_ms, time_ms)
        return tag

    def _add_data(self, type_id: int, timestamp_ms: int, payload: Payload) -> bytes:
        try:
            values = parse_values(type_id, payload)
            if values and values[0] == _SET_DATA_FRAME:
                values = values[1:]
            body = encode_all(values)
        except (AmfDecodeError, AmfEncodeError):
            return b""  # nobody could read it
        if not values or values[0] == _CLEAR_DATA_FRAME:
            return b""
        members = metadata_members(values)
        if members is not None and self._metadata is None:
            self._metadata = members
            if not self.size:
                return b""
        if members is not None:
            body = encode_all([values[0], without_lengths(members), *values[2:]])
        begin = self._begin()
        return begin + self._tag(MessageType.DATA_AMF0, self._time.place(timestamp_ms, is_frame=False), body)
