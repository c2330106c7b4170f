"""A session: what it takes from whom, what it answers, and what it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.events import (
    BitrateLimited,
    Event,
    KeyFrameCause,
    KeyFrameRequested,
    PeerLeft,
    SenderReportReceived,
    SourceChanged,
)
from media_bridge.rtp.feedback_queue import KEY_FRAME_INTERVAL_S
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.latch import Address
from media_bridge.rtp.ntp import to_ntp
from media_bridge.rtp.outbox import Channel
from media_bridge.rtp.pacer import MAX_QUEUED
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import RtcpPacket, parse_compound, serialize_compound
from media_bridge.rtp.rtcp_feedback import (
    BitrateEntry,
    BitrateNotification,
    BitrateRequest,
    FullIntraRequest,
    Nack,
    PictureLoss,
)
from media_bridge.rtp.rtcp_reports import Bye, ReceiverReport, SdesChunk, SenderReport, SourceDescription
from media_bridge.rtp.session import MAX_PAYLOAD_BYTES, RtpSession
from media_bridge.rtp.srtp import SrtpContext

from .peers import WALL_CLOCK_S, make_session, negotiated

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


# -- RTCP


def test_a_sender_report_maps_the_clocks() -> None:
    session = connected()
    report = SenderReport(SSRC, to_ntp(WALL_CLOCK_S), 77, 1, 1)
    (event,) = session.receive_rtcp(serialize_compound([report]), PEER_RTCP, 0.5)
    assert event == SenderReportReceived(SSRC, pytest.approx(WALL_CLOCK_S), 77)
    session.receive_rtp(rtp(1), PEER, 3.0)
    (block,) = next(p for p in sent_rtcp(session, 3.0) if isinstance(p, ReceiverReport)).blocks
    assert block.last_sr == to_ntp(WALL_CLOCK_S) >> 16 & 0xFFFFFFFF
    assert block.delay_since_last_sr == int(2.5 * 65536)


def test_a_sender_without_a_clock() -> None:
    session = connected()
    assert session.receive_rtcp(serialize_compound([SenderReport(SSRC, 0, 77, 1, 1)]), PEER_RTCP, 0.5) == []


def test_a_report_is_about_the_stream_that_it_names() -> None:
    session = connected()
    session.receive_rtcp(
        serialize_compound([SenderReport(99, to_ntp(WALL_CLOCK_S), 77, 1, 1)]), PEER_RTCP, 0.5
    )
    session.receive_rtp(rtp(1), PEER, 3.0)
    (block,) = next(p for p in sent_rtcp(session, 3.0) if isinstance(p, ReceiverReport)).blocks
    assert (block.ssrc, block.last_sr, block.delay_since_last_sr) == (SSRC, 0, 0)


def test_who_has_not_sent_for_a_while_is_a_receiver() -> None:
    session = connected()
    session.send(b"x", True, 0, 1.0)
    for now_s, kind in ((10.9, SenderReport), (25.0, ReceiverReport)):
        session.advance(now_s)
        assert type(sent_rtcp(session, now_s)[-2]) is kind


def test_reports_are_about_what_is_received() -> None:
    session = connected()
    session.advance(5.0)
    assert not [p for p in sent_rtcp(session, 5.0) if isinstance(p, ReceiverReport) and p.blocks], (
        "nothing new"
    )
    session.receive_rtp(rtp(3), PEER, 5.0)
    session.advance(10.0)
    (block,) = next(p for p in sent_rtcp(session, 10.0) if isinstance(p, ReceiverReport)).blocks
    assert (block.ssrc, block.cumulative_lost, block.highest_sequence) == (SSRC, 2, 3)


def test_a_key_picture_is_asked_for_once_a_second() -> None:
    session = connected(pli=True, fir=True)
    assert session.request_key_frame(0.1)
    assert PictureLoss(session.ssrc, SSRC) in sent_rtcp(session, 0.1)
    for k in range(8):
        session.request_key_frame(0.2 + k / 10)
        session.advance(0.2 + k / 10)
        assert PictureLoss(session.ssrc, SSRC) not in sent_rtcp(session, 0.2 + k / 10)
    session.advance(0.1 + KEY_FRAME_INTERVAL_S)
    assert PictureLoss(session.ssrc, SSRC) in sent_rtcp(session, 1.2)
    session.request_key_frame(1.3)
    session.note_key_frame()
    session.advance(9.0)
    assert PictureLoss(session.ssrc, SSRC) not in sent_rtcp(session, 9.0)
    assert session.statistics().counters.key_frames_requested == 2


def test_each_fir_has_a_number() -> None:
    session = connected(fir=True)
    for number in range(3):
        session.request_key_frame(1.0 + 2 * number)
        assert FullIntraRequest(session.ssrc, ((SSRC, number),)) in sent_rtcp(session, 1.0 + 2 * number)


def test_who_takes_no_feedback_is_not_asked() -> None:
    session = connected()
    assert not session.request_key_frame(0.1)
    session.receive_rtp(rtp(5), PEER, 0.1)
    session.advance(9.0)
    assert {type(packet) for packet in sent_rtcp(session, 9.0)} == {ReceiverReport, SourceDescription}


def test_nobody_is_asked_before_there_is_a_stream() -> None:
    session = make_session(PEER, pli=True)
    session.advance(0.0)
    session.take_outgoing(0.0)
    assert session.request_key_frame(0.1)
    assert session.take_outgoing(0.1) == []
    deadline_s = session.next_deadline_s()
    assert deadline_s is not None
    assert deadline_s > 0.1
    session.receive_rtp(rtp(1), PEER, 0.2)
    assert PictureLoss(session.ssrc, SSRC) in sent_rtcp(session, 0.2)


@pytest.mark.parametrize(
    ("reduced_size", "kinds"), [(True, [Nack]), (False, [ReceiverReport, SourceDescription, Nack])]
)
def test_missing_packets_are_asked_for_at_once(reduced_size: bool, kinds: list[type]) -> None:
    session = connected(nack=True, reduced_size=reduced_size)
    session.receive_rtp(rtp(4), PEER, 0.5)
    packets = sent_rtcp(session, 0.5)
    assert [type(packet) for packet in packets] == kinds
    assert packets[-1] == Nack(session.ssrc, SSRC, (1, 2, 3))
    assert session.statistics().counters.nacked == 3


def test_what_the_peer_asks_for_is_sent_again() -> None:
    session = connected(nack=True)
    for number in range(5):
        session.send(bytes([number]), True, 0, 0.1)
    sent = [outgoing.data for outgoing in session.take_outgoing(0.1) if outgoing.channel is Channel.RTP]
    asked = tuple(RtpPacket.parse(data).sequence_number for data in sent[1:3])
    session.receive_rtcp(rtcp(Nack(SSRC, session.ssrc, asked)), PEER_RTCP, 0.2)
    again = [outgoing for outgoing in session.take_outgoing(0.2) if outgoing.channel is Channel.RTP]
    assert [outgoing.data for outgoing in again] == sent[1:3]
    assert session.statistics().counters.resent == 2


def test_a_nack_that_was_not_agreed_on_brings_nothing() -> None:
    session = connected()
    session.send(b"x", True, 0, 0.1)
    number = RtpPacket.parse(session.take_outgoing(0.1)[-1].data).sequence_number
    session.receive_rtcp(rtcp(Nack(SSRC, session.ssrc, (number,))), PEER_RTCP, 0.2)
    assert not [outgoing for outgoing in session.take_outgoing(0.2) if outgoing.channel is Channel.RTP]


def test_the_peer_asks_for_key_pictures() -> None:
    session = connected()

    def ask(packet: RtcpPacket, now_s: float) -> list[Event]:
        return session.receive_rtcp(rtcp(packet), PEER_RTCP, now_s)

    assert ask(PictureLoss(SSRC, session.ssrc), 1.0) == [KeyFrameRequested(KeyFrameCause.PLI)]
    assert ask(PictureLoss(SSRC, 0), 1.1) == [], "too soon for an answer"
    assert ask(FullIntraRequest(SSRC, ((session.ssrc, 7),)), 2.0) == [KeyFrameRequested(KeyFrameCause.FIR)]
    assert ask(FullIntraRequest(SSRC, ((session.ssrc, 7),)), 2.5) == [], "a repetition"
    assert ask(FullIntraRequest(SSRC, ((session.ssrc, 8),)), 2.6) == [KeyFrameRequested(KeyFrameCause.FIR)]
    assert ask(FullIntraRequest(SSRC, ((session.ssrc, 8),)), 4.0) == [KeyFrameRequested(KeyFrameCause.FIR)]
    assert session.statistics().counters.key_frame_requests == 5


def test_a_bit_rate_is_limited() -> None:
    session = connected(tmmbr=True)
    request = BitrateRequest(SSRC, (BitrateEntry(session.ssrc, 512_000, 40),))
    assert session.receive_rtcp(rtcp(request), PEER_RTCP, 0.5) == [BitrateLimited(512_000)]
    answer = BitrateNotification(session.ssrc, (BitrateEntry(SSRC, 512_000, 40),))
    assert answer in sent_rtcp(session, 0.5)


def test_a_peer_that_leaves() -> None:
    session = connected()
    session.receive_rtp(rtp(2), PEER, 1.0)
    events = session.receive_rtcp(rtcp(Bye((5, SSRC), b"b\xffye")), PEER_RTCP, 1.0)
    assert media(events) == [2], "nothing more will come"
    assert events[-1] == PeerLeft(SSRC, "b�ye")
    assert session.receive_rtcp(rtcp(Bye((SSRC,))), PEER_RTCP, 1.0) == []
    assert session.receive_rtcp(rtcp(Bye((6,))), PEER_RTCP, 1.0) == []


def test_who_is_left_alone_reports_sooner() -> None:
    session = connected()
    before_s = session.next_deadline_s()
    session.receive_rtcp(rtcp(Bye((SSRC,))), PEER_RTCP, 0.1)
    after_s = session.next_deadline_s()
    assert before_s is not None
    assert after_s == pytest.approx(0.1 + (before_s - 0.1) / 2)


def test_the_end() -> None:
    session = connected(pli=True)
    session.close(1.0)
    session.close(1.0)
    assert [packet for packet in sent_rtcp(session, 1.0) if isinstance(packet, Bye)] == [Bye((session.ssrc,))]
    assert session.next_deadline_s() is None
    assert session.receive_rtp(rtp(1), PEER, 1.0) == session.receive_rtcp(rtcp(), PEER_RTCP, 1.0) == []
    assert session.advance(9.0) == []
    session.send(b"x", True, 0, 9.0)
    assert not session.request_key_frame(9.0)
    session.renegotiate(negotiated(STRANGER), 9.0, srtp=None)
    assert session.take_outgoing(9.0) == []


def test_who_was_never_heard_says_no_bye() -> None:
    session = make_session(PEER)
    session.close(0.0)
    assert session.take_outgoing(0.0) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"rtp_address": ("phone.example", 4000)},
        {"rtp_address": ("2001:DB8::1", 4000)},
        {"rtcp_address": ("localhost", 4000)},
        {"payload_type": 128},
        {"receive_payload_types": frozenset({-1})},
    ],
)
def test_what_no_description_says(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"address|number"):
        replace(negotiated(PEER), **wrong)  # type: ignore[arg-type]


# -- the same SSRC


def test_a_collision() -> None:
    session = make_session(PEER)
    session.send(b"x", True, 0, 0.0)
    session.take_outgoing(0.0)
    before = session.ssrc
    session.receive_rtp(rtp(1, ssrc=before), PEER, 0.1)
    assert session.ssrc != before
    assert Bye((before,)) in sent_rtcp(session, 0.1)
    assert media(session.receive_rtp(rtp(2, ssrc=before), PEER, 0.2)) == [2], "it is the peer's alone now"
    session.send(b"x", True, 0, 0.3)
    assert RtpPacket.parse(session.take_outgoing(0.3)[-1].data).ssrc == session.ssrc


def test_a_loop_is_not_taken_for_collisions() -> None:
    session = make_session(PEER)
    for number in range(20):
        session.receive_rtp(rtp(number, ssrc=session.ssrc), PEER, 0.1)
        session.receive_rtcp(serialize_compound([ReceiverReport(session.ssrc)]), PEER_RTCP, 0.1)
    counters = session.statistics().counters
    assert (counters.collisions, counters.stray) == (2, 38), "one for each of the two sockets"


# -- floods


def test_a_flood_of_the_peer_is_held_to_a_rate() -> None:
    session = connected()
    for number in range(1, 20_000):
        session.receive_rtp(rtp(number), PEER, number / 20_000)
    counters = session.statistics().counters
    assert 6000 <= counters.received <= 9001
    assert counters.received + counters.flooded == 20_000


def test_a_flood_of_strangers_leaves_the_peer_alone() -> None:
    session = make_session(PEER)
    for number in range(5000):
        session.receive_rtp(rtp(3 * number), STRANGER, 0.0)
    assert session.statistics().counters.flooded > 4000
    session = connected()
    for number in range(1, 1000):
        session.receive_rtp(rtp(number), STRANGER, 0.0)
        assert media(session.receive_rtp(rtp(number), PEER, 0.0)) == [number]


def test_a_flood_of_rtcp() -> None:
    session = connected(nack=True)
    asked = tuple(range(0, 5000, 17))
    for _ in range(1000):
        session.receive_rtcp(rtcp(Nack(SSRC, session.ssrc, asked)), PEER_RTCP, 0.1)
    assert session.statistics().counters.flooded >= 790
    session.receive_rtcp(rtcp() * 200, PEER_RTCP, 9.0)
    session.receive_rtp(bytes(10_000), PEER, 9.0)
    assert session.statistics().counters.oversized == 2


# -- bad input

datagrams = st.one_of(
    st.binary(max_size=64),
    st.builds(lambda kind, body: bytes([0x80, kind]) + body, st.integers(0, 255), st.binary(max_size=64)),
    st.builds(rtp, st.integers(0, 0xFFFF), st.integers(0, 5), st.sampled_from([96, 96, 96, 0, 72])),
    st.builds(
        serialize_compound,
        st.lists(
            st.one_of(
                st.builds(ReceiverReport, st.integers(0, 5)),
                st.builds(
                    SenderReport, st.integers(0, 5), st.integers(0, 1 << 63), *[st.integers(0, 99)] * 3
                ),
                st.builds(
                    Nack,
                    st.integers(0, 5),
                    st.integers(0, 5),
                    st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=9).map(tuple),
                ),
                st.builds(Bye, st.lists(st.integers(0, 5), max_size=4).map(tuple), st.binary(max_size=9)),
                st.builds(FullIntraRequest, st.integers(0, 5), st.just(((1, 2),))),
                st.builds(BitrateRequest, st.integers(0, 5), st.just((BitrateEntry(1, 2, 3),))),
            ),
            min_size=1,
            max_size=4,
        ),
    ),
)
steps = st.lists(
    st.tuples(st.booleans(), datagrams, st.sampled_from([PEER, PEER_RTCP, NAT, STRANGER]), st.floats(0, 3)),
    max_size=40,
)


def counted(session: RtpSession) -> int:
    counters = session.statistics().counters
    taken = counters.received + counters.rtcp_received + counters.collisions + counters.stray
    refused = counters.flooded + counters.strangers + counters.oversized + counters.unauthenticated
    broken = counters.malformed + counters.rtcp_malformed + counters.wrong_payload_type
    return taken + refused + broken


@pytest.mark.parametrize("encrypted", [False, True])
@given(steps=steps, mux=st.booleans())
@settings(max_examples=150)
def test_nothing_that_comes_in_raises_an_error(
    encrypted: bool, steps: list[tuple[bool, bytes, Address, float]], mux: bool
) -> None:
    key = CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80)
    srtp = SrtpContext(key, key) if encrypted else None
    session = make_session(PEER, srtp=srtp, rtcp_mux=mux, nack=True, pli=True, tmmbr=True, reduced_size=True)
    now_s = 0.0
    for number, (is_rtp, data, source, pause_s) in enumerate(steps, 1):
        now_s += pause_s
        (session.receive_rtp if is_rtp else session.receive_rtcp)(data, source, now_s)
        assert counted(session) >= number - 2, "each datagram is counted, apart from two that may be kept"
        session.request_key_frame(now_s)
        session.advance(now_s)
        session.take_outgoing(now_s)
        deadline_s = session.next_deadline_s()
        assert deadline_s is not None
        assert deadline_s > now_s
    session.close(now_s)


def test_the_statistics_begin_anew() -> None:
    session = connected()
    session.receive_rtp(b"", PEER, 0.0)
    before = session.statistics()
    session.reset_statistics()
    assert before.counters.malformed == 1, "a copy"
    counters = session.statistics().counters
    assert (counters.malformed, counters.received) == (0, 0)


def test_random_numbers_are_used_unless_others_are_given() -> None:
    ssrcs = {make_session(PEER, seed=seed).ssrc for seed in range(5)}
    assert len(ssrcs) == 5
    assert make_session(PEER, seed=3).ssrc == make_session(PEER, seed=3).ssrc
