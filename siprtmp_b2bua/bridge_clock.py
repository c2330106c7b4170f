"""The conference bridge's clock, brought into step with the frames of the first client that is connected.

Started a little after a frame came, every tick finds one that has just come. Started at any time, a frame
waits half a tick on average; and where ticks and frames fall together some are late and are missed.

pjmedia's clock cannot be moved, only stopped and started. That is done while no call is in the bridge: what
a stream receives meanwhile is lost to its listener, as is all that comes before the first tick.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

_TAG_TIMEOUT_S: Final = 0.04
"""Two frame times: a client that sends is heard within one."""
_TICK_AFTER_TAG_S: Final = 0.006
"""How late a frame may be and still be heard in its turn; the round trip pays for it."""


class BridgeClock:
    """`start` and `stop` act on pjmedia's clock; `start` makes it tick one frame time later.

    Methods are for the pjsip thread unless they say otherwise. A call is any object that stands for one.
    """

    def __init__(self, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self._start = start
        self._stop = stop
        self._is_running = False
        self._connected: set[object] = set()
        self._waiting: set[object] = set()
        self._tag_came = asyncio.Event()

    def start(self) -> None:
        """Tick from now on."""
        if self._is_running:
            self._stop()
        self._start()
        self._is_running = True

    def stop_for(self, call: object) -> bool:
        """Stop the clock if no call is in the bridge, and say so: `wait_for_tag` before connecting `call`."""
        if self._connected:
            return False
        self._waiting.add(call)
        self._stop()
        self._is_running = False
        return True

    def connecting(self, call: object) -> None:
        """Start the clock if `call` is the first in the bridge."""
        if not self._connected:
            self.start()
        self._waiting.discard(call)
        self._connected.add(call)

    def left(self, call: object) -> None:
        """Forget `call`, connected or not. The clock runs on: it is what removes ports from the bridge."""
        self._waiting.discard(call)
        self._connected.discard(call)
        if not (self._is_running or self._waiting):
            self.start()

    def hear_tag(self) -> None:
        """Audio of any client came; on the loop."""
        self._tag_came.set()

    async def wait_for_tag(self) -> None:
        """Wait until it is time to connect the calls that wait; on the loop."""
        self._tag_came.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._tag_came.wait(), _TAG_TIMEOUT_S)
        await asyncio.sleep(_TICK_AFTER_TAG_S)
