"""One session by itself: addresses, packets for it, and what it does with them."""

from __future__ import annotations

from media_bridge.rtp.events import (
    Event,
    SourceChanged,
)
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.latch import Address
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import RtcpPacket, parse_compound, serialize_compound
from media_bridge.rtp.rtcp_reports import ReceiverReport
from media_bridge.rtp.session import RtpSession

from .peers import make_session

PEER: Address = ("192.0.2.7", 4000)
PEER_RTCP: Address = ("192.0.2.7", 4001)
NAT: Address = ("203.0.113.5", 7000)
STRANGER: Address = ("198.51.100.9", 9000)
SSRC = 0x1234


def rtp(number: int, ssrc: int = SSRC, payload_type: int = 96, payload: bytes = b"x") -> bytes:
    return RtpPacket(payload_type, False, number & 0xFFFF, 0, ssrc, payload).serialize()


def rtcp(*packets: RtcpPacket) -> bytes:
    return serialize_compound([ReceiverReport(SSRC), *packets])


def media(events: list[Event]) -> list[int]:
    return [event.packet.sequence_number for event in events if isinstance(event, OrderedPacket)]


def sent_rtcp(session: RtpSession, now_s: float) -> list[RtcpPacket]:
    return [
        packet
        for outgoing in session.take_outgoing(now_s)
        if 200 <= outgoing.data[1] < 224
        for packet in parse_compound(outgoing.data).packets
    ]


def connected(**changes: object) -> RtpSession:
    """A session whose peer has sent its first packet, number 0, and which has said its first words."""
    session = make_session(PEER, **changes)
    assert session.receive_rtp(rtp(0), PEER, 0.0) == [
        SourceChanged(SSRC, PEER),
        OrderedPacket(RtpPacket.parse(rtp(0))),
    ]
    session.take_outgoing(0.0)
    return session
