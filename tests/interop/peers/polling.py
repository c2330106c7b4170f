"""Waiting for something real to become true, for as short a time as it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

from tests.interop.peers.errors import PeerTimeout

POLL_INTERVAL_S = 0.02

T = TypeVar("T")


@overload
async def until(probe: Callable[[], Awaitable[T | None]], what: str, timeout_s: float = 10.0) -> T: ...
@overload
async def until(probe: Callable[[], T | None], what: str, timeout_s: float = 10.0) -> T: ...
async def until(
    probe: Callable[[], Awaitable[T | None]] | Callable[[], T | None], what: str, timeout_s: float = 10.0
) -> T:
    """Ask `probe` until it returns something true, and return that.

    Raises PeerTimeout naming `what` after `timeout_s` seconds; whatever the probe raises passes through.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = probe()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise PeerTimeout(f"waited {timeout_s:g} s for {what}")
        await asyncio.sleep(POLL_INTERVAL_S)
