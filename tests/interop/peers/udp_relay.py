"""Gives a program that sends and receives on different ports one port for both, as SIP phones have it."""

import asyncio
from typing import Self

from tests.interop.peers.ports import HOST

Address = tuple[str, int]


class UdpRelay(asyncio.DatagramProtocol):
    """One port of the outside world; what comes from `outside` goes `inside`, all else goes to `outside`."""

    def __init__(self, port: int, inside: int, outside: int) -> None:
        self._port = port
        self._inside = HOST, inside
        self._outside = HOST, outside
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Pass a datagram on."""
        if self._transport is not None:
            self._transport.sendto(data, self._inside if addr == self._outside else self._outside)
