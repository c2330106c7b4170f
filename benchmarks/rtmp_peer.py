"""RTMP clients on non-blocking sockets, many in one thread, that cost little and tell time exactly."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Self, TypeVar

from rtmp.client_session import ClientSession
from rtmp.errors import RtmpError
from rtmp.events import ConnectAccepted, ConnectRefused, Event, StatusReceived, StreamCreated

_RECEIVE_SIZE = 1 << 18
_SETUP_S = 10.0


class PeerFailed(Exception):  # noqa: N818 - named for what happened
    """The server refused something, closed a connection, or did not answer."""


class Peer:
    """One client: it connects, makes a message stream, and then only answers pings."""

    def __init__(self, url: str) -> None:
        self.session = ClientSession(url)
        self.stream_id = 0
        self.is_ready = False
        self._unsent = bytearray()
        # the kernel accepts at once on loopback, so waiting here costs nothing
        self.socket = socket.create_connection((self.session.url.host, self.session.url.port), _SETUP_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.session.connect()
        self._send_answers()

    def receive(self) -> None:
        """Read what has come and act on it; raises PeerFailed."""
        try:
            data = self.socket.recv(_RECEIVE_SIZE)
        except ConnectionError as error:
            raise PeerFailed(f"the server broke a connection: {error}") from error
        if not data:
            raise PeerFailed("the server closed a connection")
        session = self.session
        session.feed(data)
        try:
            while (event := session.next_event()) is not None:
                self._on_event(event)
        except RtmpError as error:
            raise PeerFailed(f"the server broke the protocol: {error}") from error
        self._send_answers()

    def send(self, data: bytes | bytearray) -> bool:
        """Send in one write; what the socket does not take is kept. Returns whether it took all."""
        if self._unsent:
            self._unsent += data
            data, self._unsent = self._unsent, bytearray()
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except ConnectionError as error:
            raise PeerFailed(f"the server broke a connection: {error}") from error
        if sent < len(data):
            self._unsent += data[sent:]
        return not self._unsent

    def _send_answers(self) -> None:
        if self.session.pending_size or self._unsent:
            self.send(self.session.data_to_send())

    def _on_event(self, event: Event) -> None:
        match event:
            case ConnectAccepted():
                self.session.create_stream()
            case StreamCreated(stream_id=stream_id):
                self.stream_id = stream_id
                self._on_stream()
            case ConnectRefused(code=code, description=text):
                raise PeerFailed(f"the server refused: {code} {text}")
            case StatusReceived(level="error", code=code, description=text):
                raise PeerFailed(f"the server refused: {code} {text}")
            case StatusReceived(code=code):
                self._on_status(code)
            case _:
                pass

    def _on_stream(self) -> None:
        """Go on once there is a message stream."""
        self.is_ready = True

    def _on_status(self, code: str) -> None:
        """Hear of the stream."""


AnyPeer = TypeVar("AnyPeer", bound=Peer)


class Peers:
    """Waits for many peers at once; closes them at its end."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._peers: dict[int, Peer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close_all()
        self._epoll.close()

    def connect(self, makers: Iterable[Callable[[], AnyPeer]], at_once: int = 50) -> list[AnyPeer]:
        """Make peers and wait until they are ready, so many at the same time."""
        pending, made = iter(makers), list[AnyPeer]()
        while batch := [self._add(make()) for make in islice(pending, at_once)]:
            self._await_ready(batch)
            made += batch
        return made

    def poll(self, timeout_s: float) -> None:
        """Let peers receive; wait for the first of them so long at most."""
        if timeout_s > 0:
            # epoll itself waits for whole milliseconds
            select.select([self._epoll], [], [], timeout_s)
        for descriptor, _ in self._epoll.poll(0):
            self._peers[descriptor].receive()

    def until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Let peers receive until `condition`; raises PeerFailed when the time is over."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            rest_s = deadline_s - time.monotonic()
            if rest_s <= 0:
                raise PeerFailed(f"the server did not answer within {timeout_s:g} s")
            self.poll(rest_s)

    def listen(self, seconds: float) -> None:
        """Let peers receive for that time."""
        end_s = time.monotonic() + seconds
        while (rest_s := end_s - time.monotonic()) > 0:
            self.poll(rest_s)

    def close_all(self) -> None:
        """Close all connections."""
        for peer in self._peers.values():
            peer.socket.close()
        self._peers.clear()

    def _await_ready(self, peers: Sequence[Peer]) -> None:
        self.until(lambda: all(peer.is_ready for peer in peers), _SETUP_S)

    def _add(self, peer: AnyPeer) -> AnyPeer:
        descriptor = peer.socket.fileno()
        self._peers[descriptor] = peer
        self._epoll.register(descriptor, select.EPOLLIN)
        return peer
