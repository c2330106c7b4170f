"""An RTP session on UDP sockets, in an asyncio loop: the one file of the package that does I/O.

It reads the sockets itself (`add_reader`) rather than through datagram transports: asyncio's own takes one
packet each time the loop turns, and here up to `BATCH` come in one go, before the loop's other work. An ICMP
error of the peer's host is an error of one call to the socket, is counted, and ends nothing.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence

from media_bridge.rtp.admission import MAX_DATAGRAM_BYTES
from media_bridge.rtp.events import Event
from media_bridge.rtp.latch import Address
from media_bridge.rtp.outbox import Channel
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.udp_ports import UdpPorts

BATCH = 64
"""Datagrams that are read from a socket before others get their turn."""

_READ_BYTES = MAX_DATAGRAM_BYTES + 1


class RtpEndpoint:
    """Moves datagrams between a session and its sockets, which it owns.

    `on_events` is called on the loop with what the session tells, never with an empty list. What it raises is
    reported by the loop and changes nothing here.
    """

    def __init__(
        self,
        session: RtpSession,
        ports: UdpPorts,
        on_events: Callable[[list[Event]], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session = session
        self.socket_errors = 0
        """Calls to the sockets that failed, apart from those that only had to wait."""
        self._ports = ports
        self._on_events = on_events
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_s = float("inf")
        self._is_closed = False
        self._loop.add_reader(ports.rtp, self._read, ports.rtp, session.receive_rtp)
        if ports.rtcp is not None:
            self._loop.add_reader(ports.rtcp, self._read, ports.rtcp, session.receive_rtcp)
        self._set_timer()

    @property
    def rtp_port(self) -> int:
        """The port of RTP."""
        return self._ports.rtp_port

    def send(self, payloads: Sequence[bytes], timestamp: int, *, marked: bool = True) -> None:
        """Send the payloads of one picture; `marked`: the last one gets the marker (RFC 6184 §5.1).

        Raises `ValueError` above `MAX_PAYLOAD_BYTES`. After `close` nothing is sent.
        """
        now_s = self._clock()
        last = len(payloads) - 1
        for number, payload in enumerate(payloads):
            self.session.send(payload, marked and number == last, timestamp, now_s)
        self._flush(now_s)

    def request_key_frame(self) -> bool:
        """Ask the peer for a key picture; see `RtpSession.request_key_frame`."""
        now_s = self._clock()
        is_possible = self.session.request_key_frame(now_s)
        self._flush(now_s)
        return is_possible

    def flush(self) -> None:
        """Send what the session has to send, after something was done to it directly."""
        self._flush(self._clock())

    def close(self) -> None:
        """Say BYE and close the sockets. May be called twice."""
        if self._is_closed:
            return
        now_s = self._clock()
        self.session.close(now_s)
        self._flush(now_s)
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._ports.rtp)
        if self._ports.rtcp is not None:
            self._loop.remove_reader(self._ports.rtcp)
        self._ports.close()

    # -- the loop's side

    def _read(self, source: socket.socket, receive: Callable[[bytes, Address, float], list[Event]]) -> None:
        events: list[Event] = []
        now_s = self._clock()
        for _ in range(BATCH):
            try:
                data, address = source.recvfrom(_READ_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self.socket_errors += 1
                continue
            events += receive(data, address[:2], now_s)
        self._flush(now_s)
        if events:
            self._on_events(events)

    def _wake(self) -> None:
        self._timer, self._wakes_s = None, float("inf")
        now_s = self._clock()
        events = self.session.advance(now_s)
        self._flush(now_s)
        if events:
            self._on_events(events)

    def _flush(self, now_s: float) -> None:
        """Send what is due, and see to it that the loop comes back for the rest."""
        if self._is_closed:
            return
        for data, address, channel in self.session.take_outgoing(now_s):
            self._send(data, address, channel)
        self._set_timer()

    def _send(self, data: bytes, address: Address, channel: Channel) -> None:
        target = self._ports.rtp if channel is Channel.RTP else self._ports.rtcp
        if target is None:  # a new description took RTCP off the port of RTP, and there is no other
            self.socket_errors += 1
            return
        try:
            target.sendto(data, address)
        except OSError:
            # Also where the socket's buffer is full: to wait would only make it later, and NACK asks for it.
            self.socket_errors += 1

    def _set_timer(self) -> None:
        """Wake up in time for the next deadline; a timer that is too early does no harm and is left."""
        deadline_s = self.session.next_deadline_s()
        if deadline_s is None or self._wakes_s <= deadline_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_s = deadline_s
        self._timer = self._loop.call_later(max(deadline_s - self._clock(), 0.0), self._wake)
