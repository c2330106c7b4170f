"""SRTP and SRTCP (RFC 3711), by libsrtp."""

from __future__ import annotations

from contextlib import suppress

import pylibsrtp

from media_bridge.errors import PacketError
from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite

MAX_PLAIN_BYTES = 1500 - 148
"""What pylibsrtp's buffer leaves for a packet to be protected, RTP header included."""

MAX_SSRCS = 64
"""SSRCs that one key may bring with it: libsrtp keeps a state for each."""

_REPLAY_WINDOW = 1024
"""Packets. The ones of a key picture overtake a retransmission; libsrtp's own 128 would drop that."""

_PROFILES = {
    CryptoSuite.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    CryptoSuite.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    CryptoSuite.AES_CM_128_HMAC_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    CryptoSuite.AES_CM_128_HMAC_SHA1_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class SrtpContext:
    """Both directions of one call's video, with the key that each side sends with.

    Use it as long as the keys stay the same, across re-INVITEs, too: it remembers what must not be repeated.
    Where one of them changes, `rekeyed` makes the next.
    """

    def __init__(self, ours: CryptoAttribute, theirs: CryptoAttribute) -> None:
        self._outbound = _session(ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._inbound = _session(theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self._ours, self._theirs = ours, theirs
        self._ssrcs: set[bytes] = set()

    def __repr__(self) -> str:
        return f"SrtpContext({self._ours.suite.value})"

    def rekeyed(self, ours: CryptoAttribute, theirs: CryptoAttribute) -> SrtpContext:
        """Return a context with these keys: this one if it has both.

        A direction whose key stays goes on where it is. With its roll-over counter back at 0 the peer would
        understand nothing any more, and the key stream would be used twice.
        """
        keeps_ours, keeps_theirs = ours.has_key_of(self._ours), theirs.has_key_of(self._theirs)
        if keeps_ours and keeps_theirs:
            return self
        context = SrtpContext(ours, theirs)
        if keeps_ours:
            context._outbound = self._outbound
        if keeps_theirs:
            context._inbound, context._ssrcs = self._inbound, self._ssrcs
        return context

    def protect(self, packet: bytes) -> bytes:
        """Encrypt an RTP packet.

        Raises `ValueError` above `MAX_PLAIN_BYTES`, `PacketError` if libsrtp fails.
        """
        try:
            return self._outbound.protect(packet)
        except pylibsrtp.Error as error:
            raise PacketError(f"SRTP: {error}") from error

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt an RTCP packet.

        Raises `ValueError` above `MAX_PLAIN_BYTES`, `PacketError` if libsrtp fails.
        """
        try:
            return self._outbound.protect_rtcp(packet)
        except pylibsrtp.Error as error:
            raise PacketError(f"SRTCP: {error}") from error

    def unprotect(self, packet: bytes) -> bytes:
        """Check and decrypt an RTP packet; raises `PacketError`: forged, repeated, or no SRTP at all."""
        if len(packet) < 12:
            raise PacketError("no SRTP packet")
        try:
            plain = self._inbound.unprotect(packet)
        except (pylibsrtp.Error, ValueError) as error:
            raise PacketError(f"SRTP: {error}") from error
        self._note_ssrc(plain[8:12])
        return plain

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Check and decrypt an RTCP packet; raises `PacketError`."""
        if len(packet) < 8:
            raise PacketError("no SRTCP packet")
        try:
            plain = self._inbound.unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError) as error:
            raise PacketError(f"SRTCP: {error}") from error
        self._note_ssrc(plain[4:8])
        return plain

    def _note_ssrc(self, ssrc: bytes) -> None:
        """Refuse what comes from more SSRCs than any call has; only who has the key gets here."""
        if ssrc in self._ssrcs:
            return
        if len(self._ssrcs) == MAX_SSRCS:
            with suppress(pylibsrtp.Error):
                self._inbound.remove_stream(int.from_bytes(ssrc))
            raise PacketError("SRTP from too many SSRCs")
        self._ssrcs.add(ssrc)


def _session(attribute: CryptoAttribute, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=attribute.key, ssrc_type=direction, srtp_profile=_PROFILES[attribute.suite])
    policy.window_size = _REPLAY_WINDOW
    return pylibsrtp.Session(policy)
