"""The server's side of a connection (RTMP 1.0 §7.2)."""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.amf0 import AmfValue
from rtmp.commands import ERROR, RESULT, Command, make_info
from rtmp.errors import LocalProtocolError
from rtmp.events import ConnectRequested
from rtmp.messages import UserControlType
from rtmp.player_commands import PlayerCommands
from rtmp.session import MediaSink
from rtmp.state import ConnectionInput, StreamInput, StreamState

_FMS_VERSION = "FMS/4,5,0,297"
_CAPABILITIES = 255.0


class ServerSession(PlayerCommands):
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

    # Helpers

    def _check_connect_event(self, event: ConnectRequested | None) -> None:
        if event is not None and event.transaction_id != self._connect_id:
            raise LocalProtocolError(f"connect {event.transaction_id} does not wait for an answer")
