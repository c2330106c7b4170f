"""Tells when the peer of a call has vanished: nothing of it is heard for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_CHECKS: Final = 4
"""How often the packets are counted within the time-out."""


async def wait_for_silence(
    count_packets: Callable[[], Awaitable[int]], is_on_hold: Callable[[], bool], timeout_s: float
) -> None:
    """Return when no packet has come for so long, the times when somebody is on hold aside."""
    received, silent_checks = -1, 0
    while silent_checks < _CHECKS:
        await asyncio.sleep(timeout_s / _CHECKS)
        packets = await count_packets()
        silent = packets == received and not is_on_hold()
        silent_checks = silent_checks + 1 if silent else 0
        received = packets
