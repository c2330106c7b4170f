"""Records a published stream: the loop hands messages over, a thread writes the file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

from rtmp.aio.recording.recording_file import DEFAULT_CONFIG, RecorderConfig, RecordingFile, RecordMode
from rtmp.errors import FlvError, RecordingFull
from rtmp.headers import AUDIO_HEADERS, VIDEO_HEADERS, HeaderKeeper
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType, Payload

logger = logging.getLogger("rtmp")

OnRecordStatus = Callable[[str, str, str], None]
"""Takes (level, code, description), as `ServerConnection.send_status` does."""

_MESSAGE_COST: Final = 256
"""Bytes of memory that a queued message takes besides its payload, roughly."""

_HEADERS_OF: Final = {MediaKind.KEY_FRAME: VIDEO_HEADERS, MediaKind.AUDIO: AUDIO_HEADERS}
"""What a decoder needs before it can begin with such a frame."""


class _Queued(NamedTuple):
    type_id: int
    timestamp_ms: int
    payload: bytes

    @property
    def cost(self) -> int:
        return len(self.payload) + _MESSAGE_COST


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording; `dropped_frames` are those for which the disk was too slow."""

    path: Path
    duration_ms: int
    size_bytes: int
    dropped_frames: int


class Recorder:
    """Records one stream into one file, from `start` to `finish`.

    Whatever goes wrong ends the recording, never the stream: `on_status` is told, on the loop, and further
    messages are passed over. It gets NetStream.Record.Start and Stop, Failed, NoAccess, and DiskQuotaExceeded
    when the recording has reached a bound of its `config`; what was recorded until then is kept.

    Only one Recorder at a time may append to a file: `finish` the one before first.
    """

    def __init__(
        self,
        path: Path,
        mode: RecordMode = RecordMode.RECORD,
        on_status: OnRecordStatus | None = None,
        config: RecorderConfig = DEFAULT_CONFIG,
    ) -> None:
        self.dropped_frames = 0
        self._file = RecordingFile(path, mode, config)
        self._config = config
        self._on_status = on_status
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Queued | None] = SimpleQueue()
        # each is written by one side only, so they need no lock: what waits is the difference
        self._cost_queued = 0
        self._cost_written = 0
        self._held_headers = HeaderKeeper[_Queued]()
        self._wants_key_frame = False
        self._ending = False
        self._done: asyncio.Future[Recorded | None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name=f"record {path.name}", daemon=True)

    @property
    def queued_bytes(self) -> int:
        """Bytes of memory that wait for the disk."""
        return self._cost_queued - self._cost_written

    def start(self) -> None:
        """Begin; the file is opened in the thread."""
        self._thread.start()

    def write(self, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Record an audio, video or data message; never blocks.

        If the disk does not keep up, frames are dropped and counted: video from then on until a key frame.
        """
        if self._ending:
            return
        message = _Queued(type_id, timestamp_ms, bytes(payload))
        kind = media_kind(type_id, message.payload)
        wanted = [*self._held_headers.of(_HEADERS_OF.get(kind, ())), message]
        if self.queued_bytes + sum(each.cost for each in wanted) > self._config.max_queued_bytes:
            self._drop(kind, message)
        elif kind is MediaKind.INTER_FRAME and self._wants_key_frame:
            self.dropped_frames += 1
        else:
            self._wants_key_frame &= kind is not MediaKind.KEY_FRAME
            for each in wanted:
                self._put(each)

    async def finish(self) -> Recorded | None:
        """Have the rest written and the file put in its place; return None if nothing was recorded."""
        if not self._ending:
            self._ending = True
            self._queue.put(None)
        return await asyncio.shield(self._done)

    # On the loop

    def _put(self, message: _Queued) -> None:
        self._held_headers.discard(media_kind(message.type_id, message.payload), message.payload)
        self._cost_queued += message.cost
        self._queue.put(message)

    def _drop(self, kind: MediaKind, message: _Queued) -> None:
        if kind.is_header:
            self._held_headers.put(kind, message.payload, message)  # frames to come are nothing without it
        else:
            self.dropped_frames += 1
        self._wants_key_frame |= message.type_id == MessageType.VIDEO

    def _tell(self, level: str, code: str, description: str) -> None:
        if self._on_status is not None:
            self._on_status(level, code, description)

    def _end(self, level: str, code: str, description: str, recorded: Recorded | None) -> None:
        self._ending = True
        self._done.set_result(recorded)
        self._tell(level, code, description)

    # In the thread

    def _work(self) -> None:
        status = self._record()
        recorded = None
        try:
            if self._file.is_open and self._file.finish():
                recorded = Recorded(
                    self._file.path, self._file.duration_ms, self._file.size, self.dropped_frames
                )
        except Exception as error:  # noqa: BLE001 - as below
            status = self._failed(error)
        self._post(self._end, *status, recorded)

    def _record(self) -> tuple[str, str, str]:
        """Write until the end; return the status to report."""
        name = self._file.path.name
        try:
            self._file.open()
            self._post(self._tell, "status", "NetStream.Record.Start", f"Recording {name}.")
            while (message := self._queue.get()) is not None:
                self._file.add(*message)
                self._cost_written += message.cost
        except RecordingFull as error:
            logger.warning("recording of %s ends: %s", self._file.path, error)
            return "error", "NetStream.Record.DiskQuotaExceeded", str(error)
        except Exception as error:  # noqa: BLE001 - is logged, and the stream must not suffer
            return self._failed(error)
        return "status", "NetStream.Record.Stop", f"Recorded {name}."

    def _failed(self, error: Exception) -> tuple[str, str, str]:
        is_known = isinstance(error, OSError | FlvError)
        logger.error("recording of %s failed: %s", self._file.path, error, exc_info=not is_known)
        code = "NoAccess" if isinstance(error, PermissionError | BlockingIOError) else "Failed"
        # an OSError's own text has paths in it, which are none of the client's business
        description = (error.strerror or "") if isinstance(error, OSError) else str(error)
        return "error", f"NetStream.Record.{code}", description

    def _post(self, function: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is there to hear it
            self._loop.call_soon_threadsafe(function, *arguments)
