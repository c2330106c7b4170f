"""A session on an asyncio transport: what server and client connections share.

Outgoing bytes collect in the session and leave in one write: at the end of the `data_received` that caused
them, on whichever connection, or else at the end of the turn of the event loop. Nothing here is a task:
bytes, timers and the loop's callbacks drive everything.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final, Generic, TypeVar, cast

from rtmp.aio.farewell import end_writing
from rtmp.aio.flush_queue import FlushQueue
from rtmp.aio.inbound import MESSAGES_PER_TURN, Inbound
from rtmp.aio.liveness import Liveness
from rtmp.aio.peername import format_peer
from rtmp.aio.timers import Timers
from rtmp.errors import (
    ConnectionLost,
    PeerTimeout,
    RemoteProtocolError,
    RtmpError,
    TransportReset,
    WriteBufferExceeded,
    WriteStalled,
)
from rtmp.events import Event, MessageIgnored
from rtmp.limits import DEFAULT_TIMEOUTS, Timeouts
from rtmp.session import Session
from rtmp.state import ConnectionState

logger = logging.getLogger("rtmp")

S = TypeVar("S", bound=Session)

LAST_MESSAGES = 4096
"""Of a peer that is gone, acted on in one go: some 40 ms of work at most."""

# To look a member up in its Enum costs ten times as much as a global: too much for every message.
_HANDSHAKE: Final = ConnectionState.HANDSHAKE
_CLOSING: Final = ConnectionState.CLOSING


class Connection(asyncio.Protocol, Generic[S]):
    """Moves the bytes of one session, flushes, keeps time and ends.

    A peer may vanish at any moment, so commands on a connection that `is_closed` do nothing.
    """

    _ids: ClassVar[itertools.count[int]] = itertools.count(1)

    def __init__(self, session: S, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self.id = next(self._ids)
        self.session = session
        self.timeouts = timeouts
        """May be replaced at any time, for this connection alone; each counts from its next start on."""
        self.peername = "?"
        self.dropped_media = 0
        self.write_paused = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._flush_queue = FlushQueue.of(self._loop)
        self._inbound = Inbound(session, self._loop, partial(self.data_received, b""))
        self._flush_scheduled = False
        self.on_writable: Callable[[], None] | None = None
        """Called when the peer has caught up after `write_paused`."""
        self._writable = asyncio.Event()
        self._writable.set()
        self._closing = False
        self._reason: RtmpError | None = None
        self.last_received_s = self._loop.time()
        self.timers = Timers(self._loop)
        self._liveness = Liveness(self, self._loop)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.peername}>"

    def _deliver(self, event: Event) -> None:
        raise NotImplementedError

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed or closing: no event but the last ones will come."""
        return self._closing

    @property
    def is_reading(self) -> bool:
        """Whether the peer is read now, and its silence is its own."""
        return not self._inbound.is_paused

    @property
    def write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        in_transport = self._transport.get_write_buffer_size() if self._transport else 0
        return self.session.pending_size + in_transport

    # Ending

    def close(self, reason: RtmpError | None = None) -> None:
        """Flush what is queued, then close. `reason` goes into ConnectionClosed.

        The connection stays half open until the peer closes too, `Timeouts.close` at most: closing a socket
        with unread data resets it, and the peer might never see the last answer.
        """
        if self._closing:
            return
        self._closing = True
        self._writable.set()
        self._reason = reason
        self.flush()
        self.session.close()
        self.timers.cancel_all()
        self._inbound.close()
        if self._transport is not None:
            end_writing(self._transport, self.timers, self.timeouts.close)

    def abort(self, reason: RtmpError | None = None) -> None:
        """Close at once; what is queued is lost."""
        self._writable.set()
        if not self._closing:
            self._closing = True
            self._reason = reason
        self.session.close()
        self.timers.cancel_all()
        self._inbound.close()
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        """Stop reading from the peer, which feels it through TCP, and is not taken for dead meanwhile."""
        if not self._closing:
            self._inbound.hold(True)

    def resume_reading(self) -> None:
        """Read again."""
        if not self._closing:
            self._inbound.hold(False)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the transport up and wait for the handshake."""
        self._transport = self._inbound.transport = cast("asyncio.Transport", transport)
        self.peername = format_peer(transport.get_extra_info("peername"))
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limits = self.session.limits
        self._transport.set_write_buffer_limits(high=limits.max_write_buffer_media)
        self.last_received_s = self._loop.time()
        self._liveness.begin()
        if self.session.pending_size:
            self.schedule_flush()

    def data_received(self, data: bytes) -> None:
        """Parse, deliver as much as one turn of the loop may take, and let a fault end the connection.

        While a turn is due, only parse. No function of its own for each step: this runs for every message.
        """
        if self._closing:
            return
        self.last_received_s = self._loop.time()
        session, queue, inbound = self.session, self._flush_queue, self._inbound
        in_handshake = session.state is _HANDSHAKE
        session.feed(data)
        if in_handshake and session.state is not _HANDSHAKE:
            self._liveness.wait_for_connect()
        if inbound.is_waiting:
            return
        until = session.messages_handled + MESSAGES_PER_TURN
        queue.will_run = True
        try:
            while not self._closing and (event := session.next_event(until)) is not None:
                self._deliver(event)
        except RemoteProtocolError as error:
            self.fail(error)
        except Exception:
            # whatever is wrong where its media go must not reach others
            logger.exception("connection %s (%s): its media could not be handled", self.id, self.peername)
            self.abort(ConnectionLost("its media could not be handled"))
        else:
            if session.pending_size or session.state is _CLOSING:
                self.commands_given()
            if (
                session.messages_handled >= until
                or session.messages_handled > inbound.messages.mark
                or session.bytes_received > inbound.bytes_mark
            ):
                inbound.settle()
        finally:
            queue.will_run = False
            if queue.due:
                queue.run()

    def eof_received(self) -> bool:
        """Let the transport close itself: RTMP has no half-closed connections."""
        return False

    def pause_writing(self) -> None:
        """Note that the peer reads too slowly; media are dropped from now on."""
        self.write_paused = True
        if not self._closing:
            self._writable.clear()
        self._liveness.watch_progress()

    def resume_writing(self) -> None:
        """Note that the peer has caught up."""
        self.write_paused = False
        self._liveness.stop_watching_progress()
        if self.on_writable is not None and not self._closing:
            self.on_writable()
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Deliver the last events, and let go of what knows us: the garbage collector need not find us."""
        self.timers.cancel_all()
        self._writable.set()
        self._inbound.transport = self._transport = None
        self._inbound.close()
        if not self._closing:
            self._deliver_last_words()
            self._closing = True
            if isinstance(exc, ConnectionError) and self.session.peer_is_leaving:
                pass  # it did not wait for our last answers, which nobody needs
            elif exc is not None:
                lost = TransportReset if isinstance(exc, ConnectionError) else ConnectionLost
                self._reason = lost(f"the transport failed: {exc}")
            elif self.session.state is _HANDSHAKE:
                self._reason = ConnectionLost("the peer closed during the handshake")
        reason, self._reason = self._reason, None
        if reason is not None:
            reason.__traceback__ = None
        for event in self.session.connection_lost(reason):
            self._deliver(event)
        self.on_writable = None

    def _deliver_last_words(self) -> None:
        """Act on what the peer said before it went: it may have been waiting for its turn."""
        session = self.session
        until = session.messages_handled + LAST_MESSAGES
        try:
            while not self._closing and (event := session.next_event(until)) is not None:
                self._deliver(event)
        except RemoteProtocolError:
            pass  # nobody is there to be told
        except Exception:
            logger.exception("connection %s (%s): its media could not be handled", self.id, self.peername)

    # Sending

    def schedule_flush(self) -> None:
        """Have everything sent that is queued until then; see `FlushQueue`."""
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._flush_queue.add(self)

    def commands_given(self) -> None:
        """Flush soon; end if the session wants to, or if the peer has let too much pile up."""
        session = self.session
        if session.pending_size:
            self.schedule_flush()
        if session.state is _CLOSING:
            self.close()
        elif self.write_paused or session.pending_size > session.limits.max_write_buffer:
            self._check_write_buffer()

    def media_has_room(self) -> bool:
        """Return whether media may be sent now; count the message as dropped if not."""
        if self.write_paused or self.session.pending_size > self.session.limits.max_write_buffer_media:
            self.dropped_media += 1
            return False
        return True

    async def drain(self) -> None:
        """Send what is queued, and wait until the peer has read enough, or the connection `is_closed`.

        For those who send faster than in real time and would rather wait than have media dropped.
        """
        self.flush()
        await self._writable.wait()

    def flush(self) -> None:
        """Send what is queued now."""
        self._flush_scheduled = False
        if self._transport is not None and (data := self.session.data_to_send()):
            self._transport.write(data)

    def _check_write_buffer(self) -> None:
        size, limit = self.write_buffer_size, self.session.limits.max_write_buffer
        if size > limit and not self._closing:
            self.fail(WriteBufferExceeded(f"{size} bytes wait for a peer that does not read; limit {limit}"))

    # Events

    def _log_ignored(self, event: MessageIgnored) -> None:
        logger.debug("connection %s: messages of type %s are ignored", self.id, event.type_id)

    def fail(self, error: RtmpError) -> None:
        """End the connection because of an error, and log it."""
        if self._closing:
            return
        logger.warning("connection %s (%s): %s: %s", self.id, self.peername, type(error).__name__, error)
        if isinstance(error, WriteBufferExceeded | WriteStalled | PeerTimeout):
            self.abort(error)
        else:
            self.close(error)
