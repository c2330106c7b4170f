"""What a client plays, live or recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from rtmp.aio.live.archive import LiveArchive
from rtmp.aio.live.client import LiveClient
from rtmp.aio.live.outlets import PlayerOutlet, TimedOutlet
from rtmp.aio.live.requests import Purpose, Refused
from rtmp.aio.live.services import LiveServices
from rtmp.aio.recording.file_player import FilePlayer
from rtmp.aio.recording.seek_queue import SeekQueue
from rtmp.errors import InvalidStreamName
from rtmp.events import (
    BufferLengthSet,
    PauseRequested,
    PlayQueued,
    PlayRequested,
    ReceiveChanged,
    SeekRequested,
    StreamCreated,
    StreamLengthRequested,
)
from rtmp.recording.play_end import START_OF_STREAM, PlayEnd
from rtmp.relay.live_player import LivePlayer, Outlet
from rtmp.relay.live_stream import LiveStream
from rtmp.relay.names import StreamName
from rtmp.state import StreamState

_LIVE_ONLY: Final = frozenset({-1000.0, -1.0})
"""The `start` of play that wants nothing recorded; the specification says seconds, clients milliseconds."""

_CANNOT_SEEK: Final = "a live stream cannot seek"


@dataclass(frozen=True, slots=True)
class _Live:
    stream: LiveStream
    player: LivePlayer
    outlet: PlayerOutlet


class LivePlaying:
    """The playing streams of one client, each with what the client wants played after it.

    The next begins when a recording has been sent whole, when a live stream that has been played is published
    no more, and when the duration asked for is over. Recordings go on in time where what was before has
    ended; the times of live streams are their publishers'.
    """

    def __init__(self, services: LiveServices, client: LiveClient) -> None:
        self._directory = services.directory
        self._archive = services.archive
        self._player_config = services.player_config
        self._client = client
        self._connection = client.connection
        self._live: dict[int, _Live] = {}
        self._files: dict[int, FilePlayer] = {}
        self._begins: dict[int, PlayEnd] = {}
        """Where in its stream's time begins what is played, if something was played before."""
        self._paused: set[int] = set()
        self._buffer_ms: dict[int, int] = {}
        self._received: dict[int, ReceiveChanged] = {}
        """What the client wants of a stream, if it has said so since it plays."""
        self._early_seeks: dict[int, SeekQueue] = {}
        """Where the client wants to be in a recording that is still looked for."""
        self._connection.on_writable = self._catch_up

    def request(self, event: PlayRequested) -> None:
        """Answer a request to play: what is recorded if that is wanted or nothing is live, else what is live.

        Where nothing is recorded everything is live, whatever `start` says.
        """
        self.close(event.stream_id)  # what could not be played has left without a word
        self._play_first(event)

    def go_on(self, event: PlayQueued) -> None:
        """Begin with what the client wants next, if what it plays is over already."""
        if (file := self._files.get(event.stream_id)) is not None and file.is_complete:
            self._play_next(event.stream_id, file.end)
        else:
            self._go_on_after_live(event.stream_id)

    def pause(self, event: PauseRequested) -> None:
        """Stop sending, or go on; what is asked for does not begin before that."""
        if event.paused:
            self._paused.add(event.stream_id)
        else:
            self._paused.discard(event.stream_id)
        if (file := self._files.get(event.stream_id)) is not None:
            if event.paused:
                file.pause()
            else:
                file.resume(event.position_ms)
        elif (live := self._live.get(event.stream_id)) is not None:
            if event.paused:
                live.player.pause()
            else:
                live.stream.resume_player(live.player)
                self._go_on_after_live(event.stream_id)

    def seek(self, event: SeekRequested) -> None:
        """Seek in a file, once it is known whether there is one."""
        stream_id = event.stream_id
        if (file := self._files.get(stream_id)) is not None:
            file.seek(event.position_ms)
        elif self._connection.session.stream_state(stream_id) is StreamState.PLAY_REQUESTED:
            self._early_seeks.setdefault(stream_id, SeekQueue(self._connection, stream_id)).add(
                event.position_ms
            )
        else:
            self._connection.reject_seek(stream_id, _CANNOT_SEEK)

    def set_buffer_length(self, event: BufferLengthSet) -> None:
        """Heed how far ahead a file is to be sent; clients say so before they play, too."""
        if self._connection.session.stream_state(event.stream_id) is not None:
            self._buffer_ms[event.stream_id] = event.length_ms
        if (file := self._files.get(event.stream_id)) is not None:
            file.set_buffer_length(event.length_ms)

    def forget_buffer_length(self, event: StreamCreated) -> None:
        """Forget what the stream that had this id before was to be sent ahead."""
        self._buffer_ms.pop(event.stream_id, None)

    def receive(self, event: ReceiveChanged) -> None:
        """Begin with the headers, which it may have missed, with what the client wants again.

        Pictures begin with a key picture.
        """
        stream_id = event.stream_id
        before = self._received.get(stream_id, ReceiveChanged(stream_id, audio=True, video=True))
        self._received[stream_id] = event
        live = self._live.get(stream_id)
        if live is None:
            return
        sees_again = event.video and not before.video
        if sees_again or (event.audio and not before.audio):
            live.stream.refresh_player(live.player)
        if sees_again:
            live.player.wait_for_key()

    def tell_length(self, event: StreamLengthRequested) -> None:
        """Answer how long a recording is."""
        self._client.answer(self._tell_length(event))

    def close(self, stream_id: int) -> None:
        """End a stream, if it plays."""
        self._stop(stream_id)
        self._received.pop(stream_id, None)
        self._begins.pop(stream_id, None)
        self._paused.discard(stream_id)
        self._early_seeks.pop(stream_id, None)

    def _stop(self, stream_id: int) -> None:
        if (live := self._live.pop(stream_id, None)) is not None:
            live.stream.remove_player(live.player)
            self._directory.remove_player(live.stream, self._client.address)
        if (file := self._files.pop(stream_id, None)) is not None:
            file.stop()

    def _play_next(self, stream_id: int, end: PlayEnd) -> None:
        """Play what is next in the client's list, if anything is, where what it has played ended."""
        if self._connection.session.has_next_play(stream_id):
            self._stop(stream_id)
            self._begins[stream_id] = end
            self._play_first(self._take_next(stream_id))

    def _play_first(self, event: PlayRequested | None) -> None:
        """Play this, or if it is refused the next in the client's list that is not."""
        while event is not None and not self._play(event):
            event = self._take_next(event.stream_id)

    def _take_next(self, stream_id: int) -> PlayRequested | None:
        return None if self._connection.is_closed else self._connection.session.next_play(stream_id)

    def _play(self, event: PlayRequested) -> bool:
        """Answer a request to play; return whether it was not refused, or not yet."""
        try:
            name = self._client.name(Purpose.PLAY, event.name)
            wants_recorded = event.start >= 0
            is_live = event.start in _LIVE_ONLY or (not wants_recorded and self._directory.is_published(name))
            if self._archive is None or is_live:
                self._play_live(event, name)
            else:
                self._client.start(event.stream_id, self._play_recorded(event, name, self._archive))
        except Refused as refusal:
            self._refuse(event.stream_id, refusal)
            return False
        return True

    def _refuse(self, stream_id: int, reason: Exception | str, code: str = "NetStream.Play.Failed") -> None:
        self._client.log(f"play refused: {reason}")
        self._reject_early_seeks(stream_id, "nothing plays")
        self._connection.reject_play(stream_id, code, str(reason))

    def _play_live(self, event: PlayRequested, name: StreamName) -> None:
        stream = self._directory.add_player(name, self._client.address)
        waits = "" if stream.is_published else ", which nobody publishes yet"
        self._client.log(f"plays {name}{waits}")
        stream_id = event.stream_id
        self._connection.accept_play(stream_id, reset=event.reset)
        self._reject_early_seeks(stream_id, _CANNOT_SEEK)
        player_outlet = PlayerOutlet(self._connection, stream_id, partial(self._go_on_after_live, stream_id))
        outlet: Outlet = player_outlet
        if event.duration > 0:
            outlet = TimedOutlet(outlet, event.duration, partial(self._had_enough, stream_id, player_outlet))
        player = stream.add_player(outlet)
        if stream_id in self._paused:
            player.pause()
        self._live[stream_id] = _Live(stream, player, player_outlet)

    def _go_on_after_live(self, stream_id: int) -> None:
        """Go on with what the client wants next if the live stream that it played is published no more."""
        live = self._live.get(stream_id)
        if live is not None and live.outlet.has_ended and not live.player.is_paused:
            self._switch(stream_id, live.stream)

    def _had_enough(self, stream_id: int, outlet: PlayerOutlet) -> None:
        """End what has played for as long as the client asked for."""
        live = self._live.get(stream_id)
        if live is None or live.outlet is not outlet:
            return
        if self._connection.session.has_next_play(stream_id):
            self._switch(stream_id, live.stream)
        else:
            self.close(stream_id)
            self._connection.stop_play(stream_id)

    def _switch(self, stream_id: int, stream: LiveStream) -> None:
        if self._connection.session.has_next_play(stream_id):
            self._connection.announce_switch(stream_id, stream.newest_ms)
            self._play_next(stream_id, PlayEnd.after(stream.newest_ms))

    async def _play_recorded(self, event: PlayRequested, name: StreamName, archive: LiveArchive) -> None:
        if not await self._play_found(event, name, archive):
            self._play_next(event.stream_id, self._begins.get(event.stream_id, START_OF_STREAM))

    async def _play_found(self, event: PlayRequested, name: StreamName, archive: LiveArchive) -> bool:
        """Play the recording, or else what is live; return whether it was not refused."""
        try:
            try:
                path = await archive.find(name)
            except InvalidStreamName:
                if event.start >= 0:
                    raise
                path = None  # what no file may be called may still be live, now or later
            if path is not None:
                self._play_file(event, name, path)
            elif event.start >= 0:
                self._refuse(event.stream_id, f"{name} is not recorded", "NetStream.Play.StreamNotFound")
                return False
            else:
                self._play_live(event, name)
        except (Refused, InvalidStreamName) as refusal:
            self._refuse(event.stream_id, refusal)
            return False
        return True

    def _play_file(self, event: PlayRequested, name: StreamName, path: Path) -> None:
        self._client.log(f"plays the recording of {name}")
        stream_id = event.stream_id

        def go_on() -> None:
            if self._files.get(stream_id) is file:
                self._play_next(stream_id, file.end)

        file = FilePlayer(
            self._connection,
            event,
            path,
            config=self._player_config,
            follows=self._begins.get(stream_id, START_OF_STREAM),
            on_over=go_on,
        )
        if stream_id in self._buffer_ms:
            file.set_buffer_length(self._buffer_ms[stream_id])
        if stream_id in self._paused:
            file.pause()
        self._files[stream_id] = file
        file.start()
        if (seeks := self._early_seeks.pop(stream_id, None)) is not None:
            for position_ms in seeks.take():
                file.seek(position_ms)

    def _reject_early_seeks(self, stream_id: int, reason: str) -> None:
        if (seeks := self._early_seeks.pop(stream_id, None)) is not None:
            seeks.reject(seeks.take(), reason)

    async def _tell_length(self, event: StreamLengthRequested) -> None:
        length_s = 0.0
        try:
            name = self._client.name(Purpose.PLAY, event.name)
            if self._archive is not None:
                length_s = await self._archive.length_s(name)
        except (Refused, InvalidStreamName) as refusal:
            self._client.log(f"length not told: {refusal}")
        self._connection.respond(event.transaction_id, length_s)

    def _catch_up(self) -> None:
        for live in self._live.values():
            live.stream.drained(live.player)
