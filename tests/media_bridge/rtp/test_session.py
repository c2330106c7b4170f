"""A session: what it takes from whom, and on which port."""

from __future__ import annotations

import pytest

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.events import (
    KeyFrameCause,
    KeyFrameRequested,
    SourceChanged,
)
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.ntp import to_ntp
from media_bridge.rtp.outbox import Channel
from media_bridge.rtp.pacer import MAX_QUEUED
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import parse_compound, serialize_compound
from media_bridge.rtp.rtcp_feedback import (
    PictureLoss,
)
from media_bridge.rtp.rtcp_reports import Bye, ReceiverReport, SdesChunk, SenderReport, SourceDescription
from media_bridge.rtp.session import MAX_PAYLOAD_BYTES
from media_bridge.rtp.srtp import SrtpContext

from .one_session import NAT, PEER, PEER_RTCP, SSRC, STRANGER, connected, media, rtcp, rtp, sent_rtcp
from .peers import WALL_CLOCK_S, make_session, negotiated

# -- sending


def test_packets_go_to_the_described_address() -> None:
    session = make_session(PEER)
    session.send(b"one", False, 3000, 0.0)
    session.send(b"two", True, 3000, 0.0)
    report, *packets = session.take_outgoing(0.0)
    assert (report.address, report.channel) == (PEER_RTCP, Channel.RTCP)
    parsed = [RtpPacket.parse(outgoing.data) for outgoing in packets]
    assert [outgoing.address for outgoing in packets] == [PEER, PEER]
    assert [packet.payload for packet in parsed] == [b"one", b"two"]
    assert [packet.marker for packet in parsed] == [False, True]
    assert parsed[1].sequence_number == parsed[0].sequence_number + 1
    assert {(packet.ssrc, packet.payload_type) for packet in parsed} == {(session.ssrc, 96)}
    assert parsed[0].timestamp == parsed[1].timestamp != 3000, "the offset is random"


def test_the_first_packet_brings_a_report() -> None:
    session = make_session(PEER)
    session.advance(0.0)
    assert [type(packet) for packet in sent_rtcp(session, 0.0)] == [ReceiverReport, SourceDescription]
    session.send(b"one", True, 0, 0.1)
    first, *_ = outgoing = session.take_outgoing(0.1)
    report, description = parse_compound(first.data).packets
    timestamp = RtpPacket.parse(outgoing[-1].data).timestamp
    assert report == SenderReport(session.ssrc, to_ntp(WALL_CLOCK_S + 0.1), timestamp, 1, 3)
    assert description == SourceDescription((SdesChunk(session.ssrc, ((1, b"peer-1"),)),))


def test_a_payload_that_is_too_long() -> None:
    session = make_session(PEER)
    session.send(bytes(MAX_PAYLOAD_BYTES), True, 0, 0.0)
    with pytest.raises(ValueError, match="more than"):
        session.send(bytes(MAX_PAYLOAD_BYTES + 1), True, 0, 0.0)


def test_on_hold_nothing_is_sent() -> None:
    session = make_session(PEER)
    for _ in range(40):
        session.send(b"one", True, 0, 0.0)
    session.take_outgoing(0.0)
    session.renegotiate(negotiated(None), 0.0, srtp=None)
    session.send(b"two", True, 0, 0.01)
    session.advance(5.0)
    assert session.take_outgoing(5.0) == []
    assert session.statistics().counters.unsent == 1
    deadline_s = session.next_deadline_s()
    assert deadline_s is not None
    assert deadline_s > 5.0


def test_the_queue_is_bounded() -> None:
    session = make_session(PEER)
    for _ in range(MAX_QUEUED + 10):
        session.send(b"x", True, 0, 0.0)
    assert session.statistics().counters.unsent == 10


def test_a_key_encrypts_no_packet_twice() -> None:
    """Two sessions that have the same key and by ill luck the same SSRC and numbers."""
    key = CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80)
    srtp = SrtpContext(key, key)
    for unsent in (0, 1):
        session = make_session(PEER, srtp=srtp)
        session.send(b"x", True, 0, 0.0)
        assert session.statistics().counters.unsent == unsent
        assert (PEER in [outgoing.address for outgoing in session.take_outgoing(0.0)]) is not bool(unsent)


def test_the_user_may_say_when_a_timestamp_was() -> None:
    session = make_session(PEER)
    session.map_timestamp(9000, 0.9)
    session.send(b"x", True, 9000, 1.0)
    outgoing = session.take_outgoing(1.0)
    report = parse_compound(outgoing[0].data).packets[0]
    assert isinstance(report, SenderReport)
    assert report.rtp_timestamp - RtpPacket.parse(outgoing[1].data).timestamp == 9000


def test_new_keys_leave_nothing_of_the_old_ones() -> None:
    """A peer that has changed its key could do nothing with what the old one encrypted."""
    keys = [CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80) for _ in range(2)]
    old, new = (SrtpContext(key, key) for key in keys)
    session = make_session(PEER, srtp=old, nack=True)
    for _ in range(40):
        session.send(b"old", True, 0, 0.0)
    session.take_outgoing(0.0)
    session.renegotiate(negotiated(PEER, nack=True), 0.1, srtp=new)
    session.send(b"new", True, 0, 0.1)
    (data,) = [outgoing.data for outgoing in session.take_outgoing(0.1) if outgoing.address == PEER]
    assert RtpPacket.parse(SrtpContext(keys[1], keys[1]).unprotect(data)).payload == b"new"


# -- receiving


def test_packets_come_out_in_order() -> None:
    session = connected()
    assert media(session.receive_rtp(rtp(2), PEER, 0.0)) == []
    assert media(session.receive_rtp(rtp(1), PEER, 0.0)) == [1, 2]
    session.receive_rtp(rtp(5), PEER, 1.0)
    deadline_s = session.next_deadline_s()
    assert deadline_s is not None
    (event,) = session.advance(1.2)
    assert isinstance(event, OrderedPacket)
    assert (event.packet.sequence_number, event.missing) == (5, 2)
    statistics = session.statistics()
    assert (statistics.lost, statistics.counters.received, statistics.last_received_s) == (2, 4, 1.0)


def test_elsewhere_two_packets_in_a_row_make_a_peer() -> None:
    session = make_session(PEER)
    assert session.receive_rtp(rtp(7), NAT, 0.0) == []
    events = session.receive_rtp(rtp(8), NAT, 0.0)
    assert events[0] == SourceChanged(SSRC, NAT)
    assert media(events) == [7, 8], "the first one is not lost: it may begin a key picture"
    session.send(b"x", True, 0, 0.0)
    assert session.take_outgoing(0.0)[-1].address == NAT


def test_single_packets_from_all_over_make_none() -> None:
    session = make_session(PEER)
    for number in range(50):
        assert session.receive_rtp(rtp(number), ("198.51.100.9", 9000 + number), 0.0) == []
    assert session.statistics().counters.stray == 49


def test_nobody_takes_the_stream_of_a_peer_that_only_receives() -> None:
    session = make_session(PEER)
    session.receive_rtcp(rtcp(), PEER_RTCP, 0.0)
    for number in range(5):
        assert session.receive_rtp(rtp(number), STRANGER, 0.1) == []
    assert media(session.receive_rtp(rtp(7), (PEER[0], 4321), 0.2)) == []
    assert media(session.receive_rtp(rtp(8), (PEER[0], 4321), 0.2)) == [7, 8], "the same host, another port"


def test_strangers_are_ignored() -> None:
    session = connected()
    for number in range(1, 10):
        assert session.receive_rtp(rtp(number), STRANGER, 0.5) == []
        assert session.receive_rtcp(rtcp(Bye((SSRC,))), STRANGER, 0.5) == []
    assert session.statistics().counters.strangers == 18


def test_a_peer_that_moves() -> None:
    session = connected()
    assert session.receive_rtp(rtp(1), NAT, 1.9) == []
    for number in range(5):
        assert session.receive_rtp(rtp(number, ssrc=99), NAT, 2.1) == [], "another stream"
    events = session.receive_rtp(rtp(1), NAT, 2.1)
    assert events[0] == SourceChanged(SSRC, NAT)
    assert media(events) == [1]
    assert session.receive_rtp(rtp(2), STRANGER, 2.2) == []


def test_a_new_description() -> None:
    session = connected()
    session.renegotiate(negotiated(STRANGER), 1.0, srtp=None)
    assert session.receive_rtp(rtp(1), STRANGER, 1.0)[0] == SourceChanged(SSRC, STRANGER)
    session.send(b"x", True, 0, 1.0)
    assert session.take_outgoing(1.0)[-1].address == STRANGER


def test_wrong_payload_types_are_dropped() -> None:
    session = connected(receive_payload_types=frozenset({96, 97}))
    assert media(session.receive_rtp(rtp(1, payload_type=97), PEER, 0.0)) == [1]
    assert session.receive_rtp(rtp(2, payload_type=0), PEER, 0.0) == []
    assert session.statistics().counters.wrong_payload_type == 1


def test_a_new_ssrc_goes_on_with_its_first_packet() -> None:
    session = connected()
    session.receive_rtp(rtp(2), PEER, 1.0)
    assert session.receive_rtp(rtp(500, ssrc=99), PEER, 1.0) == []
    events = session.receive_rtp(rtp(501, ssrc=99), PEER, 1.0)
    assert media(events) == [2, 500, 501]
    assert events[1] == SourceChanged(99, PEER), "after the rest of the stream before"


def test_two_ssrcs_at_once_do_not_take_turns() -> None:
    session = connected()
    changes = 0
    for number in range(1, 200):
        for ssrc in (SSRC, 99):
            for k in range(2):
                events = session.receive_rtp(rtp(2 * number + k, ssrc=ssrc), PEER, number * 0.02)
                changes += sum(isinstance(event, SourceChanged) for event in events)
    assert changes <= 4 / 0.5 + 1


def test_a_sender_that_restarts() -> None:
    session = connected()
    assert session.receive_rtp(rtp(20_000), PEER, 0.0) == []
    events = session.receive_rtp(rtp(20_001), PEER, 0.0)
    assert media(events) == [20_000, 20_001]
    assert (session.statistics().counters.received, session.statistics().counters.stray) == (3, 0)
    assert isinstance(events[0], OrderedPacket)
    assert events[0].missing == 1


# -- one port, or two


def test_rtcp_on_the_port_of_rtp() -> None:
    session = connected(rtcp_mux=True)
    session.advance(2.0)
    assert [outgoing.address for outgoing in session.take_outgoing(2.0)] == [PEER]
    assert session.receive_rtp(rtcp(PictureLoss(SSRC, 1)), PEER, 2.0) == [
        KeyFrameRequested(KeyFrameCause.PLI)
    ]


def test_a_peer_that_only_receives_is_found_by_its_rtcp() -> None:
    session = make_session(PEER, rtcp_mux=True)
    assert session.receive_rtp(serialize_compound([PictureLoss(SSRC, 1)]), NAT, 0.0) == [], "no report"
    session.receive_rtp(rtcp(), NAT, 0.0)
    session.send(b"x", True, 0, 0.0)
    assert session.take_outgoing(0.0)[-1].address == NAT


def test_rtcp_goes_where_it_is_described_and_then_where_it_comes_from() -> None:
    session = make_session(PEER, rtcp_address=("192.0.2.7", 4444))
    session.advance(0.0)
    assert session.take_outgoing(0.0)[0].address == ("192.0.2.7", 4444)
    session.receive_rtp(rtp(1), NAT, 0.0)
    session.receive_rtp(rtp(2), NAT, 0.0)
    session.receive_rtcp(rtcp(), ("198.51.100.1", 1), 0.0)
    session.receive_rtcp(rtcp(), (NAT[0], 7005), 0.0)
    session.advance(5.0)
    assert session.take_outgoing(5.0)[0].address == (NAT[0], 7005)
    assert session.statistics().counters.strangers == 1


def test_rtcp_moves_to_the_port_of_rtp_and_back() -> None:
    session = connected()
    for now_s, mux, address in ((1.0, True, PEER), (20.0, False, PEER_RTCP), (40.0, True, PEER)):
        session.renegotiate(negotiated(PEER, rtcp_mux=mux), now_s, srtp=None)
        session.advance(now_s + 10)
        outgoing = session.take_outgoing(now_s + 10)[-1]
        assert (outgoing.address, outgoing.channel) == (address, Channel.RTP if mux else Channel.RTCP)


def test_a_peer_that_moves_may_be_noticed_by_its_rtcp() -> None:
    session = connected(rtcp_mux=True)
    assert session.receive_rtp(serialize_compound([ReceiverReport(99)]), NAT, 2.5) == []
    assert session.receive_rtp(rtcp(), NAT, 2.5) == [SourceChanged(SSRC, NAT)]
