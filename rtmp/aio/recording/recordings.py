"""The directory below which recordings lie."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rtmp.aio.recording.flv_indexes import SHARED
from rtmp.aio.recording.flv_reader import FlvReader
from rtmp.errors import FlvError, InvalidStreamName
from rtmp.recording.recording_name import recording_path


class Recordings:
    """Finds the files of streams below `root`, which need not exist yet. The disk is asked in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def path(self, app: str, name: str) -> Path:
        """Return where the recording of a stream is, or would be.

        Raises InvalidStreamName if no file may be called so, or if symbolic links lead out of the root.
        """
        return await asyncio.to_thread(self._locate, app, name)

    async def find(self, app: str, name: str) -> Path | None:
        """Return the file of a recording, None if there is none. Raises as `path`."""
        path = await self.path(app, name)
        return path if await asyncio.to_thread(path.is_file) else None

    async def duration_ms(self, app: str, name: str) -> int | None:
        """Return how long a recording is, None if there is none that can be read. Raises as `path`."""
        path = await self.path(app, name)
        try:
            return await duration_ms(path)
        except (OSError, FlvError):
            return None

    def _locate(self, app: str, name: str) -> Path:
        shown = name.partition("?")[0][:60]  # the query may hold a key
        try:
            root = self._root.resolve()
            path = (root / recording_path(app, name)).resolve()
        except (OSError, RuntimeError) as error:  # a circle of links
            raise InvalidStreamName(f"{shown!r} cannot be resolved") from error
        if not path.is_relative_to(root):
            raise InvalidStreamName(f"{shown!r} leads out of the directory of recordings")
        return path


async def duration_ms(path: Path) -> int:
    """Return how long a recording is: what its metadata say, else its last time. Raise OSError, FlvError."""
    reader = FlvReader(path)
    try:
        await asyncio.to_thread(reader.open)
        if stated_ms := await asyncio.to_thread(reader.stated_duration_ms):
            return stated_ms
        return (await SHARED.get(reader.duplicate())).duration_ms
    finally:
        reader.close()
