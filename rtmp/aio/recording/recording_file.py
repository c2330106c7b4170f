"""The file of a recording that is being made. Everything here blocks: it is for the recorder's thread.

A new recording grows under a hidden name beside the old one and takes its place when it is done. So a player
never meets half a file, a recording that fails at once costs nothing, and what a process leaves that dies is
still there, as `.NAME.….part`. (Flash Media Server empties the old file at once.) Appending is done in the
file itself: a copy would cost as much as the file is long, and the metadata stay true of what was there.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from dataclasses import dataclass
from enum import Enum
from io import FileIO
from pathlib import Path

from rtmp.aio.recording.flv_reader import read_tag
from rtmp.aio.recording.flv_scan import index_of
from rtmp.errors import RecordingFull
from rtmp.messages import Payload
from rtmp.recording.flv_recording import FlvRecording


class RecordMode(Enum):
    """What becomes of a recording that is there already; the values are the kinds of `publish`."""

    RECORD = "record"
    APPEND = "append"


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """Bounds of a recording: of its file, and of what waits in memory for a slow disk."""

    max_bytes: int = 8 * 1024**3
    max_seconds: float = 24 * 3600.0
    max_queued_bytes: int = 8 * 1024**2
    max_key_frames: int = 500


DEFAULT_CONFIG = RecorderConfig()


class RecordingFile:
    """Opened, given message after message, and finished, or given up."""

    def __init__(self, path: Path, mode: RecordMode, config: RecorderConfig = DEFAULT_CONFIG) -> None:
        self.path = path
        self._mode = mode
        self._config = config
        self._part: Path | None = None
        self._file: FileIO | None = None
        self._recording = FlvRecording(config.max_key_frames)

    @property
    def is_open(self) -> bool:
        """Whether there is something to finish."""
        return self._file is not None and not self._file.closed

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._recording.size

    @property
    def duration_ms(self) -> int:
        """The time of the last tag."""
        return self._recording.duration_ms

    def open(self) -> None:
        """Make or open the file. Raise OSError; FlvError if what is there cannot be appended to."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._mode is RecordMode.APPEND and self.path.exists() and self.path.stat().st_size:
            self._open_to_append()
            return
        self._part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        self._file = FileIO(self._part, "x+")

    def add(self, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Write a message. Raise OSError, RecordingFull: then it is not in the file that `finish` leaves."""
        recording = self._recording
        if recording.size + len(payload) > self._config.max_bytes:
            raise RecordingFull(f"more than {self._config.max_bytes} bytes")
        if recording.duration_ms > self._config.max_seconds * 1000:
            raise RecordingFull(f"more than {self._config.max_seconds:g} s")
        size = recording.size
        try:
            self._write(recording.add(type_id, timestamp_ms, payload))
        except Exception:
            recording.take_back(size)
            raise

    def finish(self) -> bool:
        """Put the metadata right, and the file in its place; return whether there is one. Raise OSError."""
        assert self._file is not None
        try:
            if self._recording.size:
                os.ftruncate(self._file.fileno(), self._recording.size)
                for position, data in self._recording.finish():
                    self._file.seek(position)
                    self._write(data)
                os.fsync(self._file.fileno())
        finally:
            self._file.close()
        return self._put_in_place()

    def _put_in_place(self) -> bool:
        if self._part is not None and self._recording.size:
            self._part.replace(self.path)
        elif self._part is not None:
            self._part.unlink()
        return self._recording.size > 0

    def _open_to_append(self) -> None:
        self._file = FileIO(self.path, "r+")
        try:
            # two that append would write over each other
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            index = index_of(self._file)
            metadata = None
            if index.metadata_position is not None:
                metadata = read_tag(self._file.fileno(), index.metadata_position).body
            self._recording = FlvRecording(self._config.max_key_frames, index, metadata)
            # what comes after the last whole tag is one that was cut when its writer died
            os.ftruncate(self._file.fileno(), index.end)
            self._file.seek(index.end)
        except BaseException:
            self._file.close()
            raise

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
