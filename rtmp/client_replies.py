"""What a client makes of what its server sends: the receiving half of the client's session."""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.amf0 import AmfValue
from rtmp.capabilities import Capabilities
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
from rtmp.messages import Message, UserControl, UserControlType
from rtmp.session import Session
from rtmp.session_control import DEFAULT_WINDOW
from rtmp.state import STREAM_TRANSITIONS, ConnectionInput, ConnectionState, StreamInput, StreamState, advance

CONNECT_ID = 1.0
_REFUSED_PLAY = frozenset(("NetStream.Play.StreamNotFound", "NetStream.Play.Failed", "NetStream.Failed"))


class ClientReplies(Session):
    """Matches answers with questions, follows the states of streams, and turns the rest into events.

    `server_capabilities` is what the server says of itself when it accepts `connect`.
    """

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, digest: bool, object_encoding: int, chunk_size: int
    ) -> None:
        handshake = ClientHandshake(digest=digest)
        super().__init__(handshake, limits, chunk_size)
        self.server_capabilities = Capabilities()
        self._wanted_encoding = object_encoding
        self._connect_wanted = False
        self._calls: set[float] = set()
        self._creates: set[float] = set()
        self._streams: dict[int, StreamState] = {}
        self._queue(handshake.first_bytes)

    def stream_state(self, stream_id: int) -> StreamState | None:
        """Return the state of a stream, None if it does not exist."""
        return self._streams.get(stream_id)

    @property
    def is_in_use(self) -> bool:
        """Whether a stream is published or played, or is to be."""
        return any(state is not StreamState.IDLE for state in self._streams.values())

    @property
    def publishing_streams(self) -> list[int]:
        """None: servers publish nothing."""
        return []

    def _send_connect(self) -> None:
        raise NotImplementedError

    def _move(
        self, stream_id: int, cause: StreamInput, at_fault: type[RtmpError] = LocalProtocolError
    ) -> None:
        if at_fault is LocalProtocolError:
            self._check_connected()
        state = self._streams.get(stream_id)
        if state is None:
            raise at_fault(f"there is no stream {stream_id}")
        self._streams[stream_id] = advance(STREAM_TRANSITIONS, state, cause, at_fault)

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
        if transaction_id == CONNECT_ID and self.state is ConnectionState.CONNECTING:
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
        self.server_capabilities = Capabilities.from_command_object(
            {**_members(info), **_members(command.command_object)}
        )
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


def _members(value: AmfValue) -> Mapping[str, AmfValue]:
    return value if isinstance(value, Mapping) else {}
