"""What a client plays, live or recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtmp.aio.live.archive import LiveArchive
from rtmp.aio.live.client import LiveClient
from rtmp.aio.live.outlets import PlayerOutlet, TimedOutlet
from rtmp.aio.live.requests import Purpose, Refused
from rtmp.aio.live.services import LiveServices
from rtmp.aio.recording.file_player import FilePlayer
from rtmp.errors import InvalidStreamName
from rtmp.events import (
    BufferLengthSet,
    PauseRequested,
    PlayRequested,
    ReceiveChanged,
    SeekRequested,
    StreamCreated,
    StreamLengthRequested,
)
from rtmp.relay.live_player import LivePlayer, Outlet
from rtmp.relay.live_stream import LiveStream
from rtmp.relay.names import StreamName

_LIVE_ONLY: Final = frozenset({-1000.0, -1.0})
"""The `start` of play that wants nothing recorded; the specification says seconds, clients milliseconds."""


@dataclass(frozen=True, slots=True)
class _Live:
    stream: LiveStream
    player: LivePlayer


class LivePlaying:
    """The playing streams of one client."""

    def __init__(self, services: LiveServices, client: LiveClient) -> None:
        self._directory = services.directory
        self._archive = services.archive
        self._player_config = services.player_config
        self._client = client
        self._connection = client.connection
        self._live: dict[int, _Live] = {}
        self._files: dict[int, FilePlayer] = {}
        self._buffer_ms: dict[int, int] = {}
        self._received: dict[int, ReceiveChanged] = {}
        """What the client wants of a stream, if it has said so since it plays."""
        self._connection.on_writable = self._catch_up

    def request(self, event: PlayRequested) -> None:
        """Answer a request to play: what is recorded if that is wanted or nothing is live, else what is live.

        Where nothing is recorded everything is live, whatever `start` says.
        """
        self.close(event.stream_id)  # what could not be played has left without a word
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

    def pause(self, event: PauseRequested) -> None:
        """Stop sending, or go on."""
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

    def seek(self, event: SeekRequested) -> None:
        """Seek in a file."""
        if (file := self._files.get(event.stream_id)) is not None:
            file.seek(event.position_ms)
        else:
            self._connection.reject_seek(event.stream_id, "a live stream cannot seek")

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
        if (live := self._live.pop(stream_id, None)) is not None:
            live.stream.remove_player(live.player)
            self._directory.remove_player(live.stream, self._client.address)
        if (file := self._files.pop(stream_id, None)) is not None:
            file.stop()
        self._received.pop(stream_id, None)

    def _refuse(self, stream_id: int, reason: Exception | str, code: str = "NetStream.Play.Failed") -> None:
        self._client.log(f"play refused: {reason}")
        self._connection.reject_play(stream_id, code, str(reason))

    def _play_live(self, event: PlayRequested, name: StreamName) -> None:
        stream = self._directory.add_player(name, self._client.address)
        self._client.log(f"plays {name}")
        stream_id = event.stream_id
        self._connection.accept_play(stream_id, reset=event.reset)
        outlet: Outlet = PlayerOutlet(self._connection, stream_id)
        if event.duration > 0:
            outlet = TimedOutlet(outlet, event.duration, lambda: self._end(stream_id, outlet))
        self._live[stream_id] = _Live(stream, stream.add_player(outlet))

    def _end(self, stream_id: int, outlet: Outlet) -> None:
        """End what has played for as long as the client asked for."""
        live = self._live.get(stream_id)
        if live is not None and live.player.outlet is outlet:
            self.close(stream_id)
            self._connection.stop_play(stream_id)

    async def _play_recorded(self, event: PlayRequested, name: StreamName, archive: LiveArchive) -> None:
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
            else:
                self._play_live(event, name)
        except (Refused, InvalidStreamName) as refusal:
            self._refuse(event.stream_id, refusal)

    def _play_file(self, event: PlayRequested, name: StreamName, path: Path) -> None:
        self._client.log(f"plays the recording of {name}")
        file = FilePlayer(
            self._connection, event.stream_id, path, event.start, event.duration,
            reset=event.reset, config=self._player_config,
        )  # fmt: skip
        if event.stream_id in self._buffer_ms:
            file.set_buffer_length(self._buffer_ms[event.stream_id])
        self._files[event.stream_id] = file
        file.start()

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
