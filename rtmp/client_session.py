"""The client's side of a connection (RTMP 1.0 §7.2)."""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.amf0 import AmfValue
from rtmp.capabilities import Capabilities
from rtmp.chunk import COMMAND_CHUNK_STREAM
from rtmp.client_replies import CONNECT_ID, ClientReplies
from rtmp.commands import RESULT, Command
from rtmp.errors import LocalProtocolError
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import MessageType, Payload, UserControlType
from rtmp.state import ConnectionInput, ConnectionState, StreamInput, StreamState
from rtmp.url import RtmpUrl

PUBLISH_KINDS = ("live", "record", "append", "appendWithGap")
PLAY_LIVE_OR_RECORDED = -2000.0
PLAY_ALL = -1000.0
# What a command object says of codecs: all that Flash Player knew.
_AUDIO_CODECS, _VIDEO_CODECS = 3575.0, 252.0
_CAPABILITIES = 239.0


class ClientSession(ClientReplies):
    """Talks to one server. The first bytes to send are there at once: the handshake.

    `connect_arguments` follow the command object of `connect`; `command_object` adds to it or overrides.
    `capabilities` are told to the server. `auth_query` is what `rtmp.auth.client_auth` wants appended.
    Call `connect` at any time: it goes out once the handshake is done.
    """

    def __init__(
        self,
        url: str | RtmpUrl,
        connect_arguments: tuple[AmfValue, ...] = (),
        *,
        command_object: Mapping[str, AmfValue] | None = None,
        capabilities: Capabilities | None = None,
        auth_query: str = "",
        digest: bool = True,
        object_encoding: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        chunk_size: int = 4096,
    ) -> None:
        super().__init__(limits, digest=digest, object_encoding=object_encoding, chunk_size=chunk_size)
        self.url = url if isinstance(url, RtmpUrl) else RtmpUrl.parse(url)
        self._arguments = connect_arguments
        self._extra = command_object or {}
        self._capabilities = capabilities or Capabilities()
        self._auth_query = auth_query
        self._last_id = CONNECT_ID
        self._announced: dict[int, str] = {}
        self._connect_message = (MessageType.COMMAND_AMF0, b"")

    # Commands

    def connect(self) -> None:
        """Send `connect`, once the handshake is done. ConnectAccepted or ConnectRefused will answer.

        Raises LocalProtocolError if it was called before, AmfEncodeError for an argument or a member that
        AMF cannot express.
        """
        if self._connect_wanted or self.state not in (ConnectionState.HANDSHAKE, ConnectionState.UNCONNECTED):
            raise LocalProtocolError("connect was already called")
        self._connect_message = self._make_connect().serialize()
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

    def publish(self, stream_id: int, name: str, kind: str = "live", *, announce: bool = False) -> None:
        """Publish; a StatusReceived of NetStream.Publish.Start or of level "error" will answer.

        `kind` is one of `PUBLISH_KINDS`. With `announce` go first the commands that content networks want,
        releaseStream and FCPublish, and FCUnpublish when the stream closes. Raises LocalProtocolError unless
        the stream is idle.
        """
        if kind not in PUBLISH_KINDS:
            raise LocalProtocolError(f"{kind!r} is not a way to publish: {', '.join(PUBLISH_KINDS)}")
        self._move(stream_id, StreamInput.PUBLISH)
        if announce:
            self._announce("releaseStream", name)
            self._announce("FCPublish", name)
            self._announced[stream_id] = name
        self._send_command(Command("publish", 0.0, None, (name, kind)), stream_id)

    def play(
        self,
        stream_id: int,
        name: str,
        start: float = PLAY_LIVE_OR_RECORDED,
        duration: float = PLAY_ALL,
        reset: bool = True,
        *,
        announce: bool = False,
    ) -> None:
        """Play; a StatusReceived of NetStream.Play.Start or of level "error" will answer.

        `start` is -2000 for a live or else a recorded stream, -1000 for live only, or where in a recorded one
        to begin; a negative `duration` means all. Both are in milliseconds, as every known server takes
        them (§7.2.2.1 says seconds). Without `reset` a stream that plays already goes on, and this one
        follows; NetStream.Play.Start comes then, and nothing before unless it is refused. With `announce`
        goes first the FCSubscribe that content networks want. Raises LocalProtocolError unless the stream is
        idle, or plays and is not reset.
        """
        if reset or self.stream_state(stream_id) is not StreamState.PLAYING:
            self._move(stream_id, StreamInput.PLAY)
        if announce:
            self._announce("FCSubscribe", name)
        arguments: tuple[AmfValue, ...] = (name, start)
        if not reset:
            arguments += (duration, reset)
        elif duration != PLAY_ALL:
            arguments += (duration,)
        self._send_command(Command("play", 0.0, None, arguments), stream_id)
        self._send_user_control(UserControlType.SET_BUFFER_LENGTH, stream_id, 1000)

    def pause(self, stream_id: int, paused: bool, position_ms: float) -> None:
        """Pause or resume; NetStream.Pause.Notify or NetStream.Unpause.Notify will answer.

        `position_ms` is where the player is. Raises LocalProtocolError unless the stream plays.
        """
        self._send_to_player(stream_id, Command("pause", 0.0, None, (paused, position_ms)))

    def seek(self, stream_id: int, position_ms: float) -> None:
        """Seek; NetStream.Seek.Notify or a status of level "error" will answer.

        Raises LocalProtocolError unless the stream plays.
        """
        self._send_to_player(stream_id, Command("seek", 0.0, None, (position_ms,)))

    def receive_audio(self, stream_id: int, wanted: bool) -> None:
        """Say whether audio is wanted. Raises LocalProtocolError unless the stream plays."""
        self._send_to_player(stream_id, Command("receiveAudio", 0.0, None, (wanted,)))

    def receive_video(self, stream_id: int, wanted: bool) -> None:
        """Say whether video is wanted. Raises LocalProtocolError unless the stream plays."""
        self._send_to_player(stream_id, Command("receiveVideo", 0.0, None, (wanted,)))

    def close_stream(self, stream_id: int) -> None:
        """Stop publishing or playing; the stream can be used again."""
        self._move(stream_id, StreamInput.CLOSE)
        self._announce_end(stream_id)
        self._send_command(Command("closeStream", 0.0), stream_id)

    def delete_stream(self, stream_id: int) -> None:
        """Stop publishing or playing and give the stream up."""
        self._move(stream_id, StreamInput.CLOSE)
        del self._streams[stream_id]
        self._announce_end(stream_id)
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

    # Helpers

    def _make_connect(self) -> Command:
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
            **self._capabilities.to_command_object(),
            **self._extra,
        }
        for name in ("app", "tcUrl"):
            value = command_object[name]
            if isinstance(value, str):
                command_object[name] = value + self._auth_query
        return Command("connect", CONNECT_ID, command_object, self._arguments)

    def _send_connect(self) -> None:
        self._advance(ConnectionInput.CONNECT, LocalProtocolError)
        self._announce_chunk_size()
        message_type, payload = self._connect_message
        self._send(COMMAND_CHUNK_STREAM, message_type, 0, 0, payload)

    def _announce(self, name: str, stream_name: str) -> None:
        """Send a command whose answer, if it comes, nobody waits for."""
        self._last_id += 1
        self._send_command(Command(name, self._last_id, None, (stream_name,)))

    def _announce_end(self, stream_id: int) -> None:
        name = self._announced.pop(stream_id, None)
        if name is not None:
            self._announce("FCUnpublish", name)

    def _send_to_player(self, stream_id: int, command: Command) -> None:
        self._check_connected()
        if self._streams.get(stream_id) is not StreamState.PLAYING:
            raise LocalProtocolError(f"stream {stream_id} does not play")
        self._send_command(command, stream_id)

    def _check_publishing(self, stream_id: int) -> None:
        self._check_connected()
        if self._streams.get(stream_id) is not StreamState.PUBLISHING:
            raise LocalProtocolError(f"stream {stream_id} does not publish")
