"""Bytes between a TLS connection, which one process holds, and a socket that another process has.

The state of TLS cannot be handed over: so the process that did the handshake goes on with it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final, cast

_MAX_WAITING: Final = 64 * 1024
"""Bytes that wait on one side before the other is read no more."""


class RelayEnd(asyncio.Protocol):
    """One of two ends: what it receives, the other sends; when it ends, so does the other."""

    def __init__(self) -> None:
        self.other: RelayEnd | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_MAX_WAITING)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if (transport := self._other_transport()) is not None:
            transport.write(data)

    def eof_received(self) -> bool:
        """Let the transport close itself: TLS is not half open."""
        return False

    def pause_writing(self) -> None:
        """Read no more where it comes from."""
        if (transport := self._other_transport()) is not None:
            transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        if (transport := self._other_transport()) is not None:
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end, once everything has left."""
        transport = self._other_transport()
        self.transport = None
        if transport is not None:
            transport.close()

    def _other_transport(self) -> asyncio.Transport | None:
        transport = self.other.transport if self.other is not None else None
        return None if transport is None or transport.is_closing() else transport


async def relay(tls: asyncio.Transport) -> socket.socket:
    """Take a TLS transport, which is not read at the moment; return the socket for the other process.

    Raises OSError if there are no more descriptors.
    """
    ours, theirs = socket.socketpair()
    try:
        near, far = RelayEnd(), RelayEnd()
        ours.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: far, sock=ours)
    except BaseException:
        ours.close()
        theirs.close()
        raise
    near.other, far.other = far, near
    near.connection_made(tls)
    tls.set_protocol(near)
    if tls.is_closing():
        near.connection_lost(None)
    else:
        tls.resume_reading()
    return theirs
