"""What a session has counted, for its user to log or to show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SessionCounters:
    """Datagrams since the start, or since the last reset. Each that came in is counted as one thing."""

    sent: int = 0
    sent_bytes: int = 0
    """Payload."""
    resent: int = 0
    """Answers to NACKs."""
    unsent: int = 0
    """There was no address to send to, or the queue was full."""
    rtcp_sent: int = 0
    received: int = 0
    received_bytes: int = 0
    """Payload."""
    rtcp_received: int = 0
    flooded: int = 0
    """Above the rate that is looked at."""
    strangers: int = 0
    """Not from where the peer is."""
    oversized: int = 0
    malformed: int = 0
    rtcp_malformed: int = 0
    """Datagrams, and packets in them whose body is broken."""
    unauthenticated: int = 0
    """Did not pass SRTP: forged, repeated, or not encrypted."""
    wrong_payload_type: int = 0
    stray: int = 0
    """Far away in their sequence numbers, of an SSRC that is not valid (yet), or looped back to us."""
    collisions: int = 0
    """How often we changed our SSRC because the peer had it, too."""
    key_frames_requested: int = 0
    """By us."""
    key_frame_requests: int = 0
    """By the peer, those left out included that came too soon after another."""
    nacked: int = 0
    """Packets that we asked for."""


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """A snapshot; `counters` is a copy. What is None has not been measured.

    `lost`, `late`, `duplicates` and `depth_s` are of the jitter buffer; the `peer_` ones are what the peer's
    last report says of our stream, its loss as a fraction. `last_received_s` is when valid RTP came last, on
    the session's clock.
    """

    counters: SessionCounters
    lost: int
    late: int
    duplicates: int
    resyncs: int
    depth_s: float
    jitter_s: float
    round_trip_s: float | None
    peer_fraction_lost: float | None
    peer_lost: int | None
    peer_jitter_s: float | None
    last_received_s: float | None
