"""Which datagrams a session looks at: from the right source, not too many, not too large, and authentic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from media_bridge.errors import PacketError
from media_bridge.rtp.flood_gate import FloodGate, FloodLimits
from media_bridge.rtp.latch import Address, Latch, Standing
from media_bridge.rtp.session_options import Negotiated
from media_bridge.rtp.session_statistics import SessionCounters
from media_bridge.rtp.srtp import SrtpContext

MAX_DATAGRAM_BYTES = 9216
"""A jumbo frame of Ethernet."""

MAX_RTCP_BYTES = 1500
"""Four bytes of it can ask for 17 packets."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A datagram that may be parsed, decrypted if need be, and what its source is.

    `is_trusted`: a candidate that needs no probation, since it has our key or is where the SDP says.
    """

    data: bytes
    standing: Standing
    is_trusted: bool


class Admission:
    """The two latches, one and the same where RTCP shares the port of RTP, behind the flood gate."""

    def __init__(
        self, negotiated: Negotiated, limits: FloodLimits, srtp: SrtpContext | None, now_s: float
    ) -> None:
        self.counters = SessionCounters()
        self._gate = FloodGate(limits, now_s)
        self._rtp = Latch(None)
        self._rtcp = Latch(None)
        self.open(negotiated, srtp)

    def open(self, negotiated: Negotiated, srtp: SrtpContext | None) -> None:
        """Take on a new description: the peer may be elsewhere."""
        was_muxed = self._rtcp is self._rtp
        self.srtp = srtp
        self._rtp_described = negotiated.rtp_address
        self._rtcp_described = _rtcp_address(negotiated)
        self._rtp.open(self._rtp_described)
        if negotiated.rtcp_mux:
            self._rtcp = self._rtp
        elif was_muxed:
            self._rtcp = Latch(self._rtcp_described)
        else:
            self._rtcp.open(self._rtcp_described)

    @property
    def rtp_target(self) -> Address | None:
        """Where RTP goes now, None: nowhere."""
        return self._rtp.target

    @property
    def rtcp_target(self) -> Address | None:
        """Where RTCP goes now, None: nowhere."""
        return self._rtcp.target

    def admit_rtp(self, data: bytes, source: Address, now_s: float) -> Admitted | None:
        """Judge a datagram; None if it is to be dropped, which has been counted."""
        standing = self._rtp.standing(source, now_s)
        decrypt = None if self.srtp is None else self.srtp.unprotect
        trusted = source == self._rtp_described
        if standing is Standing.CANDIDATE and not trusted and not self._may_send_rtp(source):
            standing = Standing.STRANGER
        return self._admit(data, standing, now_s, decrypt, trusted)

    def admit_rtcp(self, data: bytes, source: Address, now_s: float) -> Admitted | None:
        """Judge a datagram of RTCP, likewise."""
        standing = self._rtcp.standing(source, now_s)
        if standing is not Standing.STRANGER and not self._gate.admits_rtcp(now_s):
            self.counters.flooded += 1
            return None
        if len(data) > MAX_RTCP_BYTES:
            self.counters.oversized += 1
            return None
        if standing is Standing.CANDIDATE and not self._may_send_rtcp(source):
            standing = Standing.STRANGER
        decrypt = None if self.srtp is None else self.srtp.unprotect_rtcp
        return self._admit(data, standing, now_s, decrypt, source == self._rtcp_described)

    def note_rtp(self, source: Address, now_s: float) -> bool:
        """Take the source of valid RTP as the peer; returns whether it is another than before."""
        return self._rtp.note_valid(source, now_s)

    def note_rtcp(self, source: Address, now_s: float) -> bool:
        """Take the source of valid RTCP as the peer's; returns whether it is another than before."""
        return self._rtcp.note_valid(source, now_s)

    def _may_send_rtp(self, source: Address) -> bool:
        """Whoever sends RTCP from where it is described is not behind NAT, and sends RTP from that host.

        It may send none at all, and then nobody else may come and take our stream.
        """
        peer = self._rtcp.source
        return peer is None or peer != self._rtcp_described or peer[0] == source[0]

    def _may_send_rtcp(self, source: Address) -> bool:
        """Once it is known where RTP comes from, RTCP is expected from that host, or as described."""
        peer = self._rtp.source
        return peer is None or peer[0] == source[0] or source == self._rtcp_described

    def _admit(
        self,
        data: bytes,
        standing: Standing,
        now_s: float,
        decrypt: Callable[[bytes], bytes] | None,
        trusted: bool,
    ) -> Admitted | None:
        counters = self.counters
        if standing is Standing.STRANGER:
            counters.strangers += 1
            return None
        if len(data) > MAX_DATAGRAM_BYTES:
            counters.oversized += 1
            return None
        is_peer = standing is Standing.PEER
        if not (self._gate.admits_peer(len(data), now_s) if is_peer else self._gate.admits_stranger(now_s)):
            counters.flooded += 1
            return None
        if decrypt is None:
            return Admitted(data, standing, trusted)
        try:
            return Admitted(decrypt(data), standing, True)
        except PacketError:
            counters.unauthenticated += 1
            return None


def _rtcp_address(negotiated: Negotiated) -> Address | None:
    if negotiated.rtp_address is None:
        return None
    host, port = negotiated.rtp_address
    if negotiated.rtcp_mux:
        return host, port
    return negotiated.rtcp_address or (host, port + 1)
