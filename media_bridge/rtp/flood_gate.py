"""Bounds how fast datagrams are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from media_bridge.rtp.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """Datagrams and bytes a second of the peer, and of all others together; two seconds' worth at once.

    A video call has some 300 packets and 320 kB a second; these are ten times that. A stranger needs a few
    packets to be taken for the peer, and RTCP a few dozen a second.
    """

    peer_packets_per_second: int = 3000
    peer_bytes_per_second: int = 4 * 1024 * 1024
    stranger_packets_per_second: int = 200
    rtcp_packets_per_second: int = 100
    burst_s: float = 2.0


class FloodGate:
    """Says which datagrams may come in; strangers cannot use up what the peer has."""

    def __init__(self, limits: FloodLimits, now_s: float) -> None:
        def bucket(rate: int) -> TokenBucket:
            return TokenBucket(rate, rate * limits.burst_s, now_s)

        self._packets = bucket(limits.peer_packets_per_second)
        self._bytes = bucket(limits.peer_bytes_per_second)
        self._strangers = bucket(limits.stranger_packets_per_second)
        self._rtcp = bucket(limits.rtcp_packets_per_second)

    def admits_peer(self, size: int, now_s: float) -> bool:
        """Whether a datagram of the peer passes."""
        return self._packets.take(1, now_s) and self._bytes.take(size, now_s)

    def admits_stranger(self, now_s: float) -> bool:
        """Whether one of somebody else passes."""
        return self._strangers.take(1, now_s)

    def admits_rtcp(self, now_s: float) -> bool:
        """Whether one of RTCP passes."""
        return self._rtcp.take(1, now_s)
