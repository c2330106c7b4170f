"""The one thread that talks to pjsua2.

pjsua2 identifies a call by a small slot number that is reused, and asserts (aborting the process) on a
wrong one. Any command that raced with a SIP event could hit a call that has just ended. So events and
commands run on one thread, in turn: `libHandleEvents` runs the SIP callbacks, then the queued commands run,
and neither can change the state under the other.

`libHandleEvents` waits in `select`; a command must not wait for its time-out. A CRLF datagram sent to the SIP
transport wakes it: that is the keep-alive of RFC 5626 §4.4.1, which pjsip takes and drops. Idle cost is thus
one wake-up per `_POLL_MS`, and a command starts within about 0.1 ms.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from .errors import SipError

T = TypeVar("T")

logger = logging.getLogger(__name__)

_POLL_MS: Final = 250
_CRLF: Final = b"\r\n"


class PjThread:
    """Runs pjsip's events and our commands on a single thread of its own.

    `poll` is called over and over with a time-out in milliseconds (it is `Endpoint.libHandleEvents`);
    `set_up` runs first and returns the address of a UDP socket that wakes `poll`; `tear_down` runs last.
    """

    def __init__(
        self,
        set_up: Callable[[], tuple[str, int]],
        poll: Callable[[int], object],
        tear_down: Callable[[], None],
    ) -> None:
        self._set_up = set_up
        self._poll = poll
        self._tear_down = tear_down
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._doorbell: socket.socket | None = None
        self._wake_address: tuple[str, int] | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Start the thread; returns when `set_up` has run, raises what it raised.

        Then, and if it is cancelled, the thread has ended.
        """
        loop = asyncio.get_running_loop()
        self._loop = loop
        ready: asyncio.Future[None] = loop.create_future()
        self._doorbell = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._doorbell.setblocking(False)
        self._thread = threading.Thread(target=self._run, args=(ready,), name="pjsip", daemon=True)
        self._thread.start()
        try:
            await ready
        except BaseException:
            await self.stop()
            raise

    async def run(self, command: Callable[[], T]) -> T:
        """Run `command` on the pjsip thread and return its result, or raise what it raised.

        Raises `SipError` once the thread is told to stop: nobody would ever answer.
        """
        assert self._loop is not None
        if self._stopping:
            raise SipError(503, "Shutting Down")
        result: asyncio.Future[T] = self._loop.create_future()
        loop = self._loop

        def execute() -> None:
            try:
                value = command()
            except Exception as error:  # noqa: BLE001 - carried to the caller, whatever it is
                loop.call_soon_threadsafe(_fail, result, error)
            else:
                loop.call_soon_threadsafe(_resolve, result, value)

        self.submit(execute)
        return await result

    def submit(self, command: Callable[[], None]) -> None:
        """Queue `command` without waiting; it must not raise. May be called from any thread."""
        self._commands.append(command)
        self._ring()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on the pjsip thread."""
        return threading.current_thread() is self._thread

    async def stop(self) -> None:
        """Run the commands that are queued, then `tear_down`, and end the thread."""
        if self._thread is None:
            return
        self._stopping = True
        self._ring()
        await asyncio.to_thread(self._thread.join)
        self._thread = None
        if self._doorbell is not None:
            self._doorbell.close()

    def _ring(self) -> None:
        if self._doorbell is None or self._wake_address is None or self.is_current:
            return
        try:
            self._doorbell.sendto(_CRLF, self._wake_address)
        except OSError as error:
            # A full socket buffer means that the thread is awake anyway; the poll time-out covers the rest.
            logger.debug("cannot wake the pjsip thread: %s", error)

    def _run(self, ready: asyncio.Future[None]) -> None:
        assert self._loop is not None
        try:
            self._wake_address = self._set_up()
        except Exception as error:  # noqa: BLE001 - carried to start()
            self._tear_down_safely()
            self._loop.call_soon_threadsafe(_fail, ready, error)
            return
        self._loop.call_soon_threadsafe(_resolve, ready, None)
        while not self._stopping:
            self._poll_safely()
            self._run_commands()
        self._run_commands()
        self._tear_down_safely()

    def _poll_safely(self) -> None:
        try:
            # A command may have been queued after the last round and before this call: then the doorbell's
            # datagram is still in the socket and the poll returns at once.
            self._poll(_POLL_MS)
        except Exception:  # a callback's error must not end SIP for every call
            logger.exception("error in a pjsip callback")

    def _run_commands(self) -> None:
        while self._commands:
            command = self._commands.popleft()
            try:
                command()
            except Exception:
                logger.exception("error in a pjsip command")

    def _tear_down_safely(self) -> None:
        try:
            self._tear_down()
        except Exception:
            logger.exception("error while closing pjsip")


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
