"""A client that writes its commands by hand, as Flash programs did, and keeps all answers in their order."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Self

from rtmp.amf0 import AmfValue
from rtmp.chunk_reader import ChunkReader
from rtmp.chunk_writer import ChunkWriter
from rtmp.commands import Command, parse_values
from rtmp.handshake import PACKET_SIZE
from rtmp.limits import DEFAULT_LIMITS
from rtmp.messages import Message, MessageType, UserControl, UserControlType
from tests.interop.peers.ports import HOST

TIMEOUT_S = 5.0
COMMAND_CHUNK_STREAM = 3
COMMANDS = (MessageType.COMMAND_AMF0, MessageType.COMMAND_AMF3)
DATA = (MessageType.DATA_AMF0, MessageType.DATA_AMF3)


class Said(NamedTuple):
    """What the server said, in short: the name and code of a command, an event, or a message's type."""

    stream_id: int
    what: str


class FlashClient:
    """A connection to an application; made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.messages: list[Message] = []
        self._reader = reader
        self._writer = writer
        self._chunk_reader = ChunkReader(DEFAULT_LIMITS)
        self._chunk_writer = ChunkWriter()
        self._last_id = 0

    @classmethod
    async def connect(cls, port: int, app: str = "live", **members: AmfValue) -> Self:
        """Shake hands, and connect."""
        client = cls(*await asyncio.open_connection(HOST, port))
        client._writer.write(b"\x03" + bytes(2 * PACKET_SIZE))
        await client._reader.readexactly(1 + 2 * PACKET_SIZE)
        tc_url = f"rtmp://{HOST}:{port}/{app}"
        client.command("connect", members={"app": app, "tcUrl": tc_url, **members})
        await client.wait(lambda said: said.what == "_result NetConnection.Connect.Success")
        return client

    def command(self, name: str, *arguments: AmfValue, stream_id: int = 0, members: AmfValue = None) -> None:
        """Send a command that wants an answer."""
        self._last_id += 1
        type_id, payload = Command(name, float(self._last_id), members, arguments).serialize()
        pieces = self._chunk_writer.write(COMMAND_CHUNK_STREAM, type_id, stream_id, 0, payload)
        self._writer.writelines(pieces)

    async def wait(self, wanted: Callable[[Said], bool]) -> None:
        """Read until the server has said what is wanted, from the beginning on."""
        async with asyncio.timeout(TIMEOUT_S):
            while not any(map(wanted, self.said)):
                data = await self._reader.read(65_536)
                assert data, f"the server closed after {self.said}"
                self._chunk_reader.receive_data(data, self.messages)

    @property
    def said(self) -> list[Said]:
        """All that the server has said."""
        return [Said(message.stream_id, describe(message)) for message in self.messages]

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


def describe(message: Message) -> str:
    """A message in a few words."""
    type_id, payload = message.type_id, message.payload
    if type_id in COMMANDS:
        command = Command.parse(type_id, payload)
        info = command.arguments[0] if command.arguments else None
        return f"{command.name} {info['code']}" if isinstance(info, dict) else command.name
    if type_id in DATA:
        return str(parse_values(type_id, payload)[0])
    if type_id == MessageType.USER_CONTROL:
        control = UserControl.parse(payload)
        return f"{UserControlType(control.event_type).name} {control.values[0]}"
    return MessageType(type_id).name
