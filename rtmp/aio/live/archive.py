"""The recordings of a live application: what is being written, and what can be played."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rtmp.aio.recorder import OnRecordStatus, Recorder
from rtmp.aio.recording_file import RecorderConfig, RecordMode
from rtmp.aio.recordings import Recordings
from rtmp.relay.names import StreamName


class LiveArchive:
    """Makes recorders, and sees to it that a file is whole before it is written again."""

    def __init__(self, recordings: Recordings, config: RecorderConfig) -> None:
        self._recordings = recordings
        self._config = config
        self._finishing: dict[Path, asyncio.Task[None]] = {}

    async def find(self, name: StreamName) -> Path | None:
        """Return the file of a stream, None if there is none. Raises InvalidStreamName."""
        return await self._recordings.find(name.app, name.name)

    async def length_s(self, name: StreamName) -> float:
        """Return how long a recording is, 0 if there is none. Raises InvalidStreamName."""
        return (await self._recordings.duration_ms(name.app, name.name) or 0) / 1000

    async def place(self, name: StreamName) -> Path:
        """Return where to record a stream, once nothing is written there. Raises InvalidStreamName."""
        path = await self._recordings.path(name.app, name.name)
        if (task := self._finishing.get(path)) is not None:
            await asyncio.shield(task)
        return path

    def record(self, path: Path, mode: RecordMode, on_status: OnRecordStatus) -> Recorder:
        """Return a recorder that has started."""
        recorder = Recorder(path, mode, on_status, self._config)
        recorder.start()
        return recorder

    def finish(self, path: Path, recorder: Recorder) -> None:
        """Have a recording finished in the background."""

        async def finish() -> None:
            await recorder.finish()
            self._finishing.pop(path, None)

        self._finishing[path] = asyncio.get_running_loop().create_task(finish(), name=f"finish {path.name}")

    async def wait_finished(self) -> None:
        """Wait until the files of all recordings that have ended are whole."""
        await asyncio.gather(*self._finishing.values())
