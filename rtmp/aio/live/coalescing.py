"""One wake-up for several messages, where nothing but sound is relayed and there is much of it.

A codec of sound makes a small message every 20 ms or so, and to be woken for one costs more than to relay it.
So the loop rests between its turns, and what comes meanwhile waits in the sockets, as network cards do with
their interrupts. Pictures are larger and rarer, and there that would only make them late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from rtmp.relay.live_stream import LiveStream

_REVIEW_S: Final = 1.0
LEAST_MESSAGES_PER_S: Final = 1500
"""Fewer cost less than the rests."""


class Coalescing:
    """Decides each second whether the loop rests for `rest_s` between turns; 0: never.

    A rest blocks the loop: it is for those in which nothing else runs that could not wait as long. While no
    stream is published nothing runs here either.
    """

    def __init__(self, find_published: Callable[[], Iterable[LiveStream]], rest_s: float) -> None:
        self._find_published = find_published
        self._rest_s = rest_s
        self._review: asyncio.TimerHandle | None = None
        self._rest: asyncio.Handle | None = None
        self._newest_id = 0

    @property
    def is_resting(self) -> bool:
        """Whether there are rests now."""
        return self._rest is not None

    def published(self) -> None:
        """Note that somebody publishes, and look at it from now on."""
        if self._rest_s and self._review is None:
            self._newest_id = 0
            self._review = asyncio.get_running_loop().call_later(_REVIEW_S, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        published = list(self._find_published())
        before, self._newest_id = self._newest_id, max((stream.newest_id for stream in published), default=0)
        # ids are counted in the whole process, so this is how many messages there were
        is_busy = before > 0 and self._newest_id - before >= LEAST_MESSAGES_PER_S * _REVIEW_S
        if is_busy and not any(stream.has_video for stream in published):
            self._rest = self._rest or loop.call_soon(self._take_rest)
        elif self._rest is not None:
            self._rest.cancel()
            self._rest = None
        self._review = loop.call_later(_REVIEW_S, self._look) if published else None

    def _take_rest(self) -> None:
        time.sleep(self._rest_s)
        self._rest = asyncio.get_running_loop().call_soon(self._take_rest)
