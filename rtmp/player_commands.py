"""What a server says and sends to those who play."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rtmp.amf0 import AmfValue
from rtmp.commands import make_info
from rtmp.errors import LocalProtocolError
from rtmp.events import PlayRequested
from rtmp.messages import Message, MessageType, Payload, UserControlType, join_aggregate
from rtmp.server_requests import ServerRequests
from rtmp.server_stream import ServerStream
from rtmp.shared_message import SharedMessage
from rtmp.state import ConnectionState, StreamInput, StreamState

_AUDIO: Final = int(MessageType.AUDIO)
_VIDEO: Final = int(MessageType.VIDEO)
_CONNECTED: Final = ConnectionState.CONNECTED


class PlayerCommands(ServerRequests):
    """Answers to those who want to play, what they are sent, and how it ends."""

    def accept_play(
        self, stream_id: int, description: str = "", *, recorded: bool = False, reset: bool = True
    ) -> None:
        """Answer PlayRequested; the stream can be sent to afterwards.

        A player of what is `recorded` knows that it can seek; `reset` says what its event says. Raises
        LocalProtocolError if none waits.
        """
        stream = self._stream(stream_id)
        stream.advance(StreamInput.ACCEPT_PLAY)
        text = description or f"Started playing {stream.name}."
        if recorded:
            self._send_user_control(UserControlType.STREAM_IS_RECORDED, stream_id)
        self._send_user_control(UserControlType.STREAM_BEGIN, stream_id)
        if reset:
            self._send_status(
                stream_id, "status", "NetStream.Play.Reset", f"Playing and resetting {stream.name}."
            )
        self._send_status(stream_id, "status", "NetStream.Play.Start", text)

    def reject_play(
        self,
        stream_id: int,
        code: str = "NetStream.Play.StreamNotFound",
        description: str = "No such stream.",
    ) -> None:
        """Refuse PlayRequested. Raises LocalProtocolError if none waits."""
        self._stream(stream_id).advance(StreamInput.REJECT_PLAY)
        self._send_status(stream_id, "error", code, description)

    def accept_seek(self, stream_id: int, position_ms: float) -> None:
        """Answer SeekRequested, before what is sent from the new position on.

        The client throws away what it has of the old one. Raises LocalProtocolError unless the stream plays.
        """
        stream = self._playing(stream_id)
        self._send_user_control(UserControlType.STREAM_EOF, stream_id)
        self._send_user_control(UserControlType.STREAM_IS_RECORDED, stream_id)
        self._send_user_control(UserControlType.STREAM_BEGIN, stream_id)
        self._send_status(stream_id, "status", "NetStream.Seek.Notify", f"Seeking {position_ms:.0f} ms.")
        self._send_status(stream_id, "status", "NetStream.Play.Start", f"Started playing {stream.name}.")

    def reject_seek(
        self,
        stream_id: int,
        description: str = "This stream cannot be sought in.",
        code: str = "NetStream.Seek.Failed",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Refuse SeekRequested; the stream plays on. Raises LocalProtocolError unless it plays or is to."""
        if self._stream(stream_id).state is not StreamState.PLAY_REQUESTED:
            self._playing(stream_id)
        self._send_status(stream_id, "error", code, description, extra)

    def send_audio(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send an audio message to a player. Raises LocalProtocolError unless the stream plays."""
        self._send_media(_AUDIO, stream_id, timestamp_ms, payload)

    def send_video(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send a video message to a player. Raises LocalProtocolError unless the stream plays."""
        self._send_media(_VIDEO, stream_id, timestamp_ms, payload)

    def send_shared(self, stream_id: int, message: SharedMessage) -> None:
        """Send a message that many players get. Raises LocalProtocolError unless the stream plays."""
        data = self.serialize_shared(stream_id, message)
        self.bytes_sent -= len(data)
        self._queue(data)

    def serialize_shared(self, stream_id: int, message: SharedMessage) -> bytes:
        """Return a message that many players get, to be sent at once, after what is still in the session.

        Nothing if this player wants no audio or no video. Raises LocalProtocolError unless the stream plays.
        """
        stream = self._streams.get(stream_id)
        chunk_stream = stream.sendable.get(message.type_id) if stream is not None else None
        if chunk_stream is None:
            self._playing(stream_id)
            return b""
        data = self._writer.write_shared(chunk_stream, stream_id, message)
        self.bytes_sent += len(data)
        return data

    def send_aggregate(self, stream_id: int, messages: Iterable[Message]) -> None:
        """Send audio, video and data messages as one, of which a player sees the parts.

        Fewer bytes and system calls for what is sent faster than in real time, such as a file. Raises
        LocalProtocolError unless the stream plays.
        """
        stream = self._playing(stream_id)
        takes: dict[int, bool] = {MessageType.AUDIO: stream.audio, MessageType.VIDEO: stream.video}
        wanted = [message for message in messages if takes.get(message.type_id, True)]
        if wanted:
            self._send_aggregate(stream_id, join_aggregate(wanted))

    def send_data(self, stream_id: int, timestamp_ms: int, *values: AmfValue) -> None:
        """Send a data message to a player. Raises LocalProtocolError unless the stream plays."""
        self._playing(stream_id)
        self._send_data(stream_id, timestamp_ms, values)

    def announce_publish(self, stream_id: int) -> None:
        """Tell a player that its stream is published again. Raises LocalProtocolError unless it plays."""
        name = self._playing(stream_id).name
        self._send_user_control(UserControlType.STREAM_BEGIN, stream_id)
        self._send_status(stream_id, "status", "NetStream.Play.PublishNotify", f"{name} is now published.")

    def announce_unpublish(self, stream_id: int) -> None:
        """Tell a player that its stream has ended for now. Raises LocalProtocolError unless it plays."""
        name = self._playing(stream_id).name
        self._send_user_control(UserControlType.STREAM_EOF, stream_id)
        self._send_status(stream_id, "status", "NetStream.Play.UnpublishNotify", f"{name} is unpublished.")

    def stop_play(self, stream_id: int, description: str = "") -> None:
        """Play no more, though the stream may go on: Stream EOF and NetStream.Play.Stop.

        Raises LocalProtocolError unless it plays.
        """
        stream = self._playing(stream_id)
        stream.advance(StreamInput.CLOSE)
        self._send_user_control(UserControlType.STREAM_EOF, stream_id)
        text = description or f"Stopped playing {stream.name}."
        self._send_status(stream_id, "status", "NetStream.Play.Stop", text)

    def end_play(self, stream_id: int, description: str = "") -> None:
        """Tell a player that its stream has ended: as `stop_play`, and NetStream.Play.UnpublishNotify."""
        name = self._playing(stream_id).name
        self.stop_play(stream_id, description)
        self._send_status(stream_id, "status", "NetStream.Play.UnpublishNotify", f"{name} is unpublished.")

    def complete_play(
        self, stream_id: int, timestamp_ms: int, duration_s: float, size_bytes: int, description: str = ""
    ) -> None:
        """Tell a player that all of a recording has been sent: Play.Complete, Stream EOF, Play.Stop.

        The stream still plays: the client may seek back. Raises LocalProtocolError unless it plays.
        """
        stream = self._playing(stream_id)
        text = description or f"Stopped playing {stream.name}."
        totals = {"duration": duration_s, "bytes": float(size_bytes)}
        self._send_play_status(stream_id, timestamp_ms, "NetStream.Play.Complete", totals)
        self._send_user_control(UserControlType.STREAM_EOF, stream_id)
        self._send_status(stream_id, "status", "NetStream.Play.Stop", text)

    def announce_switch(
        self, stream_id: int, timestamp_ms: int, extra: Mapping[str, AmfValue] | None = None
    ) -> None:
        """Tell a player that what plays is over and the next of its list follows: Play.Switch.

        `next_play` returns that. Raises LocalProtocolError unless the stream plays.
        """
        self._playing(stream_id)
        self._send_play_status(stream_id, timestamp_ms, "NetStream.Play.Switch", extra)

    def has_next_play(self, stream_id: int) -> bool:
        """Return whether the client wants something played after what plays."""
        stream = self._streams.get(stream_id)
        return stream is not None and bool(stream.playlist)

    def next_play(self, stream_id: int) -> PlayRequested | None:
        """Return what the client wants played next, to be answered as if it asked now; None if nothing.

        What played ends, without a word. Raises LocalProtocolError if there is no such stream, or a request
        waits for an answer.
        """
        stream = self._stream(stream_id)
        if not stream.playlist:
            return None
        stream.advance(StreamInput.PLAY_NEXT)
        event = stream.playlist.popleft()
        stream.name = event.name
        return event

    def _send_media(self, type_id: int, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        stream = self._streams.get(stream_id)
        chunk_stream = stream.sendable.get(type_id) if stream is not None else None
        if chunk_stream is None or self.state is not _CONNECTED:
            self._playing(stream_id)  # else the player wants none of the kind
            return
        self._send(chunk_stream, type_id, stream_id, timestamp_ms, payload)

    def _send_play_status(
        self, stream_id: int, timestamp_ms: int, code: str, extra: Mapping[str, AmfValue] | None
    ) -> None:
        info = make_info("status", code, "", extra)
        self._send_data(stream_id, timestamp_ms, ("onPlayStatus", info))

    def _playing(self, stream_id: int) -> ServerStream:
        stream = self._stream(stream_id)
        if stream.state is not StreamState.PLAYING:
            raise LocalProtocolError(f"stream {stream_id} is in state {stream.state.name}, not PLAYING")
        return stream
