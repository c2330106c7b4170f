"""The recordings of a live application: what is being written, and what can be played."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rtmp.aio.live.requests import Refused
from rtmp.aio.recording.recorder import OnRecordStatus, Recorded, Recorder
from rtmp.aio.recording.recording_file import RecorderConfig, RecordMode
from rtmp.aio.recording.recordings import Recordings
from rtmp.relay.names import StreamName


class LiveArchive:
    """Makes recorders, at most `max_recordings`, and sees to it that each file has one of them at a time.

    Streams of several names may have one file (`cam`, `cam.flv`): the first one has it until it ends. A
    stream that is published again has its file to itself once what was recorded before is whole.
    """

    def __init__(self, recordings: Recordings, config: RecorderConfig, max_recordings: int) -> None:
        self._recordings = recordings
        self._config = config
        self._max_recordings = max_recordings
        self._is_closed = False
        self._count = 0
        self._recorded: dict[Path, str] = {}
        """The stream that each file is written for now."""
        self._finishing: dict[Path, asyncio.Task[Recorded | None]] = {}
        """What ends with the file as whole as it will be; of several for one file the last."""
        self._starting: set[asyncio.Task[None]] = set()

    async def find(self, name: StreamName) -> Path | None:
        """Return the file of a stream, None if there is none. Raises InvalidStreamName."""
        return await self._recordings.find(name.app, name.name)

    async def length_s(self, name: StreamName) -> float:
        """Return how long a recording is, 0 if there is none. Raises InvalidStreamName."""
        return (await self._recordings.duration_ms(name.app, name.name) or 0) / 1000

    async def place(self, name: StreamName) -> Path:
        """Return where to `record` a stream, at once.

        Raises InvalidStreamName, and Refused if another stream is recorded there or too many are, and after
        `close`.
        """
        path = await self._recordings.path(name.app, name.name)
        if self._is_closed:
            raise Refused("nothing is recorded any more")
        user = self._recorded.get(path)
        # whether a stream may be published twice is for others to say: the second ends the first
        if user is not None and user != str(name):
            raise Refused(f"{name} would be recorded in the file of {user}, which is being recorded")
        if user is None and self._count >= self._max_recordings:
            raise Refused(f"{self._max_recordings} streams are being recorded already")
        return path

    def record(self, name: StreamName, path: Path, mode: RecordMode, on_status: OnRecordStatus) -> Recorder:
        """Return a recorder for the file, which nobody else may be writing; it starts as soon as it can."""
        recorder = Recorder(path, mode, on_status, self._config)
        if (before := self._finishing.get(path)) is None:
            recorder.start()
        else:
            task = asyncio.get_running_loop().create_task(self._start_after(before, recorder))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
        self._recorded[path] = str(name)
        self._count += 1
        return recorder

    def finish(self, path: Path, recorder: Recorder) -> None:
        """Have a recording finished in the background."""
        del self._recorded[path]
        task = asyncio.get_running_loop().create_task(recorder.finish(), name=f"finish {path.name}")
        self._finishing[path] = task
        task.add_done_callback(lambda done: self._finished(path, done))

    def close(self) -> None:
        """Record nothing new."""
        self._is_closed = True

    async def wait_finished(self) -> None:
        """Wait until the files of all recordings that have ended are whole."""
        await asyncio.gather(*self._finishing.values())

    async def _start_after(self, before: asyncio.Task[Recorded | None], recorder: Recorder) -> None:
        await asyncio.wait((before,))
        recorder.start()

    def _finished(self, path: Path, task: asyncio.Task[Recorded | None]) -> None:
        self._count -= 1
        if self._finishing.get(path) is task:
            del self._finishing[path]
