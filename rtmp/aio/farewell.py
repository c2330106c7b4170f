"""How a connection that closes ends its writing: so that the peer can still read what was sent last."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from rtmp.aio.timers import Timers

_TLS_LINGER_S: Final = 0.25


def end_writing(transport: asyncio.Transport, timers: Timers, seconds: float) -> None:
    """Say the end, once everything has left, and give the peer so many seconds for its own."""
    timers.start("close", seconds, transport.abort)
    if not transport.can_write_eof():  # TLS
        timers.start("end", min(_TLS_LINGER_S, seconds / 2), partial(_end_tls, transport, timers))
        return
    try:
        transport.write_eof()
    except OSError:  # the peer has reset the connection already
        transport.abort()


def _end_tls(transport: asyncio.Transport, timers: Timers) -> None:
    """Close, as the peer has not, once everything has left.

    TLS cannot be half open, and closing with unread data resets: the peer had time to read the answer.
    """
    if transport.get_write_buffer_size():
        timers.start("end", _TLS_LINGER_S, partial(_end_tls, transport, timers))
    else:
        transport.close()
