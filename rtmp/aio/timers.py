"""The timers of one connection, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """At most one for each name: to start one again is to put it off."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def start(self, name: str, seconds: float, callback: Callable[[], object]) -> None:
        """Call back in so many seconds."""
        self.cancel(name)
        self._handles[name] = self._loop.call_later(seconds, callback)

    def cancel(self, name: str) -> None:
        """Do not call back."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Stop all."""
        for name in list(self._handles):
            self.cancel(name)
