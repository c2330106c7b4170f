"""The least that relays RTMP between publishers and players, to compare servers with.

Handshake, `connect`, `createStream`, `publish`, `play`, and media from a publisher to its players, each
message cut into chunks once. Everything else is missing: bounds, errors, pings, acknowledgements, care for
slow readers, headers for those who join later.
"""

from __future__ import annotations

import asyncio
from typing import cast

from benchmarks.bare_parse import BareParser, bare_write
from rtmp.amf_value import AmfValue
from rtmp.commands import ON_STATUS, RESULT, Command, make_info
from rtmp.handshake import PACKET_SIZE
from rtmp.messages import MessageType, pack_u32

CHUNK_SIZE = 4096
_MEDIA = (MessageType.AUDIO, MessageType.VIDEO)


class BareRelay:
    """The players of each stream name."""

    def __init__(self) -> None:
        self.players: dict[str, list[asyncio.Transport]] = {}
        self.connections = 0

    def make_protocol(self) -> BareConnection:
        """For `loop.create_server`."""
        return BareConnection(self)


class BareConnection(asyncio.Protocol):
    """One client, with one message stream."""

    def __init__(self, relay: BareRelay) -> None:
        self._relay = relay
        self._parser = BareParser()
        self._handshake = b""
        self._greeted = self._is_open = False
        self._players: list[asyncio.Transport] = []
        self._audience: list[asyncio.Transport] | None = None
        """Of the stream that it plays."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._relay.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.connections -= 1
        if self._audience is not None:
            self._audience.remove(self._transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            data = self._shake_hands(data)
        for type_id, stream_id, timestamp_ms, payload in self._parser.feed(data):
            if type_id in _MEDIA:
                self._relay_media(type_id, timestamp_ms, payload)
            elif type_id == MessageType.COMMAND_AMF0:
                self._on_command(Command.parse(type_id, payload), stream_id)

    def _shake_hands(self, data: bytes) -> bytes:
        """Returns what comes after the handshake."""
        self._handshake += data
        if not self._greeted and len(self._handshake) > PACKET_SIZE:
            self._greeted = True
            self._transport.write(b"\x03" + bytes(PACKET_SIZE) + self._handshake[1 : 1 + PACKET_SIZE])
        end = 1 + 2 * PACKET_SIZE
        if len(self._handshake) < end:
            return b""
        self._is_open = True
        rest, self._handshake = self._handshake[end:], b""
        return rest

    def _relay_media(self, type_id: int, timestamp_ms: int, payload: bytes) -> None:
        data = bare_write(
            4 if type_id == MessageType.AUDIO else 5, type_id, 1, timestamp_ms, payload, CHUNK_SIZE
        )
        for player in self._players:
            player.write(data)

    def _on_command(self, command: Command, stream_id: int) -> None:
        name = str(command.arguments[0]) if command.arguments else ""
        match command.name:
            case "connect":
                self._send(2, MessageType.SET_CHUNK_SIZE, 0, pack_u32(CHUNK_SIZE))
                self._answer(command, make_info("status", "NetConnection.Connect.Success", ""))
            case "createStream":
                self._answer(command, 1.0)
            case "publish":
                self._players = self._relay.players.setdefault(name, [])
                self._send_status(stream_id, "NetStream.Publish.Start")
            case "play":
                self._send_status(stream_id, "NetStream.Play.Start")
                self._audience = self._relay.players.setdefault(name, [])
                self._audience.append(self._transport)
            case _:
                pass

    def _answer(self, command: Command, value: AmfValue) -> None:
        self._send_command(0, Command(RESULT, command.transaction_id, None, (value,)))

    def _send_status(self, stream_id: int, code: str) -> None:
        self._send_command(stream_id, Command(ON_STATUS, 0.0, None, (make_info("status", code, ""),)))

    def _send_command(self, stream_id: int, command: Command) -> None:
        type_id, payload = command.serialize()
        self._send(3, type_id, stream_id, payload)

    def _send(self, chunk_stream_id: int, type_id: int, stream_id: int, payload: bytes) -> None:
        self._transport.write(bare_write(chunk_stream_id, type_id, stream_id, 0, payload, CHUNK_SIZE))
