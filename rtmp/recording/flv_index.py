"""What is where in an FLV file, as found by walking over its tags."""

from __future__ import annotations

from typing import Final

from rtmp.flv_file import BACK_POINTER_SIZE, FIRST_TAG, FlvTagHeader
from rtmp.headers import HeaderKeeper, HeaderPlace, header_place
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType, Payload
from rtmp.recording.seek_points import SeekPoints

_MAX_POINTS: Final = 50_000
_MAX_HEADERS: Final = 1000
_SIZE, _SIZE_OF_POINT, _SIZE_OF_HEADER = 2000, 80, 250
_AUDIO_SPACING_MS: Final = 1000
_METADATA: Final = b"\x02\x00\x0aonMetaData"  # the AMF0 string


class FlvIndex:
    """Seek points, decoder headers, metadata and length of a file.

    `end` is where the last whole tag ends, which is where another may be appended.
    """

    def __init__(self, first_tag: int = FIRST_TAG) -> None:
        self.end = first_tag
        self.duration_ms = 0
        self.metadata_position: int | None = None
        self.has_audio = False
        self.has_video = False
        self._headers: list[tuple[int, HeaderPlace, int]] = []
        self._key_frames = SeekPoints(_MAX_POINTS)
        self._audio = SeekPoints(_MAX_POINTS)

    def add(self, header: FlvTagHeader, prefix: Payload) -> None:
        """Note the tag at `end`, of whose body `prefix` is the beginning, `media_kind.PREFIX_SIZE` bytes."""
        position, time_ms = self.end, header.timestamp_ms
        self.end += header.tag_size + BACK_POINTER_SIZE
        self.duration_ms = max(self.duration_ms, time_ms)
        self.has_audio |= header.type_id == MessageType.AUDIO
        self.has_video |= header.type_id == MessageType.VIDEO
        if header.type_id not in (MessageType.AUDIO, MessageType.VIDEO):
            is_metadata = header.type_id == MessageType.DATA_AMF0 and prefix[: len(_METADATA)] == _METADATA
            if is_metadata and self.metadata_position is None:
                self.metadata_position = position
            return
        kind = media_kind(header.type_id, prefix)
        place = header_place(kind, prefix)
        if place is not None:
            if len(self._headers) < _MAX_HEADERS:
                self._headers.append((position, place, header.body_size))
        elif kind is MediaKind.KEY_FRAME:
            self._key_frames.add(time_ms, position)
        elif kind is MediaKind.AUDIO and self._is_spaced(time_ms):
            self._audio.add(time_ms, position)

    @property
    def key_frames(self) -> SeekPoints:
        """The key frames."""
        return self._key_frames

    @property
    def seek_points(self) -> SeekPoints:
        """The key frames, or without any the audio at about every second."""
        return self._key_frames if len(self._key_frames) else self._audio

    @property
    def header_positions(self) -> list[int]:
        """Where headers are, in file order."""
        return [position for position, _, _ in self._headers]

    @property
    def memory_size(self) -> int:
        """Bytes that it takes in memory, roughly."""
        points = len(self._key_frames) + len(self._audio)
        return _SIZE + points * _SIZE_OF_POINT + len(self._headers) * _SIZE_OF_HEADER

    def headers_before(self, position: int) -> list[int]:
        """Return where the headers are that a decoder needs for what begins at `position`, in file order."""
        latest = HeaderKeeper[int]()
        for at, place, size in self._headers:
            if at < position:
                latest.put_at(place, size, at)
        return sorted(latest)

    def _is_spaced(self, time_ms: int) -> bool:
        times = self._audio.times_ms
        return not times or time_ms - times[-1] >= _AUDIO_SPACING_MS
