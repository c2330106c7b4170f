"""A network that loses, delays and reorders datagrams, the same ones each time: sockets in the middle."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import cast

HOST = "127.0.0.1"

Address = tuple[str, int]
Fate = Callable[[], float | None]
"""What happens to the next datagram: its delay in seconds, or None if it is lost."""


def in_order(delay_s: float = 0.0) -> Fate:
    """Nothing is lost."""
    return lambda: delay_s


def random_loss(share: float, *, delay_s: float = 0.0, seed: int = 7) -> Fate:
    """Each is lost with the same chance."""
    chance = random.Random(seed)
    return lambda: None if chance.random() < share else delay_s


def bursts(*, delay_s: float = 0.0, seed: int = 5) -> Fate:
    """Every 150 packets or so ten are lost in a row."""
    chance, left = random.Random(seed), 0

    def fate() -> float | None:
        nonlocal left
        left = 10 if left == 0 and chance.random() < 1 / 150 else max(left - 1, 0)
        return None if left else delay_s

    return fate


def reordering(*, delay_s: float = 0.0, seed: int = 3) -> Fate:
    """Two of five are late, and so behind others; nothing is lost."""
    chance = random.Random(seed)
    return lambda: delay_s + chance.choice((0.0, 0.0, 0.0, 0.004, 0.012))


class Wire(asyncio.DatagramProtocol):
    """A socket between two ends, each of which takes it for the other. Each way has a fate of its own."""

    def __init__(self, there: Fate, back: Fate) -> None:
        self.sender: Address = (HOST, 0)
        self.receiver: Address = (HOST, 0)
        self.watchers: list[Callable[[bytes, bool], object]] = []
        """See each datagram, and whether it is on its way there, before it gets lost."""
        self.carried = self.lost = 0
        """Datagrams on their way there, and those of them that were lost."""
        self._there, self._back = there, back
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def port(self) -> int:
        """Its own."""
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Close the socket; what is on its way is lost."""
        self._transport.close()

    def datagram_received(self, data: bytes, address: Address) -> None:
        """Pass a datagram on, or not."""
        is_there = address == self.sender
        delay_s = self._there() if is_there else self._back()
        for watch in self.watchers:
            watch(data, is_there)
        if is_there:
            self.carried += 1
            self.lost += delay_s is None
        if delay_s is None:
            return
        target = self.receiver if is_there else self.sender
        asyncio.get_running_loop().call_later(delay_s, self._pass_on, data, target)

    def _pass_on(self, data: bytes, target: Address) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, target)


async def open_wire(there: Fate, back: Fate) -> Wire:
    """Return a wire on a free port."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_datagram_endpoint(lambda: Wire(there, back), local_addr=(HOST, 0))
    return made
