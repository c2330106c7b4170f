"""What a session is told when it begins, and again when SIP agrees on something else."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from media_bridge.rtp.flood_gate import FloodLimits
from media_bridge.rtp.jitter_buffer import BufferLimits
from media_bridge.rtp.latch import Address
from media_bridge.rtp.send_history import HistoryLimits

_PAYLOAD_TYPES = frozenset(range(128))


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What both descriptions of the m-line say.

    `rtp_address` is where the peer wants RTP, None if it wants none for now (port 0, or 0.0.0.0: hold);
    `rtcp_address` is from `a=rtcp`, None for the port above RTP's. Hosts are IP addresses as `ipaddress`
    writes them, since a name would be looked up with each packet; other ones are a `ValueError`. `nack`,
    `pli`, `fir` and `tmmbr` are set where `a=rtcp-fb` names them in both, `reduced_size` is `a=rtcp-rsize`.
    `bandwidth_bps` is of the whole session, the base of RTCP's share.
    """

    rtp_address: Address | None
    payload_type: int
    receive_payload_types: frozenset[int]
    rtcp_address: Address | None = None
    rtcp_mux: bool = False
    nack: bool = False
    pli: bool = False
    fir: bool = False
    tmmbr: bool = False
    reduced_size: bool = False
    bandwidth_bps: int = 1_000_000

    def __post_init__(self) -> None:
        for address in (self.rtp_address, self.rtcp_address):
            if address is not None and str(ip_address(address[0])) != address[0]:
                raise ValueError(f"{address[0]!r} is not how the address is written")
        if not self.receive_payload_types | {self.payload_type} <= _PAYLOAD_TYPES:
            raise ValueError("a payload type is a number from 0 to 127")


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What does not change while a session lasts.

    `cname` names both media of a call (RFC 3550 §6.5.1). `wall_clock_offset_s` is what has to be added to the
    session's clock for Unix time; one for the whole process makes its sender reports comparable. What is None
    is random, as it should be outside of tests. An interval of reports of 1 s rather than 5 s tells the
    round-trip time and the clock soon; where the bandwidth is small it becomes longer.
    """

    cname: str
    wall_clock_offset_s: float
    clock_rate_hz: int = 90_000
    timestamp_offset: int | None = None
    min_rtcp_interval_s: float = 1.0
    buffer: BufferLimits = field(default_factory=BufferLimits)
    history: HistoryLimits = field(default_factory=HistoryLimits)
    flood: FloodLimits = field(default_factory=FloodLimits)
