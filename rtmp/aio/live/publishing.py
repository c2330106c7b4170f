"""What a client publishes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rtmp.aio.live.archive import LiveArchive
from rtmp.aio.live.client import LiveClient
from rtmp.aio.live.outlets import RecordingOutlet
from rtmp.aio.live.requests import Purpose, Refused
from rtmp.aio.live.services import LiveServices
from rtmp.aio.recording.recorder import Recorder
from rtmp.aio.recording.recording_file import RecordMode
from rtmp.errors import InvalidStreamName
from rtmp.events import DataReceived, PublishRequested, UndecodedDataReceived
from rtmp.messages import MessageType
from rtmp.relay.live_player import LivePlayer
from rtmp.relay.live_stream import LiveStream
from rtmp.relay.names import StreamName
from rtmp.state import StreamState

_RECORD_MODES = {mode.value: mode for mode in RecordMode}


@dataclass(frozen=True, slots=True)
class _Recording:
    path: Path
    recorder: Recorder
    player: LivePlayer


class LivePublishing:
    """The publishing streams of one client."""

    def __init__(self, services: LiveServices, client: LiveClient) -> None:
        self._directory = services.directory
        self._archive = services.archive
        self._record_live = services.record_live
        self._ends = services.ends
        self._coalescing = services.coalescing
        self._client = client
        self._connection = client.connection
        self._streams: dict[int, LiveStream] = {}
        self._recordings: dict[int, _Recording] = {}
        self._heeded: dict[int, LiveStream] = {}
        """Of what recording a message stream is told: also when that ends, after what it recorded."""

    def request(self, event: PublishRequested) -> None:
        """Answer a request to publish."""
        try:
            name = self._client.name(Purpose.PUBLISH, event.name)
            if event.kind == "live" and self._record_live and self._archive is not None:
                self._client.start(event.stream_id, self._begin_live(event.stream_id, name, self._archive))
            elif event.kind == "live":
                self._begin(event.stream_id, name)
            elif event.kind not in _RECORD_MODES:
                raise Refused(f"publish of kind {event.kind[:20]!r}: it is live, record or append")
            elif self._archive is None:
                raise Refused(f"publish of kind {event.kind}: nothing is recorded here")
            else:
                self._client.start(event.stream_id, self._begin_recorded(event, name, self._archive))
        except Refused as refusal:
            self._refuse(event.stream_id, refusal)

    def take_data(self, event: DataReceived) -> None:
        """Take metadata and the like; audio and video go to the stream without a detour."""
        self._streams[event.stream_id].push(MessageType.DATA_AMF0, event.timestamp_ms, event.payload)

    def take_undecoded_data(self, event: UndecodedDataReceived) -> None:
        """Relay what its players may understand better, and log the first."""
        stream = self._streams[event.stream_id]
        if self._connection.session.undecoded_data == 1:
            self._client.log(
                f"data of {stream.name} cannot be decoded, and are relayed as is: {event.reason}"
            )
        stream.push(MessageType.DATA_AMF0, event.timestamp_ms, event.payload)

    def close(self, stream_id: int) -> None:
        """End a stream, if it publishes."""
        if self._connection.session.stream_state(stream_id) is None:
            self._heeded.pop(stream_id, None)
        stream = self._streams.pop(stream_id, None)
        if stream is None:
            return
        self._client.log(f"no longer publishes {stream.name}")
        recording = self._recordings.pop(stream_id, None)
        if recording is not None and self._archive is not None:
            stream.remove_player(recording.player)
            self._archive.finish(recording.path, recording.recorder)
        self._directory.end(stream)
        if not self._streams:
            self._ends.discard(self._end_all)

    def _refuse(self, stream_id: int, reason: Exception) -> None:
        self._client.log(f"publish refused: {reason}")
        self._connection.reject_publish(stream_id, description=str(reason))

    def _begin(self, stream_id: int, name: StreamName) -> None:
        self._accept(stream_id, self._take(stream_id, name))

    def _take(self, stream_id: int, name: StreamName) -> LiveStream:
        stream = self._directory.begin(name, self._client.address, lambda: self._replaced(stream_id))
        self._streams[stream_id] = stream
        self._coalescing.published()
        self._client.has_published = True
        self._ends.add(self._end_all)
        return stream

    def _accept(self, stream_id: int, stream: LiveStream) -> None:
        self._client.log(f"publishes {stream.name}")
        self._connection.accept_publish(stream_id, sink=stream.push)

    async def _begin_live(self, stream_id: int, name: StreamName, archive: LiveArchive) -> None:
        """Begin a stream that is recorded if it can be: its client has not asked for that, nor hears of it.

        An encoder may take a status that it does not know for the end.
        """
        path = await self._place_if_possible(name, archive)
        try:
            stream = self._take(stream_id, name)
        except Refused as refusal:
            self._refuse(stream_id, refusal)
            return
        if path is not None:
            recorder = archive.record(name, self._client.address, path, RecordMode.APPEND)
            self._hand_over(stream_id, stream, path, recorder)
        self._accept(stream_id, stream)

    async def _place_if_possible(self, name: StreamName, archive: LiveArchive) -> Path | None:
        try:
            return await archive.place(name, self._client.address)
        except (Refused, InvalidStreamName) as reason:
            self._client.log(f"{name} is not recorded: {reason}")
            return None

    async def _begin_recorded(self, event: PublishRequested, name: StreamName, archive: LiveArchive) -> None:
        stream_id, address = event.stream_id, self._client.address
        try:
            path = await archive.place(name, address)
            stream = self._take(stream_id, name)
        except (Refused, InvalidStreamName) as refusal:
            self._refuse(stream_id, refusal)
            return

        is_accepted = False

        def tell(level: str, code: str, description: str) -> None:
            """The client hears first that it publishes, then how the recording goes.

            Both at once, before it sends anything: one that sends fast and leaves without reading would have
            the rest of what it sent thrown away by its own TCP when another status came.
            """
            nonlocal is_accepted
            if not is_accepted:
                is_accepted = True
                if self._streams.get(stream_id) is stream:
                    self._accept(stream_id, stream)
            if self._heeded.get(stream_id) is stream:
                self._connection.send_status(stream_id, level, code, description)

        recorder = archive.record(name, address, path, _RECORD_MODES[event.kind], tell)
        self._heeded[stream_id] = stream
        self._hand_over(stream_id, stream, path, recorder)

    def _hand_over(self, stream_id: int, stream: LiveStream, path: Path, recorder: Recorder) -> None:
        """Give the recorder what is published from now on."""
        player = stream.add_player(RecordingOutlet(recorder))
        self._recordings[stream_id] = _Recording(path, recorder, player)

    def _replaced(self, stream_id: int) -> None:
        self._client.log("its stream is published by another client now")
        self.close(stream_id)
        reason = "another client publishes this stream now"
        if self._connection.session.stream_state(stream_id) is StreamState.PUBLISHING:
            self._connection.end_publish(stream_id, "error", "NetStream.Publish.BadName", reason)
        else:  # its recording is about to begin
            self._connection.reject_publish(stream_id, description=reason)
        if not self._connection.session.has_active_streams:
            self._connection.close()

    def _end_all(self) -> None:
        for stream_id in list(self._streams):
            self.close(stream_id)
        self._connection.close()
