"""Symmetric RTP: where packets may come from, and where ours go (RFC 4961, RFC 7362).

The rule:

1. Before the first valid packet ours go to the address in the peer's SDP.
2. The source of the first valid packet is the peer, whatever the SDP says: behind NAT it says what we cannot
   reach. From then on ours go there. (What makes a packet valid is for the session to say.)
3. Then other sources are strangers, and their packets are ignored, with two exceptions. The address in the
   SDP always counts: whoever came first, it is the one that the signalling vouches for. And if the peer has
   been silent for `RELATCH_SILENCE_S`, a stranger who goes on with its stream is the peer on a new address.
4. A new description opens the latch again. Ours go on to where the peer was if the description names the same
   address as before, else to the new one. One that names none (hold) stops ours until one does.
"""

from __future__ import annotations

from enum import Enum, auto

Address = tuple[str, int]
"""Host, as a numerical IP address, and port."""

RELATCH_SILENCE_S = 2.0


class Standing(Enum):
    """What a source is to us."""

    PEER = auto()
    """The latched source: take its packets."""
    CANDIDATE = auto()
    """Not the peer yet: its packet counts once it is found valid."""
    HEIR = auto()
    """Not the peer, which is silent: its packet counts if it is valid and goes on with the peer's stream."""
    STRANGER = auto()
    """Ignore it."""


class Latch:
    """The source of one kind of packets, RTP, RTCP, or both where they share a port."""

    def __init__(self, described: Address | None) -> None:
        self._described = described
        self._named = self._target = described
        self._source: Address | None = None
        self._heard_s = 0.0

    @property
    def target(self) -> Address | None:
        """Where to send; None where the description says nowhere (hold)."""
        return self._target if self._described is not None else None

    @property
    def source(self) -> Address | None:
        """Who is latched, None before that."""
        return self._source

    def standing(self, source: Address, now_s: float) -> Standing:
        """Judge a source by the rule."""
        if source == self._source:
            return Standing.PEER
        if self._source is None or source == self._named:
            return Standing.CANDIDATE
        if now_s - self._heard_s >= RELATCH_SILENCE_S:
            return Standing.HEIR
        return Standing.STRANGER

    def note_valid(self, source: Address, now_s: float) -> bool:
        """Take the source of a valid packet as the peer; returns whether it is another than before."""
        self._heard_s = now_s
        if source == self._source:
            return False
        self._source = self._target = source
        return True

    def open(self, described: Address | None) -> None:
        """Begin anew with what a new description says."""
        if described is not None and described != self._named:
            self._named = self._target = described
        self._described = described
        self._source = None
