"""Finds out what is where in an FLV file. Everything here blocks, so it is for a thread.

A walk over a file takes some 5 µs a tag, half a minute for a day of live media, with the interpreter's lock
held for most of it. So walks have rests, and all threads that walk take turns: however much is looked for in
however many files, the loop has about half of the time.
"""

from __future__ import annotations

import os
import threading
import time
from io import FileIO
from typing import Final

from rtmp.errors import FlvError
from rtmp.flv_file import (
    BACK_POINTER_SIZE,
    HEADER_SIZE,
    TAG_HEADER_SIZE,
    FlvHeader,
    FlvTagHeader,
    check_back_pointer,
)
from rtmp.headers import MAX_HEADER_BYTES
from rtmp.media_kind import PREFIX_SIZE, media_kind
from rtmp.recording.flv_index import FlvIndex
from rtmp.recording.flv_metadata import StatedIndex

_LOOK: Final = BACK_POINTER_SIZE + TAG_HEADER_SIZE + PREFIX_SIZE
_SLICE: Final = 400
"""Tags between two rests: about 2 ms."""
_REST_S: Final = 0.002
_MAX_STATED: Final = 128 * 1024

_turn = threading.Lock()


class ScanStopped(Exception):  # noqa: N818 - named for what happened
    """Nobody wants the index any more."""


def index_of(file: FileIO, stop: threading.Event | None = None) -> FlvIndex:
    """Return what is where: what our recorder wrote into the file if that is true, else what a walk finds.

    Raises OSError, FlvError if the file is broken, and ScanStopped soon after `stop` is set.
    """
    return stated_index(file) or scan(file, stop)


def scan(file: FileIO, stop: threading.Event | None = None) -> FlvIndex:
    """Walk over a file's tags, up to where it ends or one is cut. Raises as `index_of`."""
    size = os.fstat(file.fileno()).st_size
    header = FlvHeader.parse(os.pread(file.fileno(), HEADER_SIZE, 0))
    index = FlvIndex(header.size + BACK_POINTER_SIZE)
    walk = _Walk(file, size, index)
    while True:
        with _turn:
            if not walk.take(_SLICE):
                return index
            time.sleep(_REST_S)
        if stop is not None and stop.is_set():
            raise ScanStopped
        time.sleep(0)  # another thread's turn


class _Walk:
    """Adds a file's tags to an index, one after the other."""

    def __init__(self, file: FileIO, size: int, index: FlvIndex) -> None:
        self._file = file
        self._size = size
        self._index = index
        self._before: FlvTagHeader | None = None

    def take(self, count: int) -> bool:
        """Add some tags; return whether there may be more."""
        index, descriptor = self._index, self._file.fileno()
        for _ in range(count):
            look = os.pread(descriptor, _LOOK, index.end - BACK_POINTER_SIZE)
            if self._before is not None:
                check_back_pointer(self._before, look[:BACK_POINTER_SIZE])
            look = look[BACK_POINTER_SIZE:]
            if len(look) < TAG_HEADER_SIZE:
                return False
            header = self._before = FlvTagHeader.parse(look)
            if index.end + header.tag_size + BACK_POINTER_SIZE > self._size:
                return False
            index.add(header, _look_at_body(descriptor, index.end, header, look[TAG_HEADER_SIZE:]))
        return True


def _look_at_body(descriptor: int, position: int, header: FlvTagHeader, look: bytes) -> bytes:
    """Return of a tag's body what an index needs: all of a header, the beginning of others."""
    size = header.body_size
    if PREFIX_SIZE < size <= MAX_HEADER_BYTES and media_kind(header.type_id, look).is_header:
        return os.pread(descriptor, size, position + TAG_HEADER_SIZE)
    return look[:size]


def stated_index(file: FileIO) -> FlvIndex | None:
    """Return the index that our recorder left in a file's metadata; None if there is none, or it is not true.

    Raises OSError, FlvError if this is no FLV file.
    """
    size = os.fstat(file.fileno()).st_size
    file_header = FlvHeader.parse(os.pread(file.fileno(), HEADER_SIZE, 0))
    first = file_header.size + BACK_POINTER_SIZE
    data = os.pread(file.fileno(), _MAX_STATED, first)
    try:
        body = data[TAG_HEADER_SIZE : FlvTagHeader.parse(data[:TAG_HEADER_SIZE]).tag_size]
        stated = StatedIndex.parse(body)
        if stated is None or stated.file_size != size:
            return None
        if not stated.times_ms:
            return None  # a player begins at sound, then, which nothing states
        index = FlvIndex(first)
        for position in [first, *sorted(stated.positions + stated.headers)]:
            _add_at(file, position, index)
    except (FlvError, IndexError):
        return None
    points = index.seek_points
    found = (points.times_ms, points.positions, index.header_positions)
    if not index.has_video or found != (stated.times_ms, stated.positions, stated.headers):
        return None
    index.end = size
    index.duration_ms = max(index.duration_ms, stated.duration_ms)
    index.has_audio, index.has_video = file_header.has_audio, file_header.has_video
    return index


def _add_at(file: FileIO, position: int, index: FlvIndex) -> None:
    look = os.pread(file.fileno(), TAG_HEADER_SIZE + PREFIX_SIZE, position)
    header = FlvTagHeader.parse(look)
    index.end = position
    behind = os.pread(file.fileno(), BACK_POINTER_SIZE, position + header.tag_size)
    if len(behind) < BACK_POINTER_SIZE:
        raise FlvError("an index that leads out of the file")
    check_back_pointer(header, behind)
    index.add(header, _look_at_body(file.fileno(), position, header, look[TAG_HEADER_SIZE:]))
