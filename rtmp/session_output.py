"""The sending half of a session: commands, media and control messages become bytes that wait to be sent."""

from __future__ import annotations

from rtmp.amf0 import AmfValue
from rtmp.chunk import COMMAND_CHUNK_STREAM, CONTROL_CHUNK_STREAM
from rtmp.chunk_writer import ChunkWriter
from rtmp.commands import Command, serialize_data
from rtmp.errors import LocalProtocolError, RtmpError
from rtmp.messages import Message, MessageType, Payload, UserControl, UserControlType, pack_u32
from rtmp.state import CONNECTION_TRANSITIONS, ConnectionInput, ConnectionState, advance

ENDED = (ConnectionState.CLOSING, ConnectionState.CLOSED)
_FIRST_MEDIA_CHUNK_STREAM = 4
# Four chunk streams for each message stream, in ids of one byte; the writer restates the header when two
# message streams meet in one.
_MEDIA_CHUNK_STREAM_SLOTS = 15
_AUDIO, _VIDEO, _DATA, _COMMAND = range(4)


def media_chunk_stream(stream_id: int, kind: int) -> int:
    """Return the chunk stream that carries one kind of message of a message stream."""
    return _FIRST_MEDIA_CHUNK_STREAM + (stream_id - 1) % _MEDIA_CHUNK_STREAM_SLOTS * 4 + kind


def media_chunk_streams(stream_id: int) -> dict[int, int]:
    """Return the chunk streams of a message stream by message type."""
    kinds = {MessageType.AUDIO: _AUDIO, MessageType.VIDEO: _VIDEO, MessageType.DATA_AMF0: _DATA}
    return {int(message_type): media_chunk_stream(stream_id, kind) for message_type, kind in kinds.items()}


class SessionOutput:
    """What a connection's state allows to be sent, and what waits to be sent."""

    def __init__(self, chunk_size: int) -> None:
        self.state = ConnectionState.HANDSHAKE
        self.object_encoding = 0
        self.bytes_sent = 0
        self.commands_exchanged = 0
        """Commands in both directions, answers and statuses among them."""
        self.pending_size = 0
        """Bytes that data_to_send would return."""
        self._chunk_size = chunk_size
        self._announced_window = 0
        self._writer = ChunkWriter()
        self._out: list[Payload] = []

    def data_to_send(self) -> bytes:
        """Return, and forget, the bytes to send to the peer."""
        if not self._out:
            return b""
        data = bytes(self._out[0]) if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        self.pending_size = 0
        return data

    def _advance(self, cause: ConnectionInput, at_fault: type[RtmpError]) -> None:
        self.state = advance(CONNECTION_TRANSITIONS, self.state, cause, at_fault)

    def _check_open(self) -> None:
        if self.state is ConnectionState.HANDSHAKE or self.state in ENDED:
            raise LocalProtocolError(f"nothing can be sent in state {self.state.name}")

    def _check_connected(self) -> None:
        if self.state is not ConnectionState.CONNECTED:
            raise LocalProtocolError(f"not possible in state {self.state.name}, only once connected")

    def _queue(self, data: Payload) -> None:
        if data:
            self._out.append(data)
            self.pending_size += len(data)
            self.bytes_sent += len(data)

    def _send(
        self, chunk_stream: int, type_id: int, stream_id: int, timestamp_ms: int, payload: Payload
    ) -> None:
        pieces = self._writer.write(chunk_stream, type_id, stream_id, timestamp_ms, payload)
        size = sum(map(len, pieces))
        self._out += pieces
        self.pending_size += size
        self.bytes_sent += size

    def _send_control(self, message_type: MessageType, payload: bytes) -> None:
        self._send(CONTROL_CHUNK_STREAM, message_type, 0, 0, payload)

    def _send_user_control(self, event_type: UserControlType, *values: int) -> None:
        self._send_control(MessageType.USER_CONTROL, UserControl(event_type, values).serialize())

    def _send_amf0_command(self, command: Command) -> None:
        """Send `connect` or its answer, which are AMF0 whatever the two agree on."""
        message_type, payload = command.serialize()
        self._send(COMMAND_CHUNK_STREAM, message_type, 0, 0, payload)

    def _send_command(self, command: Command, stream_id: int = 0) -> None:
        self.commands_exchanged += 1
        message_type, payload = command.serialize(amf3=self.object_encoding == 3)
        chunk_stream = media_chunk_stream(stream_id, _COMMAND) if stream_id else COMMAND_CHUNK_STREAM
        self._send(chunk_stream, message_type, stream_id, 0, payload)

    def _send_data(self, stream_id: int, timestamp_ms: int, values: tuple[AmfValue, ...]) -> None:
        message_type, payload = serialize_data(values, amf3=self.object_encoding == 3)
        self._send(media_chunk_stream(stream_id, _DATA), message_type, stream_id, timestamp_ms, payload)

    def _send_audio(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        chunk_stream = media_chunk_stream(stream_id, _AUDIO)
        self._send(chunk_stream, MessageType.AUDIO, stream_id, timestamp_ms, payload)

    def _send_aggregate(self, stream_id: int, message: Message) -> None:
        chunk_stream = media_chunk_stream(stream_id, _VIDEO)
        self._send(chunk_stream, message.type_id, stream_id, message.timestamp_ms, message.payload)

    def _send_video(self, stream_id: int, timestamp_ms: int, payload: Payload) -> None:
        chunk_stream = media_chunk_stream(stream_id, _VIDEO)
        self._send(chunk_stream, MessageType.VIDEO, stream_id, timestamp_ms, payload)

    def _announce_window(self, window: int) -> None:
        self._announced_window = window
        self._send_control(MessageType.WINDOW_ACK_SIZE, pack_u32(window))

    def _announce_chunk_size(self) -> None:
        self._send_control(MessageType.SET_CHUNK_SIZE, pack_u32(self._chunk_size))
        self._writer.chunk_size = self._chunk_size
