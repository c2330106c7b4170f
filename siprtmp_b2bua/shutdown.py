"""How a process of the gateway ends: all calls, all streams and all connections at once, in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Protocol

from .telephone import Telephone


class Streams(Protocol):
    """Live streams that may be recorded."""

    def close(self) -> None:
        """End them."""

    async def wait_recorded(self) -> None:
        """Wait until what was recorded is whole."""


async def shut_down(
    telephone: Telephone | None, streams: Streams | None, connections: Awaitable[None], timeout_s: float
) -> None:
    """Hang up, unregister, end the streams, and end pjsip; None is what the process does not have.

    `connections` closes those of the clients. It runs beside the hanging up: a client that does not read must
    not keep the others from being hung up. pjsip, of which a process can have one, ends in any case, also if
    this is cancelled.
    """
    closing = [connections]
    if telephone is not None:
        telephone.disconnect_all("the gateway is shutting down")
        closing.append(telephone.close_lines())
    if streams is not None:
        streams.close()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*closing)
                if streams is not None:
                    await streams.wait_recorded()
    finally:
        if telephone is not None:
            await telephone.stop()
