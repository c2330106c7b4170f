"""The conference bridge's clock, brought into step with the frames of the first client that is connected.

Started a little after a frame came, every tick finds one that has just come. Started at any time, a frame
waits half a tick on average; and where ticks and frames fall together some are late and are missed.

While no call is in the bridge it does not tick, but for a moment after something was put in or taken out.
What a stream receives meanwhile is lost to its listener, as is all that comes before the first tick.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

_TAG_TIMEOUT_S: Final = 0.04
"""Two frame times: a client that sends is heard within one."""
_TICK_AFTER_TAG_S: Final = 0.006
"""How late a frame may be and still be heard in its turn; the round trip pays for it."""
_LAST_TICKS: Final = 50
"""It is a tick that puts into the bridge, and removes, what pjsua has put in or taken out."""


class Ticker(Protocol):
    """What ticks: `media_bridge.pj_ticker.BridgeTicker`."""

    def start(self) -> None:
        """Tick from one frame time from now on."""

    def run_out(self, ticks: int) -> None:
        """Tick that many times yet."""


class BridgeClock:
    """Has `ticker` tick while there are calls in the bridge; on the loop. Any object may stand for a call."""

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._calls: set[object] = set()
        self._tag_came = asyncio.Event()

    def enter(self, call: object) -> None:
        """Tick for this call; if it is the first one, from one frame time from now on."""
        if not self._calls:
            self._ticker.start()
        self._calls.add(call)
        self._tag_came.set()

    def leave(self, call: object) -> None:
        """Stop soon, if that was the last call; it may have been in the bridge or not."""
        self._calls.discard(call)
        self.settle_bridge()

    def settle_bridge(self) -> None:
        """Tick a few times if there is no call: what pjsua did to the bridge waits for that, and fills it."""
        if not self._calls:
            self._ticker.run_out(_LAST_TICKS)

    def hear_tag(self) -> None:
        """Audio of any client came; it counts for as long as no call is in the bridge."""
        if not self._calls:
            self._tag_came.set()

    async def wait_for_tag(self) -> None:
        """Wait until it is time for a call to enter: if others are in the bridge, not at all."""
        if self._calls:
            return
        self._tag_came.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._tag_came.wait(), _TAG_TIMEOUT_S)
        await asyncio.sleep(_TICK_AFTER_TAG_S)
