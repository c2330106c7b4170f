"""The clock of the conference bridge: the asyncio loop, every 20 ms.

pjmedia would clock it by a thread of its own, which had to take the interpreter's lock from the loop for each
port, forty times a tick with twenty calls, and to wake the loop afterwards. Here a tick is one call into C on
the loop's thread. The ports are called back in it, and what they were given is handled right after it: the
whole way of a frame through Python is on one thread, and none of it needs a lock.

A tick that is late is made up for: ticks count frame times, and RTP timestamps count ticks.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
from collections.abc import Callable
from functools import partial
from threading import get_native_id
from typing import Final

from media_bridge.errors import MediaError
from media_bridge.frames import BYTES_PER_SAMPLE, FRAME_MS, frame_samples
from media_bridge.pj_module import pj, shared_object

_log = logging.getLogger(__name__)

OnTick = Callable[[], None]
OnLeftOut = Callable[[int], None]
"""Takes how many ticks there are none of, because the loop stood still."""

_FRAME_S: Final = FRAME_MS / 1000
_LATE_S: Final = 0.5
"""What is later than this is left out, as pjmedia's own clock does: the loop, or the machine, stood still."""

_interrupts: Final[list[BaseException]] = []


def keep_interrupt(error: BaseException) -> None:
    """Have this raised when the tick that is under way is over.

    It is what a signal's handler raised within a port's callback (KeyboardInterrupt, SystemExit): C++ would
    print it and go on, or end the process there.
    """
    _interrupts.append(error)


class _Frame(ctypes.Structure):
    """pjmedia_frame (pjmedia/frame.h)."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


class BridgeTicker:
    """Ticks the bridge of this process's endpoint, and tells who listens; for the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listeners: dict[object, OnTick] = {}
        self._time_keepers: dict[object, OnLeftOut] = {}
        self._next: asyncio.Handle | None = None
        self._due_s = 0.0
        self._ticks_left: int | None = None
        self._tick_bridge: Callable[[], object] | None = None

    def open(self, endpoint: pj.Endpoint, master_port: int, rate_hz: int) -> None:
        """Take the bridge, whose master port is at this address (`setNoDev` returns it). Does not tick yet.

        Raises MediaError if this pjsua2 does not let us.
        """
        try:
            get_frame = shared_object().pjmedia_port_get_frame
        except AttributeError:
            raise MediaError("this build of pjsua2 hides pjmedia_port_get_frame") from None
        samples = frame_samples(rate_hz)
        buffer = ctypes.create_string_buffer(samples * BYTES_PER_SAMPLE)
        frame = _Frame(buffer=ctypes.addressof(buffer), size=len(buffer))
        port, reference = ctypes.c_void_p(master_port), ctypes.byref(frame)

        _register_thread(endpoint)
        registered_id = get_native_id()  # not Python's own: a thread may have that of one that has ended

        def tick() -> None:
            nonlocal registered_id
            if get_native_id() != registered_id:
                _register_thread(endpoint)
                registered_id = get_native_id()
            frame.size = len(buffer)
            frame.timestamp += samples
            get_frame(port, reference)
            if _interrupts:
                raise _take_interrupt()

        self._tick_bridge = tick

    def start(self) -> None:
        """Tick from one frame time from now on, also if it has been ticking in other moments."""
        self.stop()
        self._ticks_left = None
        self._due_s = self._loop.time() + _FRAME_S
        self._next = self._loop.call_at(self._due_s, self._ring)

    def run_out(self, ticks: int) -> None:
        """Tick that many times yet, in the moments in which it does; if it does not, from now on."""
        if self._next is None:
            self.start()
        self._ticks_left = ticks

    def stop(self) -> None:
        """Do not tick any more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def close(self) -> None:
        """Let go of the bridge, which is about to be destroyed."""
        self.stop()
        self._tick_bridge = None

    def listen(self, on_tick: OnTick, on_left_out: OnLeftOut | None = None) -> Callable[[], None]:
        """Have `on_tick` called after each tick; return what ends that.

        `on_left_out` is for who counts time by ticks.
        """
        key = object()
        self._listeners[key] = on_tick
        if on_left_out is not None:
            self._time_keepers[key] = on_left_out

        def end() -> None:
            self._listeners.pop(key, None)
            self._time_keepers.pop(key, None)

        return end

    def _ring(self) -> None:
        """Let the loop read its sockets: what has come is to be heard in this tick, not the next.

        uvloop runs timers first and what is called soon second, and then reads; so that takes a second call.
        """
        self._next = self._loop.call_soon(self._ring_again)

    def _ring_again(self) -> None:
        self._next = self._loop.call_soon(self._tick)

    def _tick(self) -> None:
        mine = self._next
        try:
            if self._tick_bridge is not None:
                self._tick_bridge()
            for key, on_tick in list(self._listeners.items()):
                if key in self._listeners:  # not ended by one before
                    self._tell(on_tick)
        finally:  # who ends the loop by an interrupt may run it on, to hang up
            if self._next is mine:  # neither stopped nor started by a listener
                self._schedule()

    def _tell(self, on_tick: OnTick) -> None:
        try:
            on_tick()
        except Exception:  # noqa: BLE001 - one call's failure must not take the others' audio with it
            _log.exception("error in a tick callback %r", on_tick)

    def _schedule(self) -> None:
        if self._ticks_left is not None:
            self._ticks_left -= 1
            if self._ticks_left <= 0:
                self.stop()
                return
        self._due_s += _FRAME_S
        now_s = self._loop.time()
        if self._due_s < now_s - _LATE_S:
            self._leave_out(round((now_s - self._due_s) / _FRAME_S))
        self._next = self._loop.call_at(self._due_s, self._ring)

    def _leave_out(self, ticks: int) -> None:
        _log.warning("the bridge stood still: %d ms of all calls' audio are left out", ticks * FRAME_MS)
        self._due_s += ticks * _FRAME_S
        for on_left_out in list(self._time_keepers.values()):
            self._tell(partial(on_left_out, ticks))


def _register_thread(endpoint: pj.Endpoint) -> None:
    """Tell pjlib of this thread, on which it ends the process else; another one may run the loop on."""
    if not endpoint.libIsThreadRegistered():
        endpoint.libRegisterThread("loop")


def _take_interrupt() -> BaseException:
    first = _interrupts[0]
    _interrupts.clear()
    return first
