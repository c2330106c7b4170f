"""Where a player is in its file: the tags that come next, read ahead in a thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from rtmp.aio.recording.flv_indexes import SHARED, FlvIndexes
from rtmp.aio.recording.flv_reader import FlvReader
from rtmp.errors import FlvError
from rtmp.flv_file import FlvTag
from rtmp.media_kind import MediaKind, media_kind
from rtmp.recording.flv_index import FlvIndex


class Beginning(NamedTuple):
    """A place to begin at, and the metadata and headers that belong before it, with its time."""

    time_ms: int = 0
    position: int = 0
    headers: tuple[FlvTag, ...] = ()


START_OF_FILE = Beginning()


_PICTURES: Final = (MediaKind.KEY_FRAME, MediaKind.AUDIO)


class FileCursor:
    """The tags of a file from some place on. One coroutine at a time; all may raise OSError and FlvError."""

    def __init__(self, path: Path, indexes: FlvIndexes = SHARED) -> None:
        self.tags: deque[FlvTag] = deque()
        self.at_end = False
        self._reader = FlvReader(path)
        self._indexes = indexes
        self._index: FlvIndex | None = None
        self._after_ms = -1.0

    async def open(self) -> None:
        """Open the file."""
        await asyncio.to_thread(self._reader.open)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    async def read(self) -> None:
        """Add the next tags to `tags`: a block's worth, perhaps none; or note that the file is at its end."""
        tags = await asyncio.to_thread(self._reader.read)
        self.at_end = not tags
        self.tags.extend(tag for tag in tags if tag.timestamp_ms > self._after_ms)

    async def take_picture(self) -> list[FlvTag]:
        """Read, and return the tags up to the first key frame, or else the first sound."""
        await self.read()
        taken: list[FlvTag] = []
        while self.tags:
            taken.append(self.tags.popleft())
            if media_kind(taken[-1].type_id, taken[-1].body) in _PICTURES:
                break
        return taken

    @property
    def bytes_read(self) -> int:
        """Bytes of the file that were read, some perhaps several times."""
        return self._reader.bytes_read

    async def duration_ms(self) -> int:
        """Return the last time in the file."""
        return (await self._find_index()).duration_ms

    async def find(self, position_ms: float) -> Beginning:
        """Return the key frame, or else the audio, at or before a time."""
        index = await self._find_index()
        point = index.seek_points.at_or_before(position_ms)
        if point is None:
            raise FlvError("there is nothing to begin at")
        time_ms, position = point
        places = index.headers_before(position)
        if index.metadata_position is not None and index.metadata_position < position:
            places.insert(0, index.metadata_position)
        tags = [await asyncio.to_thread(self._reader.tag_at, place) for place in places]
        return Beginning(time_ms, position, tuple(replace(tag, timestamp_ms=time_ms) for tag in tags))

    def begin(self, beginning: Beginning) -> None:
        """Have the headers, and what follows the place, come next."""
        self._move(beginning.position, beginning.headers)

    def go_back(self, beginning: Beginning, after_ms: float) -> None:
        """Have what follows the place and is later than `after_ms` come next, without the headers."""
        self._move(beginning.position, (), after_ms)

    async def _find_index(self) -> FlvIndex:
        if self._index is None:
            self._index = await self._indexes.get(self._reader.duplicate())
        return self._index

    def _move(self, position: int, tags: Iterable[FlvTag], after_ms: float = -1.0) -> None:
        self._reader.move_to(position)
        self.tags = deque(tags)
        self.at_end = False
        self._after_ms = after_ms
