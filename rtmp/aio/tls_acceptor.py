"""The TLS handshake of a new connection, before RTMP begins.

asyncio's own listener for TLS says nothing of a handshake that fails, not even to the protocol object. So the
listener is a plain one, and each socket is taken from it for a handshake of its own: it is counted and can be
refused before the handshake costs anything, and one that fails leaves a line in the log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable
from typing import cast

from rtmp.aio.peername import format_peer
from rtmp.aio.tls import explain_failure
from rtmp.limits import Timeouts

logger = logging.getLogger("rtmp")


class TlsAcceptor(asyncio.Protocol):
    """Negotiates TLS with one peer, for the protocol that `make_protocol` makes if that succeeds.

    `enter` takes the connection into account or refuses it (None); what it returns goes to `make_protocol`,
    or to `leave` if no TLS comes about. The acceptor is in `pending` until then.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        timeouts: Timeouts,
        pending: set[TlsAcceptor],
        enter: Callable[[asyncio.BaseTransport], str | None],
        make_protocol: Callable[[str], asyncio.Protocol],
        leave: Callable[[str], None],
    ) -> None:
        self._context = context
        self._timeouts = timeouts
        self._pending = pending
        self._enter = enter
        self._make_protocol = make_protocol
        self._leave = leave
        self._peer = ""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, unless the connection is refused."""
        group = self._enter(transport)
        if group is None:
            return
        self._peer = format_peer(transport.get_extra_info("peername"))
        # A transport reads from now on, so it cannot be upgraded without losing bytes (uvloop). It gives its
        # socket up before it has read any.
        try:
            sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        except OSError as error:  # too many files are open
            logger.warning("connection from %s: no TLS: %s", self._peer, error)
            self._leave(group)
            return
        finally:
            cast("asyncio.Transport", transport).abort()
        self._pending.add(self)
        self._task = asyncio.get_running_loop().create_task(self._negotiate(sock, group))
        self._task.add_done_callback(lambda task: self._handshake_done(task, sock, group))

    def abort(self) -> None:
        """Give the handshake up."""
        if self._task is not None:
            self._task.cancel()

    async def _negotiate(self, sock: socket.socket, group: str) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self._make_protocol(group),
            sock,
            ssl=self._context,
            ssl_handshake_timeout=self._timeouts.handshake,
            ssl_shutdown_timeout=self._timeouts.close,
        )

    def _handshake_done(self, task: asyncio.Task[None], sock: socket.socket, group: str) -> None:
        self._pending.discard(self)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.warning("connection from %s: no TLS: %s", self._peer, explain_failure(error))
        if task.cancelled() or error is not None:
            self._leave(group)
