"""Where packets may come from, and where ours go."""

from __future__ import annotations

from media_bridge.rtp.latch import RELATCH_SILENCE_S, Latch, Standing

SDP, NAT, OTHER = ("10.0.0.1", 4000), ("192.0.2.1", 5000), ("198.51.100.1", 6000)


def test_before_the_first_packet_the_description_counts() -> None:
    latch = Latch(SDP)
    assert (latch.target, latch.source) == (SDP, None)
    assert latch.standing(SDP, 0.0) is latch.standing(NAT, 0.0) is Standing.CANDIDATE


def test_afterwards_the_source_of_the_first_valid_packet() -> None:
    latch = Latch(SDP)
    assert latch.note_valid(NAT, 0.0)
    assert not latch.note_valid(NAT, 0.1)
    assert (latch.target, latch.source) == (NAT, NAT)
    assert latch.standing(NAT, 0.1) is Standing.PEER
    assert latch.standing(OTHER, 0.1) is Standing.STRANGER


def test_the_described_address_displaces_who_came_first() -> None:
    latch = Latch(SDP)
    latch.note_valid(OTHER, 0.0)
    assert latch.standing(SDP, 0.1) is Standing.CANDIDATE
    assert latch.note_valid(SDP, 0.1)
    assert latch.standing(OTHER, 0.2) is Standing.STRANGER, "and is not displaced in turn"
    assert latch.target == SDP


def test_a_silent_peer_can_be_succeeded() -> None:
    latch = Latch(SDP)
    latch.note_valid(NAT, 1.0)
    assert latch.standing(OTHER, 1.0 + RELATCH_SILENCE_S - 0.01) is Standing.STRANGER
    assert latch.standing(OTHER, 1.0 + RELATCH_SILENCE_S) is Standing.HEIR
    assert latch.standing(NAT, 60.0) is Standing.PEER
    latch.note_valid(OTHER, 60.0)
    assert latch.target == OTHER


def test_a_description_that_says_the_same_keeps_the_way() -> None:
    latch = Latch(SDP)
    latch.note_valid(NAT, 0.0)
    latch.open(SDP)
    assert latch.target == NAT
    assert latch.standing(OTHER, 0.0) is Standing.CANDIDATE, "it may come from elsewhere now"


def test_a_description_of_another_address_leads_there() -> None:
    latch = Latch(SDP)
    latch.note_valid(NAT, 0.0)
    latch.open(OTHER)
    assert (latch.target, latch.source) == (OTHER, None)


def test_hold_and_its_end() -> None:
    latch = Latch(SDP)
    latch.note_valid(NAT, 0.0)
    latch.open(None)
    assert latch.target is None
    latch.open(SDP)
    assert latch.target == NAT
