"""What a session makes of collisions, floods and bad input."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.latch import Address
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import serialize_compound
from media_bridge.rtp.rtcp_feedback import (
    BitrateEntry,
    BitrateRequest,
    FullIntraRequest,
    Nack,
)
from media_bridge.rtp.rtcp_reports import Bye, ReceiverReport, SenderReport
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.srtp import SrtpContext

from .one_session import NAT, PEER, PEER_RTCP, SSRC, STRANGER, connected, media, rtcp, rtp, sent_rtcp
from .peers import make_session

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


def test_an_echo_is_media_and_no_collision() -> None:
    session = make_session(PEER)
    session.send(b"picture", True, 0, 0.0)
    packet = session.take_outgoing(0.0)[-1].data
    ssrc = session.ssrc
    assert media(session.receive_rtp(packet, PEER, 0.1)) == [RtpPacket.parse(packet).sequence_number]
    assert session.ssrc == ssrc
    assert session.statistics().counters.collisions == 0
