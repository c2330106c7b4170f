"""Reads an FLV file. Everything here blocks, so it is for a thread: one call at a time."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import Final

from rtmp.amf0 import AmfValue
from rtmp.errors import FlvError
from rtmp.flv_file import (
    BACK_POINTER_SIZE,
    HEADER_SIZE,
    TAG_HEADER_SIZE,
    FlvHeader,
    FlvParser,
    FlvTag,
    FlvTagHeader,
    check_back_pointer,
)
from rtmp.flv_index import PREFIX_SIZE, FlvIndex
from rtmp.flv_metadata import parse_metadata
from rtmp.headers import MAX_HEADER_BYTES
from rtmp.media_kind import media_kind

_BLOCK: Final = 128 * 1024
_MAX_DURATION_S: Final = 2**32 / 1000  # of the time in a tag
_LOOK: Final = BACK_POINTER_SIZE + TAG_HEADER_SIZE + PREFIX_SIZE


def scan(file: FileIO) -> FlvIndex:
    """Walk over a file's tags, up to where it ends or one is cut. Raise OSError, FlvError if it is broken."""
    descriptor, size = file.fileno(), os.fstat(file.fileno()).st_size
    header = FlvHeader.parse(os.pread(descriptor, HEADER_SIZE, 0))
    index = FlvIndex(header.size + BACK_POINTER_SIZE)
    before: FlvTagHeader | None = None
    while True:
        look = os.pread(descriptor, _LOOK, index.end - BACK_POINTER_SIZE)
        if before is not None:
            check_back_pointer(before, look[:BACK_POINTER_SIZE])
        look = look[BACK_POINTER_SIZE:]
        if len(look) < TAG_HEADER_SIZE:
            return index
        before = FlvTagHeader.parse(look)
        if index.end + before.tag_size + BACK_POINTER_SIZE > size:
            return index
        index.add(before, _look_at_body(descriptor, index.end, before, look[TAG_HEADER_SIZE:]))


def _look_at_body(descriptor: int, position: int, header: FlvTagHeader, look: bytes) -> bytes:
    """Return of a tag's body what an index needs: all of a header, the beginning of others."""
    size = header.body_size
    if PREFIX_SIZE < size <= MAX_HEADER_BYTES and media_kind(header.type_id, look).is_header:
        return os.pread(descriptor, size, position + TAG_HEADER_SIZE)
    return look[:size]


def read_tag(file: FileIO, position: int) -> FlvTag:
    """Return the tag at a position of an index. Raise FlvError if there is none any more, OSError."""
    header = os.pread(file.fileno(), TAG_HEADER_SIZE, position)
    if len(header) == TAG_HEADER_SIZE:
        size = FlvTagHeader.parse(header).tag_size + BACK_POINTER_SIZE
        parser = FlvParser(at_tag=True)
        parser.feed(os.pread(file.fileno(), size, position))
        tag = parser.next_tag()
        if tag is not None:
            return tag
    raise FlvError(f"no FLV tag at {position}")


class FlvReader:
    """A file to be read tag by tag, from its beginning or from a position of its index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._is_closed = False
        self._index: FlvIndex | None = None
        self._parser = FlvParser()
        self._position = 0

    def open(self) -> FlvHeader:
        """Open the file. Raise OSError, and FlvError if it is not FLV."""
        if not self._path.is_file():  # opening a pipe would wait for its other end
            raise FileNotFoundError(f"no file {self._path.name}")
        self._file = FileIO(self._path)
        if self._is_closed:  # while this was under way
            self._file.close()
        return FlvHeader.parse(os.pread(self._file.fileno(), HEADER_SIZE, 0))

    def close(self) -> None:
        """Close the file; what a thread still reads fails."""
        self._is_closed = True
        if self._file is not None:
            self._file.close()

    def index(self) -> FlvIndex:
        """Return what is where, at first by a walk over the whole file. Raise FlvError, OSError."""
        if self._index is None:
            self._index = scan(self._open_file)
        return self._index

    def tag_at(self, position: int) -> FlvTag:
        """Return one tag; `read` goes on where it was. Raise FlvError, OSError."""
        return read_tag(self._open_file, position)

    def move_to(self, position: int) -> None:
        """Go on reading with the tag at a position of the index."""
        self._position = position
        self._parser = FlvParser(at_tag=True)

    def read(self) -> list[FlvTag]:
        """Return the next tags, none at the end of the file. Raise FlvError where it is broken, OSError."""
        while True:
            tags: list[FlvTag] = []
            try:
                while (tag := self._parser.next_tag()) is not None:
                    tags.append(tag)
            except FlvError:
                if not tags:
                    raise
            if tags:
                return tags
            block = os.pread(self._open_file.fileno(), _BLOCK, self._position)
            if not block:
                return []
            self._position += len(block)
            self._parser.feed(block)

    @property
    def _open_file(self) -> FileIO:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file


def read_duration_ms(path: Path) -> int:
    """Return how long a recording is: what its metadata say, else its last time. Raise OSError, FlvError."""
    reader = FlvReader(path)
    try:
        header = reader.open()
        if (duration := _stated_duration_s(reader, header.size + BACK_POINTER_SIZE)) > 0:
            return round(duration * 1000)
        return reader.index().duration_ms
    finally:
        reader.close()


def _stated_duration_s(reader: FlvReader, position: int) -> float:
    try:
        members = parse_metadata(reader.tag_at(position).body) or {}
    except FlvError:
        return 0.0
    value: AmfValue = members.get("duration")
    return float(value) if isinstance(value, int | float) and 0 < value < _MAX_DURATION_S else 0.0
