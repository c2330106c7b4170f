"""How fast a connection takes bytes in: bounded work in one turn of the event loop, and a bounded rate.

A message can be one byte, so one read may hold a hundred thousand of them. They are parsed in slices and
acted on in turns, between which other connections have theirs; while something is left, nothing more is read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from rtmp.session import Session
from rtmp.token_bucket import TokenBucket

SLICE_SIZE = 4096
"""Bytes given to the parser at once: 4 ms of work if each is a message."""
MESSAGES_PER_TURN = 64
_LONGEST_WAIT_S = 1.0


class Inbound:
    """The bytes of a connection that wait for their turn, and whether the transport is read."""

    def __init__(
        self, session: Session, loop: asyncio.AbstractEventLoop, take_turn: Callable[[bytes], None]
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
        self._session = session
        self._loop = loop
        self._take_turn = take_turn
        self._data: deque[memoryview] = deque()
        self._is_held = False  # by the user
        self._is_paused = False

    @property
    def is_paused(self) -> bool:
        """Whether the transport is not read now."""
        return self._is_paused

    @property
    def has_data(self) -> bool:
        """Whether bytes wait to be parsed."""
        return bool(self._data)

    def put(self, data: bytes) -> None:
        """Keep bytes for `next_slice`."""
        self._data.append(memoryview(data))

    def next_slice(self) -> bytes:
        """Return the next bytes to parse, none as long as parsed messages wait."""
        if not self._data or self._session.has_input:
            return b""
        data = self._data.popleft()
        if len(data) > SLICE_SIZE:
            self._data.appendleft(data[SLICE_SIZE:])
        return bytes(data[:SLICE_SIZE])

    def settle(self) -> None:
        """After a turn: go on later if there is more to do than now may be done, else read on."""
        wait_s = self._wait_s()
        self.is_waiting = wait_s > 0 or self.has_data or self._session.has_input
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
        self._data.clear()
        self.is_waiting = self._is_held = False
        self._pause_or_resume()
        self.transport = None

    def _go_on(self) -> None:
        transport = self.transport
        if transport is None:
            return
        if self._wait_s() > 0:
            self.settle()
            return
        try:
            self._take_turn(self.next_slice())
        except Exception:
            transport.abort()  # as the loop does when `data_received` fails
            raise

    def _wait_s(self) -> float:
        now = self._loop.time()
        session = self._session
        return max(
            self.bytes.wait(session.bytes_received, now), self.messages.wait(session.messages_handled, now)
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
