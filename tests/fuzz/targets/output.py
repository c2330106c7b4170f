"""What holds for all that a session sends, whatever its peer did."""

from __future__ import annotations

from rtmp.chunk_reader import ChunkReader
from rtmp.commands import Command, parse_values
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import MIB, Limits
from rtmp.messages import Message, MessageType, UserControl
from rtmp.session import Session

# What references of AMF stand for is written out in answers: more than a peer may send at once.
_LIMITS = Limits(max_message_size=16 * MIB - 1, max_audio_size=16 * MIB - 1, max_amf_string=4 * MIB)
_COMMANDS = (MessageType.COMMAND_AMF0, MessageType.COMMAND_AMF3)
_DATA = (MessageType.DATA_AMF0, MessageType.DATA_AMF3)


class SentBySession:
    """Reads what the session sends after its handshake."""

    def __init__(self) -> None:
        self._reader = ChunkReader(_LIMITS)
        self._before = 1 + 2 * PACKET_SIZE  # bytes of the handshake

    def check(self, session: Session) -> None:
        """Take what there is to send. Raises RtmpError if it is not RTMP."""
        announced = session.pending_size
        data = session.data_to_send()
        assert len(data) == announced
        skipped = min(self._before, len(data))
        self._before -= skipped
        messages: list[Message] = []
        self._reader.receive_data(data[skipped:], messages)
        assert self._reader.assembling_bytes == 0
        for message in messages:
            self._check_message(message)

    @staticmethod
    def _check_message(message: Message) -> None:
        if message.type_id in _COMMANDS:
            Command.parse(message.type_id, message.payload, _LIMITS)
        elif message.type_id in _DATA:
            parse_values(message.type_id, message.payload, _LIMITS)
        elif message.type_id == MessageType.USER_CONTROL:
            UserControl.parse(message.payload)
