"""Plays an FLV file to a client, as fast as its buffer wants it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rtmp.aio.recording.file_cursor import START_OF_FILE, Beginning, FileCursor
from rtmp.aio.recording.file_pace import FilePace
from rtmp.aio.recording.file_player_config import DEFAULT_CONFIG, FilePlayerConfig
from rtmp.aio.recording.seek_queue import SeekQueue
from rtmp.aio.recording.tag_sender import TagSender
from rtmp.aio.server import ServerConnection
from rtmp.errors import FlvError, LocalProtocolError
from rtmp.events import PlayRequested
from rtmp.limits import KIB
from rtmp.media_kind import MediaKind, media_kind
from rtmp.recording.play_end import START_OF_STREAM, PlayEnd
from rtmp.recording.play_schedule import PlaySchedule
from rtmp.recording.player_state import PLAYER_TRANSITIONS, PlayerInput, PlayerState
from rtmp.state import StreamState, advance

logger = logging.getLogger("rtmp")

_BURST: Final = 64 * KIB
"""Bytes that are sent before others have their turn."""

_PREVIEW_KINDS: Final = (MediaKind.KEY_FRAME, MediaKind.INTER_FRAME)
_FOREVER: Final = float("inf")
_OPENING: Final = (PlayerState.OPENING, PlayerState.OPENING_PAUSED)


class FilePlayer:
    """Plays one file to one stream of a connection, for which a PlayRequested waits.

    It answers that itself, once the file is open. Then it wants to hear of PauseRequested (`pause`,
    `resume`), SeekRequested (`seek`), BufferLengthSet (`set_buffer_length`), StreamClosed and
    ConnectionClosed (`stop`).

    The request's `start` is where to begin: at the key frame there or before. Its time in the stream is 0
    then, as Flash Media Server has it and rtmpdump wants it; after a seek the stream's times are the file's.
    `duration` is how much to play from `start` on: 0 a single picture, less than 0 all.

    In a playlist the file begins in the stream where what it `follows` has ended. `on_over` is called when it
    has been sent whole, or cannot be: whoever is called plays what the session has as `next_play`.
    """

    def __init__(
        self,
        connection: ServerConnection,
        event: PlayRequested,
        path: Path,
        *,
        config: FilePlayerConfig = DEFAULT_CONFIG,
        follows: PlayEnd = START_OF_STREAM,
        on_over: Callable[[], None] | None = None,
    ) -> None:
        self._connection = connection
        self._stream_id = event.stream_id
        self._name = path.name
        self._start_ms = max(event.start, 0.0)
        self._single_picture = event.duration == 0
        self._reset = event.reset
        self._follows = follows
        self._on_over = on_over
        self._cursor = FileCursor(path)
        self._sender = TagSender(connection, event.stream_id)
        self._loop = asyncio.get_running_loop()
        self._state = PlayerState.OPENING
        self._pace = FilePace.of(connection, self._loop.time())
        self._bytes_counted = 0
        self._schedule = PlaySchedule(
            self._start_ms + event.duration if event.duration > 0 else _FOREVER,
            _FOREVER if event.at_once else config.default_buffer_ms,
            config.max_buffer_ms,
        )
        self._seeks = SeekQueue(connection, event.stream_id)
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

    @property
    def is_complete(self) -> bool:
        """Whether all has been sent, and the client does not want to go back."""
        return self._state is PlayerState.COMPLETE and not self._seeks

    @property
    def end(self) -> PlayEnd:
        """Where what follows begins, if it follows now."""
        if self._schedule.begun_ms is None:
            return self._follows
        sent_ms, now_s = self._sender.sent_ms, self._loop.time()
        ahead_ms = self._schedule.ahead_ms(sent_ms, now_s)
        return PlayEnd.after(self._sender.stream_ms(sent_ms), ahead_ms, now_s)

    def start(self) -> None:
        """Begin."""
        self._task = self._loop.create_task(self._run(), name=f"play {self._name}")

    def stop(self) -> None:
        """End at once, without a word to the client."""
        self._advance(PlayerInput.STOP)
        if self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """Send nothing more."""
        if self._state is PlayerState.STOPPED:
            return
        self._advance(PlayerInput.PAUSE)
        self._schedule.stand(self._sender.sent_ms, self._loop.time())

    def resume(self, position_ms: float | None = None) -> None:
        """Go on with what comes after `position_ms`, which the client may have been sent before.

        Without it what was sent counts as played or kept.
        """
        if self._state is PlayerState.STOPPED:
            return
        self._advance(PlayerInput.RESUME)
        if self._state is not PlayerState.OPENING:
            self._resume_ms = None if position_ms is None else position_ms + self._sender.offset_ms
            self._schedule.run(self._loop.time())
            self._wake.set()

    def seek(self, position_ms: float) -> None:
        """Go on with the key frame at or before `position_ms`; this also answers the client.

        Of several before the first is answered each gets its answer, and the last that is possible counts.
        Those that come before the file is open wait for that.
        """
        if self._state in _OPENING or not self._is_over():
            self._seeks.add(position_ms)
            self._wake.set()

    def set_buffer_length(self, length_ms: float) -> None:
        """Heed how much the client wants to be sent ahead."""
        self._schedule.set_buffer(length_ms)
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
                self._seeks.reject(self._seeks.take(), "nothing plays")
                self._connection.reject_play(self._stream_id)
            self._tell_over()
            return False
        self._connection.accept_play(self._stream_id, recorded=True, reset=self._reset)
        self._advance(PlayerInput.OPENED)
        if self._state is PlayerState.PLAYING:
            self._schedule.run(self._loop.time())
        self._sender.offset_ms = beginning.time_ms - self._follows.time_ms
        if beginning is not START_OF_FILE:
            self._begin(beginning, self._follows)
        return True

    async def _step(self) -> None:
        self._wake.clear()
        if (wait_s := self._time_to_read_s()) > 0:
            await self._sleep(wait_s)
        elif self._seeks:
            await self._seek()
        elif self._resume_ms is not None:
            await self._go_back(self._resume_ms)
        elif self._state is not PlayerState.PLAYING:
            await self._wake.wait()
        elif not self._cursor.tags and not self._cursor.at_end:
            await self._read()
        elif not self._cursor.tags or self._cursor.tags[0].timestamp_ms > self._schedule.end_ms:
            self._complete()
        elif (wait_s := self._schedule.wait_s(self._cursor.tags[0].timestamp_ms, self._loop.time())) > 0:
            await self._sleep(wait_s)
        else:
            self._send_due()
            await self._connection.drain()

    async def _read(self) -> None:
        await self._cursor.read()
        if self._schedule.begun_ms is None and self._cursor.tags:
            self._begin_at(self._cursor.tags[0].timestamp_ms, self._follows)

    # When

    def _time_to_read_s(self) -> float:
        bytes_read = self._cursor.bytes_read
        size, self._bytes_counted = bytes_read - self._bytes_counted, bytes_read
        return self._pace.spend(size, self._loop.time())

    async def _sleep(self, wait_s: float) -> None:
        # a wake-up for several frames instead of one for each, if the client's buffer allows
        wait_s = max(wait_s, min(self._schedule.buffer_ms / 10, 100) / 1000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    # What is sent

    def _send_due(self) -> None:
        until_ms = self._schedule.until_ms(self._loop.time())
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
        duration_s = (self._sender.sent_ms - (self._schedule.begun_ms or 0)) / 1000
        if self._has_next:
            self._sender.switch(duration_s)
        else:
            self._sender.complete(duration_s)
        self._tell_over()

    def _break_off(self) -> None:
        if not self._is_over():
            connection, stream_id = self._connection, self._stream_id
            connection.send_status(stream_id, "error", "NetStream.Play.Failed", "The file cannot be read.")
            if not self._has_next:
                connection.end_play(stream_id)
            self._tell_over()

    @property
    def _has_next(self) -> bool:
        return self._on_over is not None and self._connection.session.has_next_play(self._stream_id)

    def _tell_over(self) -> None:
        if self._on_over is not None:
            self._on_over()

    # Elsewhere

    def _begin(self, beginning: Beginning, after: PlayEnd = START_OF_STREAM) -> None:
        self._cursor.begin(beginning)
        self._begin_at(beginning.time_ms, after)

    def _begin_at(self, time_ms: int, after: PlayEnd) -> None:
        self._sender.sent_ms = time_ms
        self._schedule.begin(time_ms, after, self._loop.time())

    async def _seek(self) -> None:
        """Answer all seeks that wait, and do the last that is possible."""
        wanted = self._seeks.take()
        self._resume_ms = None
        try:
            last_ms = min(await self._cursor.duration_ms(), self._schedule.end_ms)
            possible = [position_ms for position_ms in wanted if position_ms <= last_ms]
            beginning = await self._cursor.find(possible[-1] if possible else 0.0)
        except FlvError as error:
            self._seeks.reject(wanted, str(error))
            return
        self._seeks.answer(wanted, last_ms)
        if possible:
            self._advance(PlayerInput.SOUGHT)
            self._sender.offset_ms = 0
            self._begin(beginning)
            if self._state is PlayerState.PAUSED:
                await self._show_picture()

    async def _show_picture(self) -> None:
        """Send a player that is paused what it needs to show where it is now: the headers and one frame."""
        tags = await self._cursor.take_picture()
        await self._connection.drain()
        for tag in tags:
            self._sender.send(tag)

    async def _go_back(self, position_ms: float) -> None:
        """Send again what is later than a position, if that has been sent, of this file."""
        self._resume_ms = None
        if self._schedule.begun_ms is None:
            return
        if self._schedule.begun_ms <= position_ms < self._sender.sent_ms:
            try:
                beginning = await self._cursor.find(position_ms)
            except FlvError as error:
                logger.debug("playing %s: cannot go back: %s", self._name, error)
                return
            self._cursor.go_back(beginning, position_ms)
        self._schedule.go_to(min(position_ms, self._sender.sent_ms), self._loop.time())
