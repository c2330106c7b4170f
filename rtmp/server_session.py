"""The server's side of a connection (RTMP 1.0 §7.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rtmp.amf0 import AmfValue
from rtmp.commands import ERROR, RESULT, Command, make_info
from rtmp.errors import LocalProtocolError
from rtmp.events import ConnectRequested
from rtmp.messages import Message, MessageType, Payload, UserControlType, join_aggregate
from rtmp.server_requests import ServerRequests
from rtmp.server_stream import ServerStream
from rtmp.session import MediaSink
from rtmp.shared_message import SharedMessage
from rtmp.state import ConnectionInput, StreamInput, StreamState

_FMS_VERSION = "FMS/4,5,0,297"
_CAPABILITIES = 255.0


class ServerSession(ServerRequests):
    """Talks to one client.

    By itself it answers the handshake, pings, createStream, deleteStream, closeStream, receiveAudio,
    receiveVideo, pause, and the calls of Flash Media Live Encoder that need no more than a result
    (releaseStream, FCPublish and the like). Everything else becomes an event.
    """

    # Answers to events

    def accept_connect(
        self,
        event: ConnectRequested | None = None,
        description: str = "Connection succeeded.",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Answer `connect` with `_result`; `extra` members go into its information object.

        Raises LocalProtocolError unless a connect waits for an answer (the event's, if one is given).
        """
        self._check_connect_event(event)
        self._advance(ConnectionInput.ACCEPT, LocalProtocolError)
        properties: dict[str, AmfValue] = {"fmsVer": _FMS_VERSION, "capabilities": _CAPABILITIES, "mode": 1.0}
        info = make_info("status", "NetConnection.Connect.Success", description)
        info |= {"objectEncoding": float(self.object_encoding), **(extra or {})}
        self._send_amf0_command(Command(RESULT, self._connect_id, properties, (info,)))

    def reject_connect(
        self,
        code: str = "NetConnection.Connect.Rejected",
        description: str = "Connection rejected.",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Answer `connect` with `_error` and close: the session's state is CLOSING afterwards.

        Raises LocalProtocolError unless a connect waits for an answer.
        """
        self._advance(ConnectionInput.REJECT, LocalProtocolError)
        info = make_info("error", code, description, extra)
        self._send_amf0_command(Command(ERROR, self._connect_id, None, (info,)))

    def respond(self, transaction_id: float, *values: AmfValue) -> None:
        """Answer a CallReceived with `_result`. Nothing is sent for id 0, which asks for no answer.

        Raises LocalProtocolError if no call with that id waits for an answer.
        """
        if self._take_pending(transaction_id):
            self._send_command(Command(RESULT, transaction_id, None, values))

    def respond_error(
        self,
        transaction_id: float,
        code: str = "NetConnection.Call.Failed",
        description: str = "",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Answer a CallReceived with `_error`, otherwise as `respond`."""
        if self._take_pending(transaction_id):
            self._send_error(transaction_id, code, description, extra)

    def accept_publish(self, stream_id: int, description: str = "", sink: MediaSink | None = None) -> None:
        """Answer PublishRequested; media of the stream become events, or with a sink go there instead.

        Raises LocalProtocolError if none waits.
        """
        stream = self._stream(stream_id)
        stream.advance(StreamInput.ACCEPT_PUBLISH)
        if sink is not None:
            self._sinks[stream_id] = sink
        self._send_user_control(UserControlType.STREAM_BEGIN, stream_id)
        text = description or f"{stream.name} is now published."
        self._send_status(stream_id, "status", "NetStream.Publish.Start", text)

    def reject_publish(
        self, stream_id: int, code: str = "NetStream.Publish.BadName", description: str = "Publish refused."
    ) -> None:
        """Refuse PublishRequested. Raises LocalProtocolError if none waits."""
        self._stream(stream_id).advance(StreamInput.REJECT_PUBLISH)
        self._send_status(stream_id, "error", code, description)

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
        """Refuse SeekRequested; the stream plays on. Raises LocalProtocolError unless it plays."""
        self._playing(stream_id)
        self._send_status(stream_id, "error", code, description, extra)

    # Commands of the server's own

    def call(self, name: str, *arguments: AmfValue) -> None:
        """Call a method of the client's NetConnection.client (id 0: no answer is wanted).

        Raises LocalProtocolError unless connected, AmfEncodeError for an argument AMF cannot express.
        """
        self._check_connected()
        self._send_command(Command(name, 0.0, None, arguments))

    def send_status(
        self,
        stream_id: int,
        level: str,
        code: str,
        description: str = "",
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        """Send onStatus for a stream, or with stream 0 for the connection (NetConnection.Connect.Closed).

        Raises LocalProtocolError unless connected and the stream exists.
        """
        self._check_connected()
        if stream_id:
            self._stream(stream_id)
        self._send_status(stream_id, level, code, description, extra)

    def send_audio(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send an audio message to a player. Raises LocalProtocolError unless the stream plays."""
        if self._playing(stream_id).audio:
            self._send_audio(stream_id, timestamp_ms, payload)

    def send_video(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send a video message to a player. Raises LocalProtocolError unless the stream plays."""
        if self._playing(stream_id).video:
            self._send_video(stream_id, timestamp_ms, payload)

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

    def request_reconnect(self, tc_url: str = "", description: str = "") -> None:
        """Ask the client to connect anew, to `tc_url` if there is one; it may be relative (Enhanced RTMP v2).

        Only a client whose `client_capabilities` have RECONNECT does. Raises LocalProtocolError unless
        connected.
        """
        extra = {"tcUrl": tc_url} if tc_url else None
        self.send_status(0, "status", "NetConnection.Connect.ReconnectRequest", description, extra)

    @property
    def has_active_streams(self) -> bool:
        """Whether the client publishes or plays, or has asked to."""
        return any(stream.state is not StreamState.IDLE for stream in self._streams.values())

    def end_publish(self, stream_id: int, level: str, code: str, description: str) -> None:
        """Take no more of what a stream publishes, and say why; the stream stays.

        Raises LocalProtocolError unless it publishes.
        """
        stream = self._stream(stream_id)
        if stream.state is not StreamState.PUBLISHING:
            raise LocalProtocolError(f"stream {stream_id} is in state {stream.state.name}, not PUBLISHING")
        stream.advance(StreamInput.CLOSE)
        self._sinks.pop(stream_id, None)
        self._send_status(stream_id, level, code, description)

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
        info = make_info("status", "NetStream.Play.Complete", "", totals)
        self._send_data(stream_id, timestamp_ms, ("onPlayStatus", info))
        self._send_user_control(UserControlType.STREAM_EOF, stream_id)
        self._send_status(stream_id, "status", "NetStream.Play.Stop", text)

    def stream_state(self, stream_id: int) -> StreamState | None:
        """Return the state of a stream, None if it does not exist."""
        stream = self._streams.get(stream_id)
        return stream.state if stream else None

    # Helpers

    def _stream(self, stream_id: int) -> ServerStream:
        self._check_connected()
        stream = self._streams.get(stream_id)
        if stream is None:
            raise LocalProtocolError(f"there is no stream {stream_id}")
        return stream

    def _playing(self, stream_id: int) -> ServerStream:
        stream = self._stream(stream_id)
        if stream.state is not StreamState.PLAYING:
            raise LocalProtocolError(f"stream {stream_id} is in state {stream.state.name}, not PLAYING")
        return stream

    def _check_connect_event(self, event: ConnectRequested | None) -> None:
        if event is not None and event.transaction_id != self._connect_id:
            raise LocalProtocolError(f"connect {event.transaction_id} does not wait for an answer")
