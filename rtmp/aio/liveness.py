"""Whether the peer of a connection is alive: what it has to have done by when, and what happens if not."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol
from weakref import proxy

from rtmp.aio.timers import Timers
from rtmp.errors import (
    ConnectTimeout,
    HandshakeTimeout,
    IdleTimeout,
    PeerTimeout,
    PublisherSilent,
    RtmpError,
    WriteStalled,
)
from rtmp.limits import Timeouts
from rtmp.session import Session
from rtmp.state import ConnectionState

_LEAST_PROGRESS: Final = 16 * 1024  # bytes in Timeouts.stalled_write


class Watched(Protocol):
    """What is known of a connection here."""

    timeouts: Timeouts
    timers: Timers
    last_received_s: float
    """When something last came, by the clock of the loop."""

    @property
    def session(self) -> Session:
        """Its session."""
        ...

    @property
    def is_reading(self) -> bool:
        """Whether the peer is read now, and its silence is its own."""
        ...

    @property
    def write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        ...

    def schedule_flush(self) -> None:
        """Have everything sent that is queued."""
        ...

    def fail(self, error: RtmpError) -> None:
        """End the connection because of an error."""
        ...


class Liveness:
    """Keeps the time of one connection, with its timers."""

    def __init__(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        self._connection: Watched = proxy(connection)  # which has us: no circle for the collector to find
        self._loop = loop
        self._commands = self._content = 0  # what there had been at the last check
        self._used_s = self._content_s = loop.time()

    def begin(self) -> None:
        """Wait for the handshake, and for silence."""
        connection = self._connection
        connection.last_received_s = self._loop.time()
        connection.timers.start("setup", connection.timeouts.handshake, self._handshake_timed_out)
        connection.timers.start("ping", connection.timeouts.ping, self._check_alive)

    def wait_for_connect(self) -> None:
        """Wait for `connect`, or its answer, instead of the handshake."""
        connection = self._connection
        connection.timers.start("setup", connection.timeouts.connect, self._connect_timed_out)

    def note_connected(self) -> None:
        """Wait for nothing but silence."""
        self._connection.timers.cancel("setup")

    def _handshake_timed_out(self) -> None:
        seconds, received = self._connection.timeouts.handshake, self._connection.session.bytes_received
        self._connection.fail(HandshakeTimeout(f"no handshake in {seconds} s, only {received} bytes"))

    def _connect_timed_out(self) -> None:
        seconds = self._connection.timeouts.connect
        self._connection.fail(ConnectTimeout(f"no connect in {seconds} s after the handshake"))

    # A peer that reads too slowly

    def watch_progress(self) -> None:
        """Have the peer given up unless it reads some of what waits for it."""
        connection = self._connection
        left = self._left()
        connection.timers.start(
            "stalled", connection.timeouts.stalled_write, lambda: self._check_progress(left)
        )

    def stop_watching_progress(self) -> None:
        """The peer has caught up."""
        self._connection.timers.cancel("stalled")

    def _left(self) -> int:
        """Return how many bytes the kernel has taken."""
        return self._connection.session.bytes_sent - self._connection.write_buffer_size

    def _check_progress(self, left_before: int) -> None:
        progress = self._left() - left_before
        if progress >= _LEAST_PROGRESS:
            self.watch_progress()
            return
        waiting, seconds = self._connection.write_buffer_size, self._connection.timeouts.stalled_write
        self._connection.fail(WriteStalled(f"{waiting} bytes wait, {progress} were read in {seconds} s"))

    # A silent peer

    def _check_alive(self) -> None:
        """Ping a silent peer; end the connection of a dead or idle one.

        While we do not read, the silence is ours.
        """
        connection, timeouts, now = self._connection, self._connection.timeouts, self._loop.time()
        if not connection.is_reading:
            connection.last_received_s = now
        silence = now - connection.last_received_s
        if silence >= timeouts.dead_peer:
            connection.fail(
                PeerTimeout(f"nothing received for {silence:.1f} s, not even an answer to a ping")
            )
            return
        self._note_use(now)
        if (error := self._find_idleness(now)) is not None:
            connection.fail(error)
            return
        wait = timeouts.ping - silence
        if wait <= 0:
            wait = min(timeouts.ping, timeouts.dead_peer - silence)
            self._ping(now)
        connection.timers.start("ping", max(wait, 0.001), self._check_alive)

    def _note_use(self, now_s: float) -> None:
        """Note what has been done since the last check."""
        session = self._connection.session
        commands = session.commands_exchanged
        content = session.messages_received - session.messages_of_control
        if session.is_in_use or commands != self._commands or session.state is not ConnectionState.CONNECTED:
            self._used_s = now_s
        if not session.publishing_streams or content != self._content or not self._connection.is_reading:
            self._content_s = now_s
        self._commands, self._content = commands, content

    def _find_idleness(self, now_s: float) -> RtmpError | None:
        timeouts = self._connection.timeouts
        unused_s, silent_s = now_s - self._used_s, now_s - self._content_s
        if 0 < timeouts.idle <= unused_s:
            return IdleTimeout(f"no stream and no call for {unused_s:.1f} s")
        if 0 < timeouts.silent_publisher <= silent_s:
            return PublisherSilent(f"nothing was sent to be published for {silent_s:.1f} s")
        return None

    def _ping(self, now_s: float) -> None:
        session = self._connection.session
        if session.state in (ConnectionState.CONNECTING, ConnectionState.CONNECTED):
            session.send_ping(int(now_s * 1000))
            self._connection.schedule_flush()
