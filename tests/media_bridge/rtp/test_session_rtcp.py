"""RTCP of a session: reports, feedback, and the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from media_bridge.rtp.events import (
    BitrateLimited,
    Event,
    KeyFrameCause,
    KeyFrameRequested,
    PeerLeft,
    SenderReportReceived,
)
from media_bridge.rtp.feedback_queue import KEY_FRAME_INTERVAL_S
from media_bridge.rtp.ntp import to_ntp
from media_bridge.rtp.outbox import Channel
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import RtcpPacket, serialize_compound
from media_bridge.rtp.rtcp_feedback import (
    BitrateEntry,
    BitrateNotification,
    BitrateRequest,
    FullIntraRequest,
    Nack,
    PictureLoss,
)
from media_bridge.rtp.rtcp_reports import Bye, ReceiverReport, SenderReport, SourceDescription

from .one_session import PEER, PEER_RTCP, SSRC, STRANGER, connected, media, rtcp, rtp, sent_rtcp
from .peers import WALL_CLOCK_S, make_session, negotiated


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
