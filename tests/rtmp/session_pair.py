"""A client's and a server's session that talk to each other in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtmp import events as ev
from rtmp.amf_value import AmfValue
from rtmp.client_session import ClientSession
from rtmp.commands import Command
from rtmp.server_session import ServerSession
from rtmp.url import RtmpUrl


class RecordingServer(ServerSession):
    """Notes each command as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[tuple[int, Command]] = []

    def _on_command(self, command: Command, stream_id: int) -> None:
        self.commands.append((stream_id, command))
        super()._on_command(command, stream_id)


class SessionPair:
    """Both ends; `pump` moves bytes until there are no more."""

    def __init__(self, url: str | RtmpUrl = "rtmp://h/app", **options: Any) -> None:
        self.server = RecordingServer()
        self.client = ClientSession(url, **options)
        self.server_events: list[ev.Event] = []
        self.client_events: list[ev.Event] = []

    def pump(self) -> None:
        while True:
            to_server, to_client = self.client.data_to_send(), self.server.data_to_send()
            if not to_server and not to_client:
                return
            self.server_events.extend(self.server.receive_data(to_server))
            self.client_events.extend(self.client.receive_data(to_client))

    def connect(self, extra: Mapping[str, AmfValue] | None = None) -> ev.ConnectRequested:
        self.client.connect()
        self.pump()
        (requested,) = self.server_events
        assert isinstance(requested, ev.ConnectRequested)
        self.server.accept_connect(requested, extra=extra)
        self.pump()
        self.server.commands.clear()
        return requested

    def stream(self) -> int:
        self.client.create_stream()
        self.pump()
        created = self.client_events[-1]
        assert isinstance(created, ev.StreamCreated)
        self.server.commands.clear()
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
        commands = [(command.name, command.arguments, stream) for stream, command in self.server.commands]
        self.server.commands.clear()
        return commands
