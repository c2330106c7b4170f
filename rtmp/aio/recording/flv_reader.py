"""Reads an FLV file. Everything here blocks, so it is for a thread: one call at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from rtmp.amf0 import AmfValue
from rtmp.errors import FlvError
from rtmp.flv_file import (
    BACK_POINTER_SIZE,
    FIRST_TAG,
    HEADER_SIZE,
    TAG_HEADER_SIZE,
    FlvHeader,
    FlvParser,
    FlvTag,
    FlvTagHeader,
)
from rtmp.recording.flv_metadata import parse_metadata

_BLOCK: Final = 128 * 1024
_MAX_DURATION_S: Final = 2**32 / 1000  # of the time in a tag


def read_tag(descriptor: int, position: int) -> FlvTag:
    """Return the tag at a position of an index. Raise FlvError if there is none any more, OSError."""
    header = os.pread(descriptor, TAG_HEADER_SIZE, position)
    if len(header) == TAG_HEADER_SIZE:
        size = FlvTagHeader.parse(header).tag_size + BACK_POINTER_SIZE
        parser = FlvParser(at_tag=True)
        parser.feed(os.pread(descriptor, size, position))
        tag = parser.next_tag()
        if tag is not None:
            return tag
    raise FlvError(f"no FLV tag at {position}")


class FlvReader:
    """A file to be read tag by tag, from its beginning or from a position of its index.

    `close` may be called at any time, from any thread: what is under way there goes on, and only then is the
    file closed. Otherwise its descriptor might become that of another file in the middle of a call.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._is_closed = False
        self._is_used = False
        self._lock = threading.Lock()
        self.bytes_read = 0
        self._parser = FlvParser()
        self._first_tag = FIRST_TAG
        self._position = 0

    def open(self) -> FlvHeader:
        """Open the file. Raise OSError, and FlvError if it is not FLV."""
        if not self._path.is_file():  # opening a pipe would wait for its other end
            raise FileNotFoundError(f"no file {self._path.name}")
        file = FileIO(self._path)
        with self._lock:
            if self._is_closed:  # while this was under way
                file.close()
            self._file = file
        with self._using() as descriptor:
            header = FlvHeader.parse(os.pread(descriptor, HEADER_SIZE, 0))
        self._first_tag = header.size + BACK_POINTER_SIZE
        return header

    def close(self) -> None:
        """Close the file; what is called later raises ValueError."""
        with self._lock:
            self._is_closed = True
            if self._file is not None and not self._is_used:
                self._file.close()

    def duplicate(self) -> FileIO:
        """Return the same file, opened once more."""
        with self._using() as descriptor:
            return FileIO(os.dup(descriptor))

    def tag_at(self, position: int) -> FlvTag:
        """Return one tag; `read` goes on where it was. Raise FlvError, OSError."""
        with self._using() as descriptor:
            tag = read_tag(descriptor, position)
        self.bytes_read += tag.file_size
        return tag

    def stated_duration_ms(self) -> int:
        """Return how long its metadata say that the file is, 0 if they do not. Raise OSError."""
        try:
            members = parse_metadata(self.tag_at(self._first_tag).body) or {}
        except FlvError:
            return 0
        value: AmfValue = members.get("duration")
        if isinstance(value, int | float) and 0 < value < _MAX_DURATION_S:
            return round(value * 1000)
        return 0

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
            with self._using() as descriptor:
                block = os.pread(descriptor, _BLOCK, self._position)
            if not block:
                return []
            self._position += len(block)
            self.bytes_read += len(block)
            self._parser.feed(block)

    @contextmanager
    def _using(self) -> Iterator[int]:
        with self._lock:
            if self._file is None or self._is_closed:
                raise ValueError("the file is not open")
            self._is_used = True
        try:
            yield self._file.fileno()
        finally:
            with self._lock:
                self._is_used = False
                if self._is_closed:
                    self._file.close()
