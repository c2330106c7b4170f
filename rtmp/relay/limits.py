"""What a live stream may keep."""

from __future__ import annotations

from dataclasses import dataclass

from rtmp.limits import KIB, MIB


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """Bounds of one live stream; all its players share what it keeps.

    `max_backlog_bytes` and `max_backlog_messages` bound the group of pictures that late joiners begin with,
    and what players are behind with. `max_behind_ms` is how far a player may be behind before it goes on at
    the newest key picture. `max_headers` and `max_header_bytes` bound what a stream of many tracks tells
    decoders; what is beyond is relayed, but not kept for late joiners.
    """

    max_backlog_bytes: int = 8 * MIB
    max_backlog_messages: int = 8192
    max_behind_ms: int = 4000
    max_headers: int = 32
    max_header_bytes: int = 256 * KIB


DEFAULT_RELAY_LIMITS = RelayLimits()
