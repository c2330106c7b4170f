"""What an RTP session tells its user."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.latch import Address


class KeyFrameCause(Enum):
    """Which feedback asked for a key picture."""

    PLI = "PLI"
    FIR = "FIR"


@dataclass(frozen=True, slots=True)
class KeyFrameRequested:
    """The peer cannot go on without a key picture. It comes at most once in `KEY_FRAME_SPACING_S`."""

    cause: KeyFrameCause


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The peer has sent BYE for its stream. The call goes on until SIP ends it."""

    ssrc: int
    reason: str


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """The peer's stream has begun, has another SSRC from here on, or comes from another address."""

    ssrc: int
    address: Address


@dataclass(frozen=True, slots=True)
class SenderReportReceived:
    """The peer's clock (Unix time by NTP, in seconds) and its media timestamp name the same moment."""

    ssrc: int
    ntp_s: float
    rtp_timestamp: int


@dataclass(frozen=True, slots=True)
class BitrateLimited:
    """The peer asks for no more than this many bits a second (TMMBR). It has been answered."""

    bitrate_bps: int


Event = OrderedPacket | KeyFrameRequested | PeerLeft | SourceChanged | SenderReportReceived | BitrateLimited
"""`OrderedPacket` is the media: packets in order, with how many are missing before each."""
