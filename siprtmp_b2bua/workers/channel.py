"""Messages and descriptors between two processes of the gateway, on a pair of Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

MAX_MESSAGE: Final = 128 * 1024
"""Bytes; a message has to fit into the kernel's buffer of a socket (`net.core.wmem_default`)."""
_MAX_DESCRIPTORS: Final = 2

OnMessage = Callable[[bytes, Sequence[int]], None]


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends that keep messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel:
    """One end, on an event loop.

    `on_message` gets each message, and the descriptors that came with it, which are its own from then on.
    `on_closed` is called once, when the other process has closed its end or has died; not after `close`.
    """

    def __init__(self, sock: socket.socket, on_message: OnMessage, on_closed: Callable[[], None]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_message = on_message
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, tuple[socket.socket, ...]]] = deque()
        self._is_closed = False
        self._loop.add_reader(sock, self._read)

    def send(self, message: bytes, sockets: tuple[socket.socket, ...] = ()) -> None:
        """Send a message, and sockets, which are closed here once they have been sent.

        Nothing is said of a process that has gone: `on_closed` is.
        """
        assert 0 < len(message) <= MAX_MESSAGE
        if self._is_closed:
            _close_all(sockets)
            return
        self._waiting.append((message, sockets))
        if len(self._waiting) == 1:
            self._write()

    def close(self) -> None:
        """Close this end; what has not been sent is lost."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for _, sockets in self._waiting:
            _close_all(sockets)
        self._waiting.clear()

    def _write(self) -> None:
        while self._waiting:
            message, sockets = self._waiting[0]
            try:
                socket.send_fds(self._sock, [message], [sock.fileno() for sock in sockets])
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._write)
                return
            except OSError:
                self._lose()
                return
            self._waiting.popleft()
            _close_all(sockets)
        self._loop.remove_writer(self._sock)

    def _read(self) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._sock, MAX_MESSAGE, _MAX_DESCRIPTORS)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        if message:
            self._on_message(message, descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        self._lose()

    def _lose(self) -> None:
        if not self._is_closed:
            self.close()
            self._on_closed()


def _close_all(sockets: tuple[socket.socket, ...]) -> None:
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.close()
