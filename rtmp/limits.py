"""Bounds on everything a peer can size, and the times it is given."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may cost us. Sizes are bytes. A peer that exceeds one of them is disconnected.

    `max_write_buffer_media` is the exception: above it audio and video for a slow reader are dropped and
    counted; only above `max_write_buffer` is the connection given up.
    """

    max_chunk_size: int = 1 * MIB
    max_message_size: int = 4 * MIB
    max_audio_size: int = 256 * KIB
    max_chunk_streams: int = 64
    max_assembling_bytes: int = 8 * MIB
    max_amf_depth: int = 32
    max_amf_elements: int = 10_000
    max_amf_string: int = 1 * MIB
    max_streams: int = 8
    max_pending_calls: int = 64
    max_write_buffer_media: int = 1 * MIB
    max_write_buffer: int = 4 * MIB


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the asyncio shell waits, in seconds.

    `handshake` and `connect` both count from the start of the connection's respective phase; `ping` is the
    silence after which a ping is sent, `dead_peer` the silence that ends the connection; `close` is how long
    a closing connection may take to flush and to see the peer close.
    """

    handshake: float = 10.0
    connect: float = 10.0
    ping: float = 30.0
    dead_peer: float = 90.0
    close: float = 2.0


DEFAULT_LIMITS = Limits()
DEFAULT_TIMEOUTS = Timeouts()
