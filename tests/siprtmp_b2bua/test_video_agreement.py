"""Offers and answers for video."""

from dataclasses import replace

import pytest

from siprtmp_b2bua.video_agreement import accept_answer, answer_video, narrower, opposite
from siprtmp_b2bua.video_offer import video_formats
from siprtmp_b2bua.video_sdp import FEEDBACK, H264, X_FLV, VideoFormat, VideoLine, parse_video
from tests.siprtmp_b2bua.test_video_sdp import OURS, PHONE

OFFER = parse_video(PHONE)
assert OFFER is not None


def test_an_answer_has_one_format_of_the_offer() -> None:
    answered = answer_video(OFFER, replace(OURS, rtcp_port=6001))
    assert answered is not None
    line, agreed = answered
    assert [each.payload_type for each in line.formats] == [97]
    assert line.formats[0].parameters == {
        "profile-level-id": "42e01f",
        "packetization-mode": "1",
        "level-asymmetry-allowed": "1",
    }
    assert line.formats[0].feedback == {"nack pli", "ccm fir"}
    assert (line.protocol, line.port, line.rtcp_mux, line.rtcp_port) == ("RTP/AVPF", 6000, False, 6001)
    assert (agreed.codec, agreed.payload_type, agreed.packetization_mode) == (H264, 97, 1)
    assert (agreed.address, agreed.port, agreed.rtcp_port) == ("192.0.2.9", 5004, 5010)
    assert (agreed.sends, agreed.receives) == (True, True)
    assert agreed.limits == (("max-fs", 3600),)
    assert agreed.bandwidth_bps == 1_000_000
    assert agreed.feedback == {"nack pli", "ccm fir"}


def test_rtcp_mux_needs_both_sides() -> None:
    answered = answer_video(OFFER, replace(OURS, rtcp_mux=True, rtcp_port=6001))
    assert answered is not None
    line, agreed = answered
    assert (line.rtcp_mux, line.rtcp_port) == (True, 0)
    assert (agreed.rtcp_mux, agreed.rtcp_port) == (True, 5004)


def test_x_flv_is_taken_wherever_it_is_offered_and_wanted() -> None:
    offered = VideoFormat(120, X_FLV, {}, frozenset({"nack"}))
    offer = replace(OFFER, formats=(*OFFER.formats, offered))
    ours = replace(OURS, formats=video_formats((H264, X_FLV), None))
    answered = answer_video(offer, ours)
    assert answered is not None
    line, agreed = answered
    assert line.formats == (offered,)
    assert (agreed.codec, agreed.payload_type, agreed.feedback) == (X_FLV, 120, {"nack"})
    unwanted = answer_video(offer, replace(OURS, formats=video_formats((H264,), None)))
    assert unwanted is not None
    assert unwanted[1].codec == H264


def test_single_nal_units_only_where_nothing_else_is_offered() -> None:
    offer = replace(OFFER, formats=OFFER.formats[1:])
    answered = answer_video(offer, OURS)
    assert answered is not None
    assert answered[1].packetization_mode == 0


@pytest.mark.parametrize(
    "offer",
    [
        replace(OFFER, formats=(VideoFormat(97, H264, {"packetization-mode": "2"}),)),
        replace(OFFER, formats=(VideoFormat(97, X_FLV),)),
        replace(OFFER, protocol="RTP/SAVP"),
        replace(OFFER, address=""),
    ],
)
def test_what_is_not_possible_is_rejected(offer: VideoLine) -> None:
    ours = replace(OURS, formats=OURS.formats[:2])
    assert answer_video(offer, ours) is None


@pytest.mark.parametrize(
    ("offered", "allowed", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("recvonly", "sendonly", "sendonly"),
    ],
)
def test_direction(offered: str, allowed: str, answered: str) -> None:
    result = answer_video(replace(OFFER, direction=offered), replace(OURS, direction=allowed))
    assert result is not None
    line, agreed = result
    assert line.direction == answered
    assert agreed.sends is (answered in ("sendrecv", "sendonly"))
    assert agreed.receives is (answered in ("sendrecv", "recvonly"))


def test_narrower_is_symmetric_and_opposite_undoes_itself() -> None:
    directions = ("sendrecv", "sendonly", "recvonly", "inactive")
    for one in directions:
        assert opposite(opposite(one)) == one
        assert narrower(one, one) == one
        for other in directions:
            assert narrower(one, other) == narrower(other, one)


def test_an_answer_to_our_offer() -> None:
    answer = VideoLine(
        port=7000,
        address="192.0.2.9",
        formats=(VideoFormat(98, H264, {"profile-level-id": "42800d"}, frozenset({"nack pli"})),),
        direction="recvonly",
        bandwidth_bps=500_000,
    )
    agreed = accept_answer(OURS, answer)
    assert agreed is not None
    assert (agreed.payload_type, agreed.packetization_mode, agreed.profile_level_id) == (98, 0, "42800d")
    assert (agreed.sends, agreed.receives) == (True, False)
    assert agreed.received_payload_types == {96, 98}
    assert agreed.rtcp_port == 7001
    assert agreed.feedback == {"nack pli"}


def test_an_answer_with_a_payload_type_of_its_own() -> None:
    answer = VideoLine(
        port=7000, address="192.0.2.9", formats=(VideoFormat(120, H264, {"packetization-mode": "1"}),)
    )
    agreed = accept_answer(OURS, answer)
    assert agreed is not None
    assert agreed.payload_type == 120
    assert agreed.received_payload_types == {96, 98, 120}


def test_answers_that_reject() -> None:
    assert accept_answer(OURS, None) is None
    assert (
        accept_answer(OURS, replace(OFFER, formats=(VideoFormat(96, H264, {"packetization-mode": "2"}),)))
        is None
    )
    assert accept_answer(OURS, replace(OFFER, protocol="RTP/SAVP")) is None


def test_an_answer_that_is_in_both_forms() -> None:
    """A peer may list several; the first that we offered counts."""
    agreed = accept_answer(OURS, replace(OFFER, formats=(VideoFormat(97, X_FLV), *OFFER.formats)))
    assert agreed is not None
    assert agreed.codec == X_FLV
    assert agreed.feedback <= set(FEEDBACK)
