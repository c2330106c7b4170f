"""A peer's address, as transports tell it, in words."""

from __future__ import annotations


def format_peer(peername: object) -> str:
    """Return `host:port`, `[host]:port` for IPv6, `?` if there is none."""
    if isinstance(peername, tuple) and len(peername) >= 2:
        host, port = peername[0], peername[1]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return str(peername or "?")


def peer_host(peername: object) -> str:
    """Return the host alone, empty if there is none (Unix sockets)."""
    return str(peername[0]) if isinstance(peername, tuple) and peername else ""
