"""Plays an FLV file to a client, as fast as its buffer wants it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtmp.aio.recording.file_cursor import START_OF_FILE, Beginning, FileCursor
from rtmp.aio.recording.file_pace import FilePace
from rtmp.aio.recording.tag_sender import TagSender
from rtmp.aio.server import ServerConnection
from rtmp.errors import FlvError, LocalProtocolError
from rtmp.limits import KIB
from rtmp.media_kind import MediaKind, media_kind
from rtmp.recording.play_clock import PlayClock
from rtmp.recording.player_state import PLAYER_TRANSITIONS, PlayerInput, PlayerState
from rtmp.state import StreamState, advance

logger = logging.getLogger("rtmp")

_BURST: Final = 64 * KIB
"""Bytes that are sent before others have their turn."""

_MIN_BUFFER_MS: Final = 100
_MAX_SEEKS: Final = 64
"""How many may wait for their answer, such as while a file is looked through."""

_PREVIEW_KINDS: Final = (MediaKind.KEY_FRAME, MediaKind.INTER_FRAME)
_FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class FilePlayerConfig:
    """How far ahead of its playing a client is sent the file: what it asks for, `max_buffer_ms` at most.

    How fast it is sent that is bounded by `max_file_bytes_per_second`, of `Limits` for each connection and of
    `AdmissionLimits` for all.
    """

    default_buffer_ms: int = 1000
    max_buffer_ms: int = 60_000


DEFAULT_CONFIG = FilePlayerConfig()


class FilePlayer:
    """Plays one file to one stream of a connection, for which a PlayRequested waits.

    It answers that itself, once the file is open. Then it wants to hear of PauseRequested (`pause`,
    `resume`), SeekRequested (`seek`), BufferLengthSet (`set_buffer_length`), StreamClosed and
    ConnectionClosed (`stop`).

    `start_ms` is where to begin: at the key frame there or before. Its time in the stream is 0 then, as Flash
    Media Server has it and rtmpdump wants it; after a seek the stream's times are the file's. `duration_ms`
    is how much to play from `start_ms` on: 0 a single picture, less than 0 all. `reset` is the event's.
    """

    def __init__(
        self,
        connection: ServerConnection,
        stream_id: int,
        path: Path,
        start_ms: float = 0.0,
        duration_ms: float = -1.0,
        *,
        reset: bool = True,
        config: FilePlayerConfig = DEFAULT_CONFIG,
    ) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._name = path.name
        self._start_ms = max(start_ms, 0.0)
        self._end_ms = self._start_ms + duration_ms if duration_ms > 0 else _FOREVER
        self._single_picture = duration_ms == 0
        self._reset = reset
        self._config = config
        self._cursor = FileCursor(path)
        self._sender = TagSender(connection, stream_id)
        self._loop = asyncio.get_running_loop()
        self._state = PlayerState.OPENING
        self._pace = FilePace.of(connection, self._loop.time())
        self._bytes_counted = 0
        self._clock = PlayClock()
        self._buffer_ms = float(config.default_buffer_ms)
        self._begun_ms: float | None = None
        self._seeks_ms: list[float] = []
        self._resume_ms: float | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def skipped_tags(self) -> int:
        """Tags that were too large to send, or nonsense."""
        return self._sender.skipped_tags

    @property
    def state(self) -> PlayerState:
        """What it does."""
        return self._state

    def start(self) -> None:
        """Begin."""
        self._task = self._loop.create_task(self._run(), name=f"play {self._name}")

    def stop(self) -> None:
        """End at once, without a word to the client."""
        self._advance(PlayerInput.STOP)
        if self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """Send nothing more. Raises LocalProtocolError before the play is accepted."""
        if self._state is PlayerState.STOPPED:
            return
        self._advance(PlayerInput.PAUSE)
        now = self._loop.time()
        self._clock.stand(now)
        # a client whose buffer ran dry has waited there
        self._clock.move(min(self._clock.position_ms(now), self._sender.sent_ms), now)

    def resume(self, position_ms: float | None = None) -> None:
        """Go on with what comes after `position_ms`, which the client may have been sent before.

        Without it what was sent counts as played or kept. Raises as `pause`.
        """
        if self._state is PlayerState.STOPPED:
            return
        self._advance(PlayerInput.RESUME)
        self._resume_ms = None if position_ms is None else position_ms + self._sender.offset_ms
        self._clock.run(self._loop.time())
        self._wake.set()

    def seek(self, position_ms: float) -> None:
        """Go on with the key frame at or before `position_ms`; this also answers the client.

        Of several before the first is answered each gets its answer, and the last that is possible counts.
        """
        if len(self._seeks_ms) < _MAX_SEEKS:
            self._seeks_ms.append(position_ms)
            self._wake.set()
        elif not self._is_over():
            self._connection.reject_seek(self._stream_id, "too many seeks wait for an answer")

    def set_buffer_length(self, length_ms: float) -> None:
        """Heed how much the client wants to be sent ahead."""
        self._buffer_ms = min(max(length_ms, _MIN_BUFFER_MS), self._config.max_buffer_ms)
        self._wake.set()

    # The task

    def _advance(self, cause: PlayerInput) -> None:
        self._state = advance(PLAYER_TRANSITIONS, self._state, cause, LocalProtocolError)

    async def _run(self) -> None:
        try:
            if await self._open():
                while not self._is_over():
                    await self._step()
        except (OSError, FlvError) as error:
            logger.warning("playing %s ends: %s", self._name, error)
            self._break_off()
        except LocalProtocolError as error:
            logger.debug("playing %s: the stream has ended: %s", self._name, error)
        except Exception:
            logger.exception("playing %s failed", self._name)
            self._break_off()
        finally:
            self._advance(PlayerInput.STOP)
            self._cursor.close()

    def _is_over(self) -> bool:
        stream_state = self._connection.session.stream_state(self._stream_id)
        return self._connection.is_closed or stream_state is not StreamState.PLAYING

    async def _open(self) -> bool:
        """Open the file and answer the client; return whether it plays."""
        try:
            await self._cursor.open()
            beginning = await self._cursor.find(self._start_ms) if self._start_ms else START_OF_FILE
        except (OSError, FlvError) as error:
            logger.info("%s cannot be played: %s", self._name, error)
            if not self._connection.is_closed:
                self._connection.reject_play(self._stream_id)
            return False
        self._connection.accept_play(self._stream_id, recorded=True, reset=self._reset)
        self._advance(PlayerInput.OPENED)
        self._clock.run(self._loop.time())
        if beginning is not START_OF_FILE:
            self._sender.offset_ms = beginning.time_ms
            self._begin(beginning)
        return True

    async def _step(self) -> None:
        self._wake.clear()
        if (wait_s := self._time_to_read_s()) > 0:
            await self._sleep(wait_s)
        elif self._seeks_ms:
            await self._seek()
        elif self._resume_ms is not None:
            await self._go_back(self._resume_ms)
        elif self._state is not PlayerState.PLAYING:
            await self._wake.wait()
        elif not self._cursor.tags and not self._cursor.at_end:
            await self._read()
        elif not self._cursor.tags or self._cursor.tags[0].timestamp_ms > self._end_ms:
            self._complete()
        elif (wait_s := self._time_to_next_s()) > 0:
            await self._sleep(wait_s)
        else:
            self._send_due()
            await self._connection.drain()

    async def _read(self) -> None:
        await self._cursor.read()
        if self._begun_ms is None and self._cursor.tags:
            self._stand_at(self._cursor.tags[0].timestamp_ms)

    # When

    def _time_to_read_s(self) -> float:
        bytes_read = self._cursor.bytes_read
        size, self._bytes_counted = bytes_read - self._bytes_counted, bytes_read
        return self._pace.spend(size, self._loop.time())

    def _time_to_next_s(self) -> float:
        due_ms = self._cursor.tags[0].timestamp_ms - self._buffer_ms
        return (due_ms - self._clock.position_ms(self._loop.time())) / 1000

    async def _sleep(self, wait_s: float) -> None:
        # a wake-up for several frames instead of one for each, if the client's buffer allows
        wait_s = max(wait_s, min(self._buffer_ms / 10, 100) / 1000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    # What is sent

    def _send_due(self) -> None:
        until_ms = min(self._clock.position_ms(self._loop.time()) + self._buffer_ms, self._end_ms)
        sender, tags = self._sender, self._cursor.tags
        burst_end = sender.sent_bytes + _BURST
        while tags and tags[0].timestamp_ms <= until_ms and sender.sent_bytes < burst_end and sender.has_room:
            tag = tags.popleft()
            sender.send(tag)
            if self._single_picture and media_kind(tag.type_id, tag.body) in _PREVIEW_KINDS:
                self._complete()
                return

    def _complete(self) -> None:
        self._advance(PlayerInput.END)
        self._sender.complete((self._sender.sent_ms - (self._begun_ms or 0)) / 1000)

    def _break_off(self) -> None:
        if not self._is_over():
            connection, stream_id = self._connection, self._stream_id
            connection.send_status(stream_id, "error", "NetStream.Play.Failed", "The file cannot be read.")
            connection.end_play(stream_id)

    # Elsewhere

    def _begin(self, beginning: Beginning) -> None:
        self._cursor.begin(beginning)
        self._stand_at(beginning.time_ms)

    def _stand_at(self, time_ms: int) -> None:
        self._begun_ms = self._sender.sent_ms = time_ms
        self._clock.move(time_ms, self._loop.time())

    async def _seek(self) -> None:
        """Answer all seeks that wait, and do the last that is possible."""
        wanted, self._seeks_ms = self._seeks_ms, []
        self._resume_ms = None
        try:
            last_ms = min(await self._cursor.duration_ms(), self._end_ms)
            possible = [position_ms for position_ms in wanted if position_ms <= last_ms]
            beginning = await self._cursor.find(possible[-1] if possible else 0.0)
        except FlvError as error:
            for _ in wanted:
                self._connection.reject_seek(self._stream_id, str(error))
            return
        for position_ms in wanted:
            self._answer_seek(position_ms, last_ms)
        if possible:
            self._advance(PlayerInput.SOUGHT)
            self._sender.offset_ms = 0
            self._begin(beginning)
            if self._state is PlayerState.PAUSED:
                await self._show_picture()

    def _answer_seek(self, position_ms: float, last_ms: float) -> None:
        if position_ms <= last_ms:
            self._connection.accept_seek(self._stream_id, position_ms)
            return
        self._connection.reject_seek(
            self._stream_id,
            f"{position_ms:.0f} ms is behind the end at {last_ms:.0f} ms",
            "NetStream.Seek.InvalidTime",
            {"details": last_ms / 1000},
        )

    async def _show_picture(self) -> None:
        """Send a player that is paused what it needs to show where it is now: the headers and one frame."""
        await self._cursor.read()
        await self._connection.drain()
        while self._cursor.tags:
            tag = self._cursor.tags.popleft()
            self._sender.send(tag)
            if media_kind(tag.type_id, tag.body) in (MediaKind.KEY_FRAME, MediaKind.AUDIO):
                return

    async def _go_back(self, position_ms: float) -> None:
        """Send again what is later than a position, if that has been sent."""
        self._resume_ms = None
        if position_ms < self._sender.sent_ms:
            try:
                beginning = await self._cursor.find(position_ms)
            except FlvError as error:
                logger.debug("playing %s: cannot go back: %s", self._name, error)
                return
            self._cursor.go_back(beginning, position_ms)
        self._clock.move(min(position_ms, self._sender.sent_ms), self._loop.time())
