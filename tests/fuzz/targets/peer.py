"""The peer of a session under test: turns operations into the bytes that it sends."""

from __future__ import annotations

from rtmp.amf0 import encode_all
from rtmp.chunk_writer import ChunkWriter
from rtmp.messages import MessageType, pack_u32
from tests.fuzz.targets.operations import Kind, Operation
from tests.rtmp.interleaver import CHUNK_STREAMS

COMMANDS = (
    "connect", "createStream", "publish", "play", "deleteStream", "closeStream", "pause", "receiveAudio",
    "receiveVideo", "seek", "play2", "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe",
    "getStreamLength", "_checkbw", "checkBandwidth", "close", "_result", "_error", "onStatus", "onBWDone",
    "pauseRaw", "FCUnsubscribe", "anything",
)  # fmt: skip
TRANSACTIONS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0, 0.5, 2.0**31, 2.0**53, 1e300, float("nan"))


class Peer:
    """Writes messages as a peer does, of which some make no sense."""

    def __init__(self) -> None:
        self._writer = ChunkWriter()
        self._time_ms = 0

    def bytes_of(self, operation: Operation) -> bytes:
        """Return what the peer sends; nothing for an operation of our side."""
        a, b, body = operation.a, operation.b, operation.body
        match operation.kind:
            case Kind.MESSAGE:
                return self._message(CHUNK_STREAMS[b >> 4], a, b & 15, body)
            case Kind.COMMAND:
                name = COMMANDS[a % len(COMMANDS)]
                start = encode_all((name, TRANSACTIONS[(b >> 4) % len(TRANSACTIONS)]))
                return self._message(3, MessageType.COMMAND_AMF0, b & 15, start + body)
            case Kind.CHUNK_SIZE:
                sent = self._message(2, MessageType.SET_CHUNK_SIZE, 0, pack_u32(a << 8 | b))
                self._writer.chunk_size = (a << 8 | b) or 1
                return sent
            case Kind.TIME:
                self._time_ms = int.from_bytes(body[:4], "big")
                return b""
            case Kind.RAW:
                return body
            case _:
                return b""

    def _message(self, chunk_stream: int, type_id: int, stream_id: int, payload: bytes) -> bytes:
        return b"".join(self._writer.write(chunk_stream, type_id, stream_id, self._time_ms, payload))
