"""Two sessions with each other, over networks that lose, delay, reorder and duplicate."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.events import KeyFrameRequested, PeerLeft, SenderReportReceived, SourceChanged
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.srtp import SrtpContext

from .peers import WALL_CLOCK_S, A, B, Network, Simulation, make_session

FEEDBACK = {"nack": True, "pli": True}
FRAME_S = 1 / 25


def payload(frame: int, part: int) -> bytes:
    return frame.to_bytes(2, "big") + part.to_bytes(2, "big") + bytes(200)


def send_frame(simulation: Simulation, session: RtpSession, frame: int, parts: int) -> None:
    for part in range(parts):
        session.send(payload(frame, part), part == parts - 1, frame * 3600, simulation.now_s)


def stream(simulation: Simulation, session: RtpSession, frames: int, *, key_every: int = 50) -> list[bytes]:
    """Send 25 pictures a second, of ten packets, key pictures of 100; returns all payloads."""
    sent = []
    for frame in range(frames):
        parts = 10 if frame % key_every else 100
        sent += [payload(frame, part) for part in range(parts)]
        simulation.at(frame * FRAME_S, lambda f=frame, n=parts: send_frame(simulation, session, f, n))  # type: ignore[misc]
    return sent


def lossy(
    seed: int, *, loss: float = 0.0, jitter_s: float = 0.0, delay_s: float = 0.02, copies: float = 0.0
) -> Network:
    dice = Random(seed)

    def deliver(now_s: float) -> list[float]:
        count = (dice.random() >= loss) + (dice.random() < copies)
        return [now_s + delay_s + dice.uniform(0, jitter_s) for _ in range(count)]

    return Network(deliver)


def pair(*, network: Network | None = None, encrypted: bool = False, **changes: object) -> Simulation:
    srtp: list[SrtpContext | None] = [None, None]
    if encrypted:
        keys = [CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80) for _ in range(2)]
        srtp = [SrtpContext(*keys), SrtpContext(*keys[::-1])]
    a = make_session(B, seed=1, srtp=srtp[0], **changes)
    b = make_session(A, seed=2, srtp=srtp[1], **changes)
    return Simulation(a, b, network)


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("rtcp_mux", [False, True])
def test_all_arrives_on_a_good_network(encrypted: bool, rtcp_mux: bool) -> None:
    simulation = pair(encrypted=encrypted, rtcp_mux=rtcp_mux, **FEEDBACK)
    sent = stream(simulation, simulation.a.session, 100)
    back = stream(simulation, simulation.b.session, 100)
    simulation.run(10.0)
    assert simulation.b.payloads == sent
    assert simulation.a.payloads == back
    for side in (simulation.a, simulation.b):
        statistics = side.session.statistics()
        assert statistics.round_trip_s == pytest.approx(0.02, abs=0.001)
        assert (statistics.peer_fraction_lost, statistics.peer_lost) == (0.0, 0)
        assert all(event.missing == 0 for event in side.of(OrderedPacket))
        counters = statistics.counters
        assert (counters.nacked, counters.resent, counters.stray, counters.strangers) == (0, 0, 0, 0)
        assert 5 <= counters.rtcp_sent <= 20
        assert len(side.of(SourceChanged)) == 1


def test_the_clocks_are_mapped() -> None:
    simulation = pair()
    stream(simulation, simulation.a.session, 50)
    simulation.run(3.0)
    first = simulation.b.of(OrderedPacket)[0].packet
    reports = simulation.b.of(SenderReportReceived)
    assert len(reports) >= 2
    for report in reports:
        elapsed = (report.rtp_timestamp - first.timestamp & 0xFFFFFFFF) / 90_000
        assert report.ntp_s == pytest.approx(WALL_CLOCK_S + elapsed, abs=0.001)


def test_a_key_picture_is_spread_and_nothing_overtakes_it() -> None:
    simulation = pair()
    sent = stream(simulation, simulation.a.session, 10)
    simulation.run(1.0)
    assert simulation.b.payloads == sent
    assert simulation.b.session.statistics().jitter_s < 0.05


def test_what_is_lost_comes_again() -> None:
    simulation = pair(network=lossy(5, loss=0.05), **FEEDBACK)
    sent = stream(simulation, simulation.a.session, 250)
    simulation.run(12.0)
    statistics = simulation.b.session.statistics()
    assert statistics.counters.nacked > 100
    assert statistics.lost < 0.01 * len(sent), "of the 5 % that the network loses"
    assert len(simulation.b.payloads) + statistics.lost == pytest.approx(len(sent), abs=5)
    assert statistics.depth_s <= 0.2


def test_without_nack_a_gap_is_short() -> None:
    simulation = pair(network=lossy(5, loss=0.05))
    sent = stream(simulation, simulation.a.session, 100)
    simulation.run(5.0)
    statistics = simulation.b.session.statistics()
    assert statistics.lost == pytest.approx(0.05 * len(sent), rel=0.3)
    assert statistics.depth_s < 0.05
    sender = simulation.a.session.statistics()
    assert sender.peer_lost is not None
    assert sender.peer_lost > 0
    assert sender.counters.resent == 0


def test_a_request_for_a_key_picture_reaches_the_sender() -> None:
    simulation = pair(**FEEDBACK)
    stream(simulation, simulation.a.session, 20)
    simulation.at(0.5, lambda: simulation.b.session.request_key_frame(simulation.now_s))
    simulation.run(0.52)
    assert len(simulation.a.of(KeyFrameRequested)) == 1


def test_bye_reaches_the_peer() -> None:
    simulation = pair()
    stream(simulation, simulation.a.session, 20)
    simulation.at(1.0, lambda: simulation.a.session.close(simulation.now_s))
    simulation.run(1.1)
    assert simulation.b.of(PeerLeft) == [PeerLeft(simulation.a.session.ssrc, "")]


def test_rtcp_keeps_to_its_share() -> None:
    """A network that loses half makes for as much feedback as there can be."""
    simulation = pair(network=lossy(7, loss=0.5), reduced_size=True, **FEEDBACK)
    stream(simulation, simulation.a.session, 250)
    for k in range(1000):
        simulation.at(k / 100, lambda: simulation.b.session.request_key_frame(simulation.now_s))
    simulation.run(10.0)
    octets = sum(len(outgoing.data) + 28 for outgoing in simulation.b.sent)
    assert octets * 8 / 10 < 0.05 * 1_000_000
    requested = simulation.b.session.statistics().counters.key_frames_requested
    assert 8 <= requested <= 11


networks = st.builds(
    lossy,
    st.integers(0, 1 << 32),
    loss=st.sampled_from([0.0, 0.01, 0.1, 0.5]),
    jitter_s=st.sampled_from([0.0, 0.004, 0.05, 0.3]),
    delay_s=st.sampled_from([0.001, 0.03, 0.15]),
    copies=st.sampled_from([0.0, 0.02, 0.5]),
)


@given(networks, st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_network(network: Network, encrypted: bool, nack: bool, rtcp_mux: bool) -> None:
    simulation = pair(
        network=network, encrypted=encrypted, nack=nack, pli=True, rtcp_mux=rtcp_mux, reduced_size=nack
    )
    sent = stream(simulation, simulation.a.session, 30, key_every=10)
    simulation.run(4.0)
    got = simulation.b.of(OrderedPacket)
    payloads = [event.packet.payload for event in got]
    places = {each: place for place, each in enumerate(sent)}
    order = [places[each] for each in payloads]
    assert order == sorted(set(order)), "in order, each at most once"
    if got:
        first = sum(event.missing for event in got[1:])
        assert order[-1] - order[0] == len(order) - 1 + first, "missing where packets lack, and nowhere else"
    statistics = simulation.b.session.statistics()
    assert statistics.depth_s <= 0.2
    assert statistics.counters.malformed == statistics.counters.rtcp_malformed == 0
    assert statistics.counters.received == len(got) + statistics.late + statistics.duplicates
