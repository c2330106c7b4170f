"""What a server makes of what its client sends: `connect` and calls; which command is whose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rtmp.capabilities import Capabilities
from rtmp.commands import ERROR, RESULT, Command
from rtmp.errors import RemoteProtocolError
from rtmp.events import (
    CallReceived,
    ConnectRequested,
    ErrorReceived,
    ResultReceived,
    StreamLengthRequested,
)
from rtmp.handshake import ServerHandshake
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import BandwidthLimit, MessageType, pack_u32
from rtmp.server_answers import NOTICES
from rtmp.session_control import DEFAULT_WINDOW
from rtmp.state import ConnectionInput, ConnectionState
from rtmp.stream_requests import StreamRequests

_FAREWELLS = frozenset(("FCUnpublish", "closeStream", "deleteStream"))


class ServerRequests(StreamRequests):
    """Answers what needs no decision, and turns the rest into events."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, chunk_size: int = 4096) -> None:
        super().__init__(ServerHandshake(), limits, chunk_size)
        self.client_capabilities = Capabilities()
        """What the client said in `connect` that it supports."""
        self._connect_id = 0.0

    def _on_handshake_done(self) -> None:
        return

    def _on_command(self, command: Command, stream_id: int) -> None:
        self.peer_is_leaving = command.name in _FAREWELLS
        if command.name == "connect":
            self._on_connect(command)
        elif self.state is ConnectionState.UNCONNECTED:
            raise RemoteProtocolError(f"{command.name[:64]!r} comes before connect")
        elif self.state is ConnectionState.CONNECTING and command.name != "close":
            self._send_error(
                command.transaction_id, "NetConnection.Call.Failed", "connect is not yet answered"
            )
        elif handler := _COMMANDS.get(command.name):
            handler(self, command, stream_id)
        else:
            self._on_call(command, stream_id)

    def _on_connect(self, command: Command) -> None:
        self._advance(ConnectionInput.CONNECT, RemoteProtocolError)
        command_object = command.command_object
        if not isinstance(command_object, Mapping):
            raise RemoteProtocolError("connect has no command object")
        app, tc_url = command_object.get("app"), command_object.get("tcUrl")
        self.object_encoding = 3 if command_object.get("objectEncoding") == 3 else 0
        self.client_capabilities = Capabilities.from_command_object(command_object)
        self._connect_id = command.transaction_id
        self._announce_window(DEFAULT_WINDOW)
        self._send_control(
            MessageType.SET_PEER_BANDWIDTH, pack_u32(DEFAULT_WINDOW) + bytes((BandwidthLimit.DYNAMIC,))
        )
        self._announce_chunk_size()
        self._events.append(
            ConnectRequested(
                command.transaction_id,
                app if isinstance(app, str) else "",
                tc_url if isinstance(tc_url, str) else "",
                command_object,
                command.arguments,
                self.object_encoding,
            )
        )

    def _on_call(self, command: Command, stream_id: int) -> None:
        transaction_id = command.transaction_id
        if self._may_wait(transaction_id):
            self._events.append(CallReceived(command.name, transaction_id, command.arguments, stream_id))

    def _on_answer(self, command: Command, _stream_id: int) -> None:
        event = ResultReceived if command.name == RESULT else ErrorReceived
        self._events.append(event(command.transaction_id, command.arguments))

    def _on_close(self, _command: Command, _stream_id: int) -> None:
        self.close()

    def _answer_stream_length(self, command: Command, _stream_id: int) -> None:
        transaction_id = command.transaction_id
        name = command.arguments[0] if command.arguments else None
        if transaction_id and self._may_wait(transaction_id):
            self._events.append(StreamLengthRequested(transaction_id, name if isinstance(name, str) else ""))


_COMMANDS: Mapping[str, Callable[[ServerRequests, Command, int], None]] = {
    "publish": ServerRequests._on_publish,
    "play": ServerRequests._on_play,
    "closeStream": ServerRequests._on_close_stream,
    "receiveAudio": ServerRequests._on_receive,
    "receiveVideo": ServerRequests._on_receive,
    "pause": ServerRequests._on_pause,
    "pauseRaw": ServerRequests._on_pause,
    "seek": ServerRequests._on_seek,
    "play2": ServerRequests._on_play2,
    "createStream": ServerRequests._on_create_stream,
    "deleteStream": ServerRequests._on_delete_stream,
    "close": ServerRequests._on_close,
    RESULT: ServerRequests._on_answer,
    ERROR: ServerRequests._on_answer,
    "releaseStream": ServerRequests._answer_undefined,
    **dict.fromkeys(NOTICES, ServerRequests._answer_with_notice),
    "_checkbw": ServerRequests._answer_undefined,
    "checkBandwidth": ServerRequests._answer_bandwidth,
    "getStreamLength": ServerRequests._answer_stream_length,
}
"""The commands that are known here; one with another name is a call, for the program to answer."""
