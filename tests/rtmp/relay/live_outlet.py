"""Outlets that have as much room as a test wants, and messages for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtmp.amf0 import encode_all
from rtmp.messages import MessageType
from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_stream import LiveStream
from rtmp.shared_message import SharedMessage

VIDEO, AUDIO, DATA = MessageType.VIDEO, MessageType.AUDIO, MessageType.DATA_AMF0
METADATA = encode_all(("onMetaData", {"width": 320.0}))
AVC_HEADER = b"\x17\x00\x00\x00\x00avcC"
AAC_HEADER = b"\xaf\x00\x12\x10"


def key(body: bytes = b"") -> bytes:
    return b"\x17\x01\x00\x00\x00" + body


def inter(body: bytes = b"") -> bytes:
    return b"\x27\x01\x00\x00\x00" + body


def aac(body: bytes = b"") -> bytes:
    return b"\xaf\x01" + body


@dataclass
class Outlet:
    """Takes as many messages as it has room for."""

    room: int = 1_000_000
    got: list[tuple[int, bytes]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def offer(self, message: SharedMessage) -> bool:
        if self.room <= 0:
            return False
        self.send(message)
        return True

    def send(self, message: SharedMessage) -> None:
        self.room -= 1
        self.got.append((message.timestamp_ms, bytes(message.payload)))

    def begin(self) -> None:
        self.notices.append("begin")

    def end(self) -> None:
        self.notices.append("end")

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.got]


def published(limits: RelayLimits | None = None) -> LiveStream:
    stream = LiveStream("live/cam", limits or RelayLimits())
    stream.begin()
    return stream


def headers(stream: LiveStream) -> None:
    stream.push(DATA, 0, METADATA)
    stream.push(AUDIO, 0, AAC_HEADER)
    stream.push(VIDEO, 0, AVC_HEADER)
