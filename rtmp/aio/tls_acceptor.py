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
from rtmp.aio.places import Place, Places
from rtmp.aio.tls import explain_failure
from rtmp.limits import Timeouts

logger = logging.getLogger("rtmp")


class TlsAcceptor(asyncio.Protocol):
    """Negotiates TLS with one peer, for the protocol that `make_protocol` makes if that succeeds.

    The protocol gets, and has to take, the place that the connection is given. The acceptor is in `pending`
    until the handshake is over.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        timeouts: Timeouts,
        pending: set[TlsAcceptor],
        places: Places,
        make_protocol: Callable[[Place], asyncio.Protocol],
    ) -> None:
        self._context = context
        self._timeouts = timeouts
        self._pending = pending
        self._places = places
        self._make_protocol = make_protocol
        self._peer = ""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, unless the connection is refused."""
        place = self._places.enter(transport)
        if place is None:
            return
        self._peer = format_peer(transport.get_extra_info("peername"))
        # A transport reads from now on, so it cannot be upgraded without losing bytes (uvloop). It gives its
        # socket up before it has read any.
        try:
            sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        except OSError as error:  # too many files are open
            logger.warning("connection from %s: no TLS: %s", self._peer, error)
            place.give_back()
            return
        finally:
            cast("asyncio.Transport", transport).abort()
        self._pending.add(self)
        self._task = asyncio.get_running_loop().create_task(self._negotiate(sock, place))
        self._task.add_done_callback(lambda task: self._handshake_done(task, place))

    def abort(self) -> None:
        """Give the handshake up."""
        if self._task is not None:
            self._task.cancel()

    async def _negotiate(self, sock: socket.socket, place: Place) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self._make_protocol(place),
            sock,
            ssl=self._context,
            ssl_handshake_timeout=self._timeouts.handshake,
            ssl_shutdown_timeout=self._timeouts.close,
        )

    def _handshake_done(self, task: asyncio.Task[None], place: Place) -> None:
        self._pending.discard(self)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.warning("connection from %s: no TLS: %s", self._peer, explain_failure(error))
        if not place.is_taken:
            place.give_back()
