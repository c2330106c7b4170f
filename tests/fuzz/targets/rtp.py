"""RTP and RTCP: packets, and a session to which anybody sends anything. It never raises."""

from __future__ import annotations

from random import Random

from media_bridge.errors import PacketError
from media_bridge.rtp.events import Event
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import parse_compound, serialize_compound
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.x_flv import MAX_BODY, FlvMessage, XFlvDepacketizer, XFlvPacketizer
from tests.fuzz.targets import datagrams

PEER, PEER_RTCP, STRANGER = ("192.0.2.7", 4000), ("192.0.2.7", 4001), ("198.51.100.9", 9000)
SSRC = 0x1234
_MAX_DATAGRAM = 1500
_MAX_WAITING = 2000
_STEPS_S = (0.0, 0.001, 0.02, 3.0)
RTCP, FROM_STRANGER, SENDS, RENEGOTIATES = 1, 2, 4, 8


def run_packet(data: bytes) -> None:
    """A packet of RTP: what was read can be written."""
    try:
        packet = RtpPacket.parse(data)
    except PacketError:
        return
    assert RtpPacket.parse(packet.serialize()) == packet


def run_rtcp(data: bytes) -> None:
    """A datagram of RTCP likewise, what is known of it."""
    try:
        compound = parse_compound(data)
    except PacketError:
        return
    if compound.packets:
        assert parse_compound(serialize_compound(compound.packets)).packets == compound.packets


class _Driver:
    """One session, and what it has told."""

    def __init__(self, features: int) -> None:
        self._negotiated = Negotiated(
            PEER,
            96,
            frozenset({96, 97}),
            rtcp_mux=bool(features & 1),
            nack=bool(features & 2),
            pli=bool(features & 4),
            fir=bool(features & 8),
            tmmbr=bool(features & 16),
        )
        self._session = RtpSession(self._negotiated, SessionOptions("us", 1.7e9), 0.0, random=Random(1))
        self._now_s = 0.0
        self._taken = self._ordered = 0

    def step(self, flags: int, data: bytes) -> None:
        """Let time go by, and have a datagram come in."""
        session = self._session
        self._now_s += _STEPS_S[flags >> 6]
        self._take(session.advance(self._now_s))
        if flags & SENDS:
            session.send(data[:1000], True, round(self._now_s * 90_000), self._now_s)
        if flags & RENEGOTIATES:
            session.renegotiate(self._negotiated, self._now_s, srtp=None)
        self._taken += 1
        if flags & RTCP:
            source = STRANGER if flags & FROM_STRANGER else PEER_RTCP
            self._take(session.receive_rtcp(data, source, self._now_s))
        else:
            source = STRANGER if flags & FROM_STRANGER else PEER
            self._take(session.receive_rtp(data, source, self._now_s))
        for outgoing in session.take_outgoing(self._now_s):
            assert 0 < len(outgoing.data) <= _MAX_DATAGRAM
        deadline_s = session.next_deadline_s()
        assert deadline_s is not None

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, OrderedPacket):
                self._ordered += 1
                assert event.missing >= 0
        assert self._ordered <= self._taken, "more packets than came in"

    def finish(self) -> None:
        """Close it; nothing happens after that."""
        self._session.close(self._now_s)
        assert self._session.receive_rtp(b"\x80\x60" + bytes(10), PEER, self._now_s) == []
        assert self._session.next_deadline_s() is None
        assert self._session.statistics().counters.received <= self._taken


def run_session(data: bytes) -> None:
    """A session whose features are the first byte; packets from the peer and from a stranger."""
    driver = _Driver(data[0] if data else 0)
    for flags, datagram in datagrams.read(data[1:]):
        driver.step(flags, datagram)
    driver.finish()


def run_x_flv(data: bytes) -> None:
    """Payloads of x-flv; and what they all are, as a message, goes through both directions."""
    depacketizer, size = XFlvDepacketizer(), 0
    for _, payload in datagrams.read(data):
        size += len(payload)
        message = depacketizer.push(payload)
        if message is not None:
            assert message.type_id in (8, 9)
            assert len(message.body) <= min(size, MAX_BODY)
    sent = FlvMessage(9, int.from_bytes(data[:4]), data)
    received = [depacketizer.push(payload) for payload in XFlvPacketizer().payloads(sent)]
    assert received[:-1] == [None] * (len(received) - 1)
    assert received[-1] == sent
