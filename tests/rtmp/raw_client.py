"""A client whose commands are written by hand."""

from __future__ import annotations

from typing import Any

from rtmp import events as ev
from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.commands import Command
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import Limits
from rtmp.messages import Message, MessageType
from rtmp.server_session import ServerSession

HANDSHAKE = 1 + 2 * PACKET_SIZE


def accept(session: ServerSession, event: ev.Event) -> None:
    """Say yes to what a client asks for with this event."""
    if isinstance(event, ev.ConnectRequested):
        session.accept_connect(event)
    elif isinstance(event, ev.PublishRequested):
        session.accept_publish(event.stream_id)
    elif isinstance(event, ev.PlayRequested):
        session.accept_play(event.stream_id)


class RawClient:
    """Writes commands by hand, so that it can also break the rules."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.writer = ChunkWriter()
        self.reader = ChunkReader(Limits())
        session.receive_data(b"\x03" + bytes(PACKET_SIZE * 2))
        assert len(session.data_to_send()) == HANDSHAKE

    def send(self, type_id: int, payload: bytes, stream_id: int = 0, timestamp_ms: int = 0) -> list[ev.Event]:
        pieces = self.writer.write(3 if type_id > 6 else 2, type_id, stream_id, timestamp_ms, payload)
        return self.session.receive_data(b"".join(pieces))

    def command(
        self, name: str, tid: float, *arguments: Any, stream_id: int = 0, obj: Any = None
    ) -> list[ev.Event]:
        return self.send(*Command(name, tid, obj, arguments).serialize(), stream_id)

    def connect(self, **members: Any) -> ev.ConnectRequested:
        events = self.command("connect", 1.0, obj={"app": "a", "tcUrl": "rtmp://h/a", **members})
        self.session.accept_connect(events[0])  # type: ignore[arg-type]
        self.replies()
        return events[0]  # type: ignore[return-value]

    def messages(self) -> list[Message]:
        messages: list[Message] = []
        self.reader.receive_data(self.session.data_to_send(), messages)
        return messages

    def replies(self) -> list[tuple[int, Command]]:
        return [
            (message.stream_id, Command.parse(message.type_id, message.payload))
            for message in self.messages()
            if message.type_id in (MessageType.COMMAND_AMF0, MessageType.COMMAND_AMF3)
        ]

    def stream(self) -> int:
        (event,) = self.command("createStream", 2.0)
        assert isinstance(event, ev.StreamCreated)
        ((_, reply),) = self.replies()
        assert reply == Command("_result", 2.0, None, (float(event.stream_id),))
        return event.stream_id

    def publish(self, name: str = "cam") -> int:
        stream_id = self.stream()
        assert self.command("publish", 0.0, name, "live", stream_id=stream_id) == [
            ev.PublishRequested(stream_id, name, "live")
        ]
        self.session.accept_publish(stream_id)
        return stream_id

    def play(self) -> int:
        stream_id = self.stream()
        self.command("play", 0.0, "cam", stream_id=stream_id)
        self.session.accept_play(stream_id)
        self.messages()
        return stream_id
