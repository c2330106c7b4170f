"""A player of a live stream with a real session, and what its client reads of what that sends."""

from __future__ import annotations

from dataclasses import dataclass

from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.commands import Command
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import Limits
from rtmp.messages import Message, MessageType, Payload
from rtmp.relay.live_player import LivePlayer
from rtmp.server_session import ServerSession
from rtmp.shared_message import SharedMessage

_HELLO = b"\x03" + bytes(2 * PACKET_SIZE)
_LIMITS = Limits(max_audio_size=1 << 20)
RELAYED = (MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0)


@dataclass(frozen=True, slots=True)
class Got:
    """A message of the live stream that a player was sent, and whether only as a header to begin with.

    `stay` counts up whenever the player may get again what it has: it has left and come back.
    """

    message: SharedMessage
    is_repeated: bool
    stay: int


class Viewer:
    """An `Outlet` with room for so many messages, on one of the message streams of a connection."""

    def __init__(self, stream_id: int, chunk_size: int) -> None:
        self.session = ServerSession(chunk_size=chunk_size)
        self.stream_id = stream_id
        self.player: LivePlayer | None = None
        self.room = 0
        self.stay = 0
        self.wants = {MessageType.AUDIO: True, MessageType.VIDEO: True}
        self.got: list[Got] = []
        self._sent: list[tuple[int, int, bytes]] = []
        self._client = ChunkWriter()
        self._reader = ChunkReader(_LIMITS)
        self._messages: list[Message] = []
        self._begin()

    def _begin(self) -> None:
        self.session.receive_data(_HELLO)
        self.session.data_to_send()
        self._command("connect", 0, {"app": "live"})
        self.session.accept_connect()
        for _ in range(self.stream_id):
            self._command("createStream", 0)
        self._command("play", self.stream_id, None, "x")
        self.session.accept_play(self.stream_id)

    def _command(self, name: str, stream_id: int, *values: object) -> None:
        command_object, *arguments = values or (None,)
        type_id, payload = Command(name, 1.0, command_object, tuple(arguments)).serialize()  # type: ignore[arg-type]
        self.session.receive_data(b"".join(self._client.write(3, type_id, stream_id, 0, payload)))

    # As an Outlet

    def offer(self, message: SharedMessage) -> bool:
        """Send as `ServerConnection.offer_shared` does: at once, behind what the session holds."""
        if self.room <= 0:
            return False
        self.room -= 1
        self._read(self.session.data_to_send())
        self._read(self.session.serialize_shared(self.stream_id, message))
        self._note(message, is_repeated=False)
        return True

    def send(self, message: SharedMessage) -> None:
        """Send as `ServerConnection.send_shared` does."""
        self.session.send_shared(self.stream_id, message)
        self._note(message, is_repeated=True)

    def begin(self) -> None:
        """Announce it."""
        self.session.announce_publish(self.stream_id)

    def end(self) -> None:
        """Announce it."""
        self.session.announce_unpublish(self.stream_id)

    # What its client does, and what else its server sends

    def receive(self, kind: MessageType, wanted: bool) -> None:
        """Let the client say whether it wants audio or video."""
        self.wants[kind] = wanted
        name = "receiveAudio" if kind == MessageType.AUDIO else "receiveVideo"
        self._command(name, self.stream_id, None, wanted)

    def send_alone(self, kind: MessageType, timestamp_ms: int, payload: Payload) -> None:
        """Send a message of this player's own."""
        send = self.session.send_audio if kind == MessageType.AUDIO else self.session.send_video
        send(self.stream_id, timestamp_ms, payload)
        if self.wants[kind]:
            self._sent.append((kind, timestamp_ms & 0xFFFFFFFF, bytes(payload)))

    def check(self) -> None:
        """Assert that the client has read what was sent, byte for byte."""
        self._read(self.session.data_to_send())
        assert self._reader.assembling_bytes == 0
        read = [
            (message.type_id, message.timestamp_ms, bytes(message.payload))
            for message in self._messages
            if message.type_id in RELAYED and message.stream_id == self.stream_id
        ]
        assert read == self._sent

    def _note(self, message: SharedMessage, *, is_repeated: bool) -> None:
        if self.wants.get(MessageType(message.type_id), True):
            self.got.append(Got(message, is_repeated, self.stay))
            self._sent.append((message.type_id, message.timestamp_ms, bytes(message.payload)))

    def _read(self, data: bytes) -> None:
        self._reader.receive_data(data, self._messages)
