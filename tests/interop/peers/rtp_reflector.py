"""Sends each RTP packet back to where it came from, as a phone's loopback does."""

import asyncio
import socket
from typing import Self, cast

from tests.interop.peers.ports import HOST

_BUFFER_BYTES = 1 << 20
"""As much as the system gives of that: a key picture may wait while the test does something else."""


class RtpReflector(asyncio.DatagramProtocol):
    """Bound on a port of its own while it is entered."""

    def __init__(self) -> None:
        self.port = 0
        self.packets = 0
        self._transport: asyncio.DatagramTransport

    async def __aenter__(self) -> Self:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        bound.bind((HOST, 0))
        self.port = bound.getsockname()[1]
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=bound)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Send a packet back."""
        self.packets += 1
        self._transport.sendto(data, address)
