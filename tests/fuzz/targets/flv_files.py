"""FLV files: any bytes, and recordings of any messages, which every reader must take for the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from rtmp.aio.recording.flv_reader import FlvReader, read_tag
from rtmp.aio.recording.flv_scan import index_of, scan
from rtmp.errors import FlvError
from rtmp.flv_file import FlvHeader, FlvParser, FlvTag
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType
from rtmp.recording.flv_index import FlvIndex
from rtmp.recording.flv_metadata import parse_metadata
from rtmp.recording.flv_recording import FlvRecording
from tests.fuzz.targets import operations
from tests.fuzz.targets.chunks import cut
from tests.fuzz.targets.operations import Kind

_RECORDED = (MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0, MessageType.DATA_AMF3)
_SEEN = (MediaKind.KEY_FRAME, MediaKind.AUDIO)


def parse(pieces: Iterable[bytes]) -> tuple[list[FlvTag], str, int]:
    """Return the tags, the error, and the bytes that are no whole tag."""
    parser = FlvParser()
    tags: list[FlvTag] = []
    try:
        for piece in pieces:
            parser.feed(piece)
            while (tag := parser.next_tag()) is not None:
                tags.append(tag)
    except FlvError as error:
        return tags, str(error), 0
    return tags, "", parser.pending_size


def run_file(data: bytes) -> None:
    """Sizes of pieces, and a file."""
    sizes, content = data[:2], data[2:]
    tags, error, pending = parse((content,))
    for step in (sizes, b"\0"):
        assert parse(cut(content, step)) == (tags, error, pending)
    with _on_disk(content) as file:
        _check_reader(Path(str(file.name)), tags, error)
        try:
            index = scan(file)
        except FlvError:
            assert error or len(content) < FlvHeader().size
            return
        _check_index(file, index, tags)
        if not error and tags:
            assert index.end == len(content) - pending
    if tags:
        written = FlvHeader().serialize() + b"".join(tag.serialize() for tag in tags)
        assert parse((written,)) == (tags, "", 0)


def _check_reader(path: Path, tags: list[FlvTag], error: str) -> None:
    reader = FlvReader(path)
    found: list[FlvTag] = []
    try:
        reader.open()
        while more := reader.read():
            found.extend(more)
    except FlvError:
        assert error or not tags
    else:
        assert found == tags
        assert reader.stated_duration_ms() >= 0
    finally:
        reader.close()


def _check_index(file: FileIO, index: FlvIndex, tags: list[FlvTag]) -> None:
    points = index.seek_points
    assert points.times_ms == sorted(points.times_ms)
    assert points.positions == sorted(set(points.positions))
    for time_ms, position in zip(points.times_ms, points.positions, strict=True):
        tag = read_tag(file.fileno(), position)
        assert tag.timestamp_ms == time_ms
        assert media_kind(tag.type_id, tag.body) in _SEEN
    for position in index.headers_before(index.end):
        tag = read_tag(file.fileno(), position)
        assert media_kind(tag.type_id, tag.body).is_header
    assert index.duration_ms == max((tag.timestamp_ms for tag in tags), default=0)
    if index.metadata_position is not None:
        assert read_tag(file.fileno(), index.metadata_position).type_id == MessageType.DATA_AMF0


def known(file: FileIO, index: FlvIndex) -> tuple[object, ...]:
    """What a player takes from an index, which must be the same if the recorder wrote it.

    But for the order of headers: the recorder does not name one that comes again unchanged.
    """
    points = index.seek_points
    headers = [
        sorted(bytes(read_tag(file.fileno(), header).body) for header in index.headers_before(position))
        for position in (*points.positions, index.end)
    ]
    return points.times_ms, points.positions, headers, index.end, index.duration_ms


class _Disk:
    """A file that is being recorded, and what must be in it."""

    def __init__(self, max_key_frames: int) -> None:
        self.content = bytearray()
        self._max_key_frames = max_key_frames
        self._recording = FlvRecording(max_key_frames)
        self._media: list[tuple[int, bytes]] = []

    def add(self, type_id: int, time_ms: int, payload: bytes, *, fails: bool) -> None:
        """Record a message, or do so on a disk that is full after a part of it."""
        size = self._recording.size
        data = self._recording.add(type_id, time_ms, payload)
        assert self._recording.size == size + len(data)
        if fails:
            self._recording.take_back(size)
            self._finish()
            return
        self.content += data
        if payload and type_id in (MessageType.AUDIO, MessageType.VIDEO):
            self._media.append((type_id, payload))

    def append(self) -> None:
        """Finish the file, and go on with it."""
        self._finish()
        if not self.content:
            return
        with _on_disk(self.content) as file:
            index = scan(file)
            assert index.end == len(self.content)
            assert known(file, index_of(file)) == known(file, index)
            metadata = None
            if index.metadata_position is not None:
                metadata = read_tag(file.fileno(), index.metadata_position).body
        self._recording = FlvRecording(self._max_key_frames, index, metadata)

    def check(self) -> None:
        """Finish the file, and assert that it holds what was recorded, and says so."""
        duration_ms = self._recording.duration_ms
        self._finish()
        if not self.content:
            assert not self._media
            return
        tags, error, pending = parse((bytes(self.content),))
        assert (error, pending) == ("", 0)
        media = [(tag.type_id, bytes(tag.body)) for tag in tags if tag.type_id in _RECORDED[:2]]
        assert media == self._media
        assert duration_ms == max(tag.timestamp_ms for tag in tags) or duration_ms >= 1 << 32
        members = parse_metadata(tags[0].body)
        assert members is not None
        assert members["filesize"] == len(self.content)
        assert members["duration"] == duration_ms / 1000
        self._check_key_frames(members.get("keyframes"))

    def _check_key_frames(self, key_frames: object) -> None:
        if not isinstance(key_frames, dict):
            return
        positions = key_frames["filepositions"]
        assert len(positions) == len(key_frames["times"]) <= self._max_key_frames
        with _on_disk(self.content) as file:
            for time_s, position in zip(key_frames["times"], positions, strict=True):
                tag = read_tag(file.fileno(), int(position))
                assert media_kind(tag.type_id, tag.body) in _SEEN
                assert tag.timestamp_ms == round(time_s * 1000)

    def _finish(self) -> None:
        if not self.content:
            return
        del self.content[self._recording.size :]
        for position, patch in self._recording.finish():
            assert position + len(patch) <= len(self.content)
            self.content[position : position + len(patch)] = patch


@contextmanager
def _on_disk(content: bytes | bytearray) -> Iterator[FileIO]:
    with tempfile.NamedTemporaryFile(buffering=0) as file:
        file.write(content)
        assert isinstance(file.file, FileIO)
        yield file.file


def run_recording(data: bytes) -> None:
    """How many key frames are indexed, and operations: messages, times, full disks, and going on."""
    disk = _Disk(max(data[:1] or b"\0") + 2)
    time_ms = 0
    for step in operations.parse(data[1:]):
        if step.kind is Kind.TIME:
            time_ms = int.from_bytes(step.body[:4], "big")
        elif step.kind is Kind.LOCAL:
            disk.append()
        elif step.kind is Kind.MESSAGE:
            time_ms = (time_ms + (step.b >> 1) * 8) & 0xFFFFFFFF
            disk.add(_RECORDED[step.a % len(_RECORDED)], time_ms, step.body, fails=bool(step.b & 1))
    disk.check()
