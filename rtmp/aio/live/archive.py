"""The recordings of a live application: what is being written, and what can be played."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rtmp.aio.live.quota import Quota
from rtmp.aio.live.requests import LiveLimits, Refused
from rtmp.aio.recording.recorder import OnRecordStatus, Recorded, Recorder
from rtmp.aio.recording.recording_file import RecorderConfig, RecordMode
from rtmp.aio.recording.recordings import Recordings
from rtmp.relay.names import StreamName


@dataclass(frozen=True, slots=True)
class _Use:
    """What a file is written for."""

    name: str
    address: str


class LiveArchive:
    """Makes recorders, as many as there may be, and sees to it that each file has one of them at a time.

    Streams of several names may have one file (`cam`, `cam.flv`): the first one has it until it ends. A
    stream that is published again has its file to itself once what was recorded before is whole.
    """

    def __init__(self, recordings: Recordings, config: RecorderConfig, limits: LiveLimits) -> None:
        self._recordings = recordings
        self._config = config
        self._quota = Quota("recordings under way", limits.max_recordings, limits.max_recordings_per_address)
        self._is_closed = False
        self._recorded: dict[Path, _Use] = {}
        """What each file is written for now."""
        self._finishing: dict[Path, asyncio.Task[Recorded | None]] = {}
        """What ends with the file as whole as it will be; of several for one file the last."""
        self._starting: set[asyncio.Task[None]] = set()

    async def find(self, name: StreamName) -> Path | None:
        """Return the file of a stream, None if there is none. Raises InvalidStreamName."""
        return await self._recordings.find(name.app, name.name)

    async def length_s(self, name: StreamName) -> float:
        """Return how long a recording is, 0 if there is none. Raises InvalidStreamName."""
        return (await self._recordings.duration_ms(name.app, name.name) or 0) / 1000

    async def place(self, name: StreamName, address: str) -> Path:
        """Return where to `record` a stream of somebody at an address, at once.

        Raises InvalidStreamName, and Refused if another stream is recorded there or too many are, and after
        `close`.
        """
        path = await self._recordings.path(name.app, name.name)
        if self._is_closed:
            raise Refused("nothing is recorded any more")
        use = self._recorded.get(path)
        # whether a stream may be published twice is for others to say: the second ends the first
        if use is None:
            self._quota.check(address)
        elif use.name != str(name):
            raise Refused(f"{name} would be recorded in the file of {use.name}, which is being recorded")
        return path

    def record(
        self,
        name: StreamName,
        address: str,
        path: Path,
        mode: RecordMode,
        on_status: OnRecordStatus | None = None,
    ) -> Recorder:
        """Return a recorder for the file, which nobody else may be writing; it starts as soon as it can."""
        recorder = Recorder(path, mode, on_status, self._config)
        if (before := self._finishing.get(path)) is None:
            recorder.start()
        else:
            task = asyncio.get_running_loop().create_task(self._start_after(before, recorder))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
        self._recorded[path] = _Use(str(name), address)
        self._quota.add(address)
        return recorder

    def finish(self, path: Path, recorder: Recorder) -> None:
        """Have a recording finished in the background."""
        address = self._recorded.pop(path).address
        task = asyncio.get_running_loop().create_task(recorder.finish(), name=f"finish {path.name}")
        self._finishing[path] = task
        task.add_done_callback(lambda done: self._finished(path, address, done))

    def close(self) -> None:
        """Record nothing new."""
        self._is_closed = True

    async def wait_finished(self) -> None:
        """Wait until the files of all recordings that have ended are whole."""
        await asyncio.gather(*self._finishing.values())

    async def _start_after(self, before: asyncio.Task[Recorded | None], recorder: Recorder) -> None:
        await asyncio.wait((before,))
        recorder.start()

    def _finished(self, path: Path, address: str, task: asyncio.Task[Recorded | None]) -> None:
        self._quota.give_back(address)
        if self._finishing.get(path) is task:
            del self._finishing[path]
