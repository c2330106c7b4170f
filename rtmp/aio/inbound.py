"""How fast a connection takes bytes in: bounded work in one turn of the event loop, and a bounded rate.

A message can be one byte, so one read may hold a hundred thousand of them. They are parsed and acted on in
turns, between which other connections have theirs; while something is left, nothing more is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rtmp.admission import SharedBudget
from rtmp.limits import KIB
from rtmp.session import Session
from rtmp.token_bucket import TokenBucket

MESSAGES_PER_TURN = 64
_LONGEST_WAIT_S = 1.0
_SHARED_STEP = 256 * KIB
"""Bytes after which a connection tells the budgets that it shares."""


class Inbound:
    """Whether a connection has to wait for its next turn, and whether its transport is read."""

    def __init__(
        self, session: Session, loop: asyncio.AbstractEventLoop, take_turn: Callable[[], None]
    ) -> None:
        limits = session.limits
        now = loop.time()
        burst_s = limits.rate_burst_s
        self.transport: asyncio.Transport | None = None
        self.is_waiting = False  # for the next turn, or for the rate to allow more
        self.bytes = TokenBucket(limits.max_bytes_per_second, limits.max_bytes_per_second * burst_s, now)
        self.messages = TokenBucket(
            limits.max_messages_per_second, limits.max_messages_per_second * burst_s, now
        )
        self.bytes_mark = 0.0
        """What `bytes_received` may come to before `settle` has to be asked."""
        self._session = session
        self._loop = loop
        self._shared: tuple[SharedBudget, ...] = ()
        self._spent = 0
        self._take_turn = take_turn
        self._is_held = False  # by the user
        self._is_paused = False
        self._set_mark()

    def share(self, budgets: tuple[SharedBudget, ...]) -> None:
        """Count the bytes for these budgets too."""
        self._shared = budgets
        self._set_mark()

    @property
    def is_paused(self) -> bool:
        """Whether the transport is not read now."""
        return self._is_paused

    def settle(self) -> None:
        """After a turn: go on later if there is more to do than now may be done, else read on."""
        wait_s = self._wait_s()
        self.is_waiting = wait_s > 0 or self._session.has_input
        if wait_s > 0:
            self._loop.call_later(min(wait_s, _LONGEST_WAIT_S), self._go_on)
        elif self.is_waiting:
            self._loop.call_soon(self._go_on)
        self._pause_or_resume()

    def hold(self, held: bool) -> None:
        """Stop reading, or read again, because the user says so."""
        self._is_held = held
        self._pause_or_resume()

    def close(self) -> None:
        """Forget what waits, and let the transport read on: it has to see the peer's end."""
        self.is_waiting = self._is_held = False
        self._pause_or_resume()
        self.transport = None
        self._take_turn = _do_nothing  # no circle is left for the collector to find

    def _go_on(self) -> None:
        if self.transport is None:
            return
        if self._wait_s() > 0:
            self.settle()
            return
        self.is_waiting = False
        self._take_turn()
        self._pause_or_resume()

    def _wait_s(self) -> float:
        now = self._loop.time()
        session = self._session
        received = session.bytes_received
        amount, self._spent = received - self._spent, received
        wait_s = max(self.bytes.wait(received, now), self.messages.wait(session.messages_handled, now))
        for budget in self._shared:
            wait_s = max(wait_s, budget.spend(amount, now))
        self._set_mark()
        return wait_s

    def _set_mark(self) -> None:
        self.bytes_mark = (
            min(self.bytes.mark, self._spent + _SHARED_STEP) if self._shared else self.bytes.mark
        )

    def _pause_or_resume(self) -> None:
        wanted = self.is_waiting or self._is_held
        if wanted is self._is_paused or self.transport is None:
            return
        self._is_paused = wanted
        if wanted:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


def _do_nothing() -> None:
    """Take no turn: the connection has ended."""
