"""The client's side of a connection (RTMP 1.0 §7.2)."""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.amf0 import AmfValue
from rtmp.commands import ERROR, ON_STATUS, RESULT, Command, info_text
from rtmp.errors import LocalProtocolError, RemoteProtocolError, RtmpError
from rtmp.events import (
    AudioReceived,
    CallReceived,
    ConnectAccepted,
    ConnectRefused,
    ErrorReceived,
    ResultReceived,
    StatusReceived,
    StreamBegun,
    StreamCreated,
    StreamEnded,
    VideoReceived,
)
from rtmp.handshake import ClientHandshake
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import Message, Payload, UserControl, UserControlType
from rtmp.session import DEFAULT_WINDOW, Session
from rtmp.state import STREAM_TRANSITIONS, ConnectionInput, ConnectionState, StreamInput, StreamState, advance
from rtmp.url import RtmpUrl

_CONNECT_ID = 1.0
# What a command object says of codecs: all that Flash Player knew.
_AUDIO_CODECS, _VIDEO_CODECS = 3575.0, 252.0
_CAPABILITIES = 239.0
_REFUSED_PLAY = frozenset(("NetStream.Play.StreamNotFound", "NetStream.Play.Failed", "NetStream.Failed"))


class ClientSession(Session):
    """Talks to one server. The first bytes to send are there at once: the handshake.

    `connect_arguments` follow the command object of `connect`; `command_object` adds to it or overrides.
    Call `connect` at any time: it goes out once the handshake is done.
    """

    def __init__(
        self,
        url: str,
        connect_arguments: tuple[AmfValue, ...] = (),
        *,
        command_object: Mapping[str, AmfValue] | None = None,
        digest: bool = True,
        object_encoding: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        chunk_size: int = 4096,
    ) -> None:
        handshake = ClientHandshake(digest=digest)
        super().__init__(handshake, limits, chunk_size)
        self.url = RtmpUrl.parse(url)
        self._arguments = connect_arguments
        self._extra = command_object or {}
        self._wanted_encoding = object_encoding
        self._last_id = _CONNECT_ID
        self._connect_wanted = False
        self._calls: set[float] = set()
        self._creates: set[float] = set()
        self._streams: dict[int, StreamState] = {}
        self._queue(handshake.first_bytes)

    # Commands

    def connect(self) -> None:
        """Send `connect`, once the handshake is done. ConnectAccepted or ConnectRefused will answer."""
        if self._connect_wanted or self.state not in (ConnectionState.HANDSHAKE, ConnectionState.UNCONNECTED):
            raise LocalProtocolError("connect was already called")
        self._connect_wanted = True
        if self.state is ConnectionState.UNCONNECTED:
            self._send_connect()

    def call(self, name: str, *arguments: AmfValue) -> float:
        """Call a method of the server; ResultReceived or ErrorReceived will carry the id that is returned.

        Raises LocalProtocolError unless connected, or if too many calls wait for an answer.
        """
        self._check_connected()
        if len(self._calls) + len(self._creates) >= self.limits.max_pending_calls:
            raise LocalProtocolError(f"more than {self.limits.max_pending_calls} calls wait for an answer")
        self._last_id += 1
        self._calls.add(self._last_id)
        self._send_command(Command(name, self._last_id, None, arguments))
        return self._last_id

    def notify(self, name: str, *arguments: AmfValue) -> None:
        """Call a method of the server without wanting an answer (id 0)."""
        self._check_connected()
        self._send_command(Command(name, 0.0, None, arguments))

    def respond(self, transaction_id: float, *values: AmfValue) -> None:
        """Answer a CallReceived of the server with `_result`; nothing is sent for id 0."""
        self._check_connected()
        if transaction_id:
            self._send_command(Command(RESULT, transaction_id, None, values))

    def create_stream(self) -> float:
        """Ask for a message stream; StreamCreated or ErrorReceived will carry the id that is returned."""
        transaction_id = self.call("createStream")
        self._calls.remove(transaction_id)
        self._creates.add(transaction_id)
        return transaction_id

    def publish(self, stream_id: int, name: str, kind: str = "live") -> None:
        """Publish; a StatusReceived of NetStream.Publish.Start or of level "error" will answer."""
        self._move(stream_id, StreamInput.PUBLISH)
        self._send_command(Command("publish", 0.0, None, (name, kind)), stream_id)

    def play(self, stream_id: int, name: str, start: float = -2000.0) -> None:
        """Play; a StatusReceived of NetStream.Play.Start or of level "error" will answer."""
        self._move(stream_id, StreamInput.PLAY)
        self._send_command(Command("play", 0.0, None, (name, start)), stream_id)
        self._send_user_control(UserControlType.SET_BUFFER_LENGTH, stream_id, 1000)

    def close_stream(self, stream_id: int) -> None:
        """Stop publishing or playing; the stream can be used again."""
        self._move(stream_id, StreamInput.CLOSE)
        self._send_command(Command("closeStream", 0.0), stream_id)

    def delete_stream(self, stream_id: int) -> None:
        """Stop publishing or playing and give the stream up."""
        self._move(stream_id, StreamInput.CLOSE)
        del self._streams[stream_id]
        self._send_command(Command("deleteStream", 0.0, None, (float(stream_id),)))

    def send_audio(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send an audio message. Raises LocalProtocolError unless the stream publishes."""
        self._check_publishing(stream_id)
        self._send_audio(stream_id, timestamp_ms, payload)

    def send_video(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Send a video message. Raises LocalProtocolError unless the stream publishes."""
        self._check_publishing(stream_id)
        self._send_video(stream_id, timestamp_ms, payload)

    def send_data(self, stream_id: int, timestamp_ms: int, *values: AmfValue) -> None:
        """Send a data message such as "@setDataFrame", "onMetaData", {...}."""
        self._check_publishing(stream_id)
        self._send_data(stream_id, timestamp_ms, values)

    def stream_state(self, stream_id: int) -> StreamState | None:
        """Return the state of a stream, None if it does not exist."""
        return self._streams.get(stream_id)

    # Helpers

    def _send_connect(self) -> None:
        self._advance(ConnectionInput.CONNECT, LocalProtocolError)
        command_object: dict[str, AmfValue] = {
            "app": self.url.app,
            "flashVer": "LNX 9,0,124,2",
            "tcUrl": self.url.tc_url,
            "fpad": False,
            "capabilities": _CAPABILITIES,
            "audioCodecs": _AUDIO_CODECS,
            "videoCodecs": _VIDEO_CODECS,
            "videoFunction": 1.0,
            "objectEncoding": float(self._wanted_encoding),
            **self._extra,
        }
        self._announce_chunk_size()
        self._send_amf0_command(Command("connect", _CONNECT_ID, command_object, self._arguments))

    def _move(
        self, stream_id: int, cause: StreamInput, at_fault: type[RtmpError] = LocalProtocolError
    ) -> None:
        if at_fault is LocalProtocolError:
            self._check_connected()
        state = self._streams.get(stream_id)
        if state is None:
            raise at_fault(f"there is no stream {stream_id}")
        self._streams[stream_id] = advance(STREAM_TRANSITIONS, state, cause, at_fault)

    def _check_publishing(self, stream_id: int) -> None:
        self._check_connected()
        if self._streams.get(stream_id) is not StreamState.PUBLISHING:
            raise LocalProtocolError(f"stream {stream_id} does not publish")

    # What the server sends

    def _on_handshake_done(self) -> None:
        if self._connect_wanted:
            self._send_connect()

    def _on_command(self, command: Command, stream_id: int) -> None:
        if command.name in (RESULT, ERROR):
            self._on_answer(command)
        elif command.name == ON_STATUS:
            self._on_status(command, stream_id)
        elif command.name == "close":
            self.close()
        else:
            self._events.append(
                CallReceived(command.name, command.transaction_id, command.arguments, stream_id)
            )

    def _on_answer(self, command: Command) -> None:
        transaction_id = command.transaction_id
        if transaction_id == _CONNECT_ID and self.state is ConnectionState.CONNECTING:
            self._on_connect_answer(command)
        elif transaction_id in self._creates and command.name == RESULT:
            self._creates.remove(transaction_id)
            self._on_stream_created(command)
        elif transaction_id in self._calls or transaction_id in self._creates:
            self._calls.discard(transaction_id)
            self._creates.discard(transaction_id)
            event = ResultReceived if command.name == RESULT else ErrorReceived
            self._events.append(event(transaction_id, command.arguments))
        # servers also answer what asked for no answer (id 0): nobody waits for it

    def _on_connect_answer(self, command: Command) -> None:
        info = command.arguments[0] if command.arguments else None
        code, description = info_text(info, "code"), info_text(info, "description")
        if command.name == ERROR:
            self._advance(ConnectionInput.REJECT, RemoteProtocolError)
            self._events.append(ConnectRefused(code or "NetConnection.Connect.Failed", description, info))
            return
        self._advance(ConnectionInput.ACCEPT, RemoteProtocolError)
        if isinstance(info, Mapping) and info.get("objectEncoding") == 3:
            self.object_encoding = self._wanted_encoding
        self._announce_window(DEFAULT_WINDOW)
        self._events.append(ConnectAccepted(description, command.command_object, info))

    def _on_stream_created(self, command: Command) -> None:
        value = command.arguments[0] if command.arguments else None
        if not isinstance(value, int | float) or not 1 <= value < 2**32:
            raise RemoteProtocolError(f"createStream was answered with {value!r:.40} instead of a stream id")
        stream_id = int(value)
        self._streams[stream_id] = StreamState.IDLE
        self._events.append(StreamCreated(stream_id, command.transaction_id))

    def _on_status(self, command: Command, stream_id: int) -> None:
        info = command.arguments[0] if command.arguments else None
        code, level = info_text(info, "code"), info_text(info, "level")
        cause = self._cause_of_status(code, level, self._streams.get(stream_id))
        if cause is not None:
            self._move(stream_id, cause, RemoteProtocolError)
        self._events.append(StatusReceived(stream_id, code, level, info_text(info, "description"), info))

    @staticmethod
    def _cause_of_status(code: str, level: str, state: StreamState | None) -> StreamInput | None:
        """Return how a status moves a stream in this state, None if it does not."""
        if state is StreamState.PUBLISH_REQUESTED:
            if code == "NetStream.Publish.Start":
                return StreamInput.ACCEPT_PUBLISH
            return StreamInput.REJECT_PUBLISH if level == "error" else None
        if state is StreamState.PLAY_REQUESTED:
            if code == "NetStream.Play.Start":
                return StreamInput.ACCEPT_PLAY
            return StreamInput.REJECT_PLAY if level == "error" or code in _REFUSED_PLAY else None
        return None

    def _on_stream_control(self, control: UserControl) -> None:
        if control.event_type == UserControlType.STREAM_BEGIN:
            self._events.append(StreamBegun(control.values[0]))
        elif control.event_type == UserControlType.STREAM_EOF:
            self._events.append(StreamEnded(control.values[0]))

    def _takes_data(self, stream_id: int) -> bool:
        return self._streams.get(stream_id) in (StreamState.PLAY_REQUESTED, StreamState.PLAYING)

    def _on_audio(self, message: Message) -> None:
        if self._takes_data(message.stream_id):
            self._events.append(AudioReceived(message.stream_id, message.timestamp_ms, message.payload))

    def _on_video(self, message: Message) -> None:
        if self._takes_data(message.stream_id):
            self._events.append(VideoReceived(message.stream_id, message.timestamp_ms, message.payload))

    def _data_values(self, values: tuple[AmfValue, ...]) -> tuple[AmfValue, ...]:
        return values

    def _close_streams(self) -> None:
        self._streams.clear()
