"""Which connections have something to send, and when it is sent."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar, Protocol
from weakref import WeakKeyDictionary, ref

from rtmp.errors import ConnectionLost, RtmpError

logger = logging.getLogger("rtmp")


class Flushed(Protocol):
    """What sends what it has queued."""

    def flush(self) -> None:
        """Send it now."""
        ...

    def abort(self, reason: RtmpError | None = None) -> None:
        """Give up: what was to be sent is lost."""
        ...


class FlushQueue:
    """The connections of an event loop that have something to send.

    Who sets `will_run` calls `run` soon: so what one connection receives is on its way to others at once, and
    in one write each. Otherwise they are flushed at the end of the loop's turn.
    """

    _queues: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, FlushQueue]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)  # the queue must not keep alive what it is found by
        self.due: list[Flushed] = []
        self.will_run = False

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> FlushQueue:
        """Return the queue of a loop."""
        queue = cls._queues.get(loop)
        if queue is None:
            queue = cls._queues[loop] = cls(loop)
        return queue

    def add(self, flushed: Flushed) -> None:
        """Have somebody flushed; the caller sees to it that nobody is added twice."""
        self.due.append(flushed)
        if not self.will_run:
            self.will_run = True
            loop = self._loop()
            assert loop is not None
            loop.call_soon(self.run)

    def run(self) -> None:
        """Flush all; one that cannot be flushed is given up."""
        self.will_run = False
        due, self.due = self.due, []
        for flushed in due:
            try:
                flushed.flush()
            except Exception:
                logger.exception("%r: nothing can be sent", flushed)
                flushed.abort(ConnectionLost("nothing can be sent"))
