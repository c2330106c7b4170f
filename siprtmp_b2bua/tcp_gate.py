"""Keeps new TCP connections out for a moment when there are too many of them for pjsip.

pjsip keeps the socket slot of a closed connection for another 500 ms, and when none is free, it aborts the
process (assertion). It accepts whatever comes, without asking us, so the kernel must hold it off: a filter on
the listening socket drops every packet. Clients retransmit, and get in later. Neither UDP nor the connections
that are open notice anything.
"""

from __future__ import annotations

import ctypes
import logging
import os
import socket
import struct
from pathlib import Path
from typing import Final

from .rate_limit import RateLimit

logger = logging.getLogger(__name__)

_KEPT_S: Final = 0.7

_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)
"""The classic BPF instruction `ret #0`: take no byte of the packet."""


class TcpGate:
    """Counts pjsip's TCP connections; used on the pjsip thread."""

    def __init__(self, port: int, max_connections: int) -> None:
        """Let so many be open, or closed within `_KEPT_S`; the listener's backlog of 5 may come on top."""
        self._max_connections = max_connections
        self._listener = _find_listener(port)
        self._open: set[int] = set()
        self._closed = RateLimit(1_000_000, _KEPT_S)
        self._is_shut = False

    def connection_opened(self, connection: int, now_s: float) -> None:
        """Count a connection."""
        self._open.add(connection)
        self.update(now_s)

    def connection_closed(self, connection: int, now_s: float) -> None:
        """Count it among those that pjsip still has a slot for; repeating this does no harm."""
        if connection in self._open:
            self._open.discard(connection)
            self._closed.take(now_s)

    def update(self, now_s: float) -> None:
        """Shut or open the gate, if it is time to."""
        must_be_shut = len(self._open) + self._closed.recent(now_s) >= self._max_connections
        if must_be_shut != self._is_shut and self._listener is not None:
            self._is_shut = must_be_shut
            if must_be_shut:
                logger.warning("%d TCP connections for SIP: new ones have to wait", len(self._open))
                _drop_all(self._listener)
            else:
                self._listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)

    def close(self) -> None:
        """Let go of the listening socket."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def _drop_all(listener: socket.socket) -> None:
    program = ctypes.create_string_buffer(_DROP_ALL)
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


def _find_listener(port: int) -> socket.socket | None:
    """A duplicate of the socket on which this process listens at the TCP port."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            duplicate = os.dup(int(entry.name))
        except OSError:
            continue  # closed in the meantime: the directory was open itself
        try:
            candidate = socket.socket(fileno=duplicate)
        except OSError:
            os.close(duplicate)
            continue  # no socket
        try:
            listens = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and candidate.type == socket.SOCK_STREAM and candidate.getsockname()[1] == port:
                return candidate
        except (OSError, IndexError):
            pass  # a socket of another kind
        candidate.close()
    logger.error("the TCP socket of SIP was not found: many TCP connections can end this process")
    return None
