"""One wake-up of the asyncio loop per tick of the bridge, for all chains together.

Each tick the bridge's clock thread gives a frame to every port in turn. To wake the loop for each would
cost a system call and a switch of threads apiece, so the loop is woken by the last one. Which is last is
learned: the chains that had a turn in the tick before are expected again. When a chain is gone, its
absence is noticed as the next tick begins, and no longer waited for.
"""

import asyncio
import logging
from collections.abc import Callable
from threading import Lock

_log = logging.getLogger(__name__)

OnTick = Callable[[], None]


class TickNotifier:
    """Shared by all chains of one loop and one bridge."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = Lock()
        self._members: dict[TickMember, OnTick] = {}
        self._expected = 0
        self._turns: set[TickMember] = set()
        self._scheduled = False
        self._told = False

    def register(self, on_tick: OnTick) -> "TickMember":
        """A place in the round: `on_tick` runs on the loop after each tick in which the member had its
        turn.
        """
        member = TickMember(self)
        with self._lock:
            self._members[member] = on_tick
        return member

    def _remove(self, member: "TickMember") -> None:
        with self._lock:
            if self._members.pop(member, None) is None:
                return
            if member in self._turns:
                self._turns.discard(member)
            self._expected = min(self._expected, len(self._members))

    def _turn(self, member: "TickMember") -> None:
        with self._lock:
            if member not in self._members:
                return
            wake = False
            if member in self._turns:  # a new tick has begun
                wake = not self._told
                self._expected = len(self._turns)
                self._turns.clear()
                self._told = False
            self._turns.add(member)
            if not self._told and len(self._turns) >= self._expected:
                self._told = wake = True
            wake = wake and not self._scheduled
            self._scheduled = self._scheduled or wake
        if wake:
            self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._run)
        except RuntimeError:  # the loop is closed: the process is on its way out, nobody listens
            self._scheduled = False

    def _run(self) -> None:
        with self._lock:
            self._scheduled = False
            members = list(self._members.items())
        for member, on_tick in members:
            if member in self._members:  # not closed by one before
                self._call(on_tick)

    def _call(self, on_tick: OnTick) -> None:
        try:
            on_tick()
        except Exception:  # noqa: BLE001 - reported below, with its traceback
            # One call's failure must not take the audio of the other calls with it.
            _log.exception("error in a tick callback %r", on_tick)


class TickMember:
    """One chain's place in a TickNotifier."""

    __slots__ = ("_notifier",)

    def __init__(self, notifier: TickNotifier) -> None:
        self._notifier = notifier

    def turn(self) -> None:
        """The chain had its turn in this tick (any thread; never blocks, never raises)."""
        self._notifier._turn(self)

    def close(self) -> None:
        """Give the place up; `on_tick` is not called again."""
        self._notifier._remove(self)
