"""A client's and a server's session that talk to each other in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtmp import events as ev
from rtmp.amf_value import AmfValue
from rtmp.chunk_reader import ChunkReader
from rtmp.client_session import ClientSession
from rtmp.commands import Command
from rtmp.messages import Message, MessageType
from rtmp.server_session import ServerSession
from rtmp.url import RtmpUrl
from tests.rtmp.raw_client import HANDSHAKE


class CommandTap:
    """Notes each command of a client, from its bytes."""

    def __init__(self) -> None:
        self.commands: list[tuple[int, Command]] = []
        self._reader = ChunkReader()
        self._handshake_left = HANDSHAKE

    def take(self, data: bytes) -> None:
        """Bytes as the server gets them."""
        messages: list[Message] = []
        self._reader.receive_data(data[self._handshake_left :], messages)
        self._handshake_left = max(0, self._handshake_left - len(data))
        for type_id, stream_id, _, payload in messages:
            if type_id in (MessageType.COMMAND_AMF0, MessageType.COMMAND_AMF3):
                self.commands.append((stream_id, Command.parse(type_id, payload)))


class SessionPair:
    """Both ends; `pump` moves bytes until there are no more."""

    def __init__(self, url: str | RtmpUrl = "rtmp://h/app", **options: Any) -> None:
        self.server = ServerSession()
        self._tap = CommandTap()
        self.client = ClientSession(url, **options)
        self.server_events: list[ev.Event] = []
        self.client_events: list[ev.Event] = []

    def pump(self) -> None:
        while True:
            to_server, to_client = self.client.data_to_send(), self.server.data_to_send()
            if not to_server and not to_client:
                return
            self._tap.take(to_server)
            self.server_events.extend(self.server.receive_data(to_server))
            self.client_events.extend(self.client.receive_data(to_client))

    def connect(self, extra: Mapping[str, AmfValue] | None = None) -> ev.ConnectRequested:
        self.client.connect()
        self.pump()
        (requested,) = self.server_events
        assert isinstance(requested, ev.ConnectRequested)
        self.server.accept_connect(requested, extra=extra)
        self.pump()
        self._tap.commands.clear()
        return requested

    def stream(self) -> int:
        self.client.create_stream()
        self.pump()
        created = self.client_events[-1]
        assert isinstance(created, ev.StreamCreated)
        self._tap.commands.clear()
        return created.stream_id

    def publish(self, **options: Any) -> int:
        stream_id = self.stream()
        self.client.publish(stream_id, "cam", **options)
        self.pump()
        self.server.accept_publish(stream_id)
        self.pump()
        return stream_id

    def play(self, *arguments: Any, **options: Any) -> int:
        stream_id = self.stream()
        self.client.play(stream_id, "cam", *arguments, **options)
        self.pump()
        self.server.accept_play(stream_id)
        self.pump()
        return stream_id

    def sent(self) -> list[tuple[str, tuple[AmfValue, ...], int]]:
        """Name, arguments and stream of each command that the server got since it was last asked."""
        commands = [(command.name, command.arguments, stream) for stream, command in self._tap.commands]
        self._tap.commands.clear()
        return commands
