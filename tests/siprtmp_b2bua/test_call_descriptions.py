"""All descriptions of a call, with and without SRTP."""

import re

import pytest

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from siprtmp_b2bua.call_descriptions import CallDescriptions
from siprtmp_b2bua.client_codecs import CodecPreference
from siprtmp_b2bua.setting_types import SrtpPolicy
from siprtmp_b2bua.video_agreement import VideoAgreement
from siprtmp_b2bua.video_sdp import H264, VideoFormat, VideoLine

SUITE = CryptoSuite.AES_CM_128_HMAC_SHA1_80
OURS = VideoLine(6000, (VideoFormat(96, H264, {"packetization-mode": "1"}),))


def key(tag: int = 1) -> str:
    """An attribute with a new key."""
    return CryptoAttribute.generate(tag, SUITE).serialize()


def section(media: str, protocol: str, *keys: str) -> str:
    """A media section."""
    formats = {
        "audio": ["0", "a=rtpmap:0 PCMU/8000"],
        "video": ["96", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1"],
    }
    payload_type, *attributes = formats[media]
    lines = [f"m={media} 4000 {protocol} {payload_type}", *attributes, *(f"a=crypto:{each}" for each in keys)]
    return "".join(f"{line}\r\n" for line in lines)


def sdp(*sections: str) -> str:
    """A description."""
    return "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" + "".join(sections)


def pjsip_offer(protocol: str = "RTP/AVP") -> str:
    """What pjsip makes where SRTP is possible: keys in each audio line, the second of which is for video."""
    return sdp(section("audio", protocol, key(1), key(2)), section("audio", protocol, key(1), key(2)))


def pjsip_answer(protocol: str, *keys: str) -> str:
    """What pjsip answers: it rejects the video."""
    return sdp(section("audio", protocol, *keys), "m=video 0 RTP/AVP 96\r\n")


def call(policy: SrtpPolicy, *, answers_invite: bool = False) -> CallDescriptions:
    """A call of a client with video."""
    descriptions = CallDescriptions(answers_invite=answers_invite, srtp=policy)
    descriptions.prefer(CodecPreference.parse(["ulaw", "h264"]), OURS)
    return descriptions


def keys_of(description: str, media: str) -> list[str]:
    """The keys of a media section."""
    found = re.search(rf"^m={media} .*?(?=^m=|\Z)", description, re.MULTILINE | re.DOTALL)
    assert found is not None
    return re.findall(r"^a=crypto:(.*?)\r?$", found[0], re.MULTILINE)


def protocol_of(description: str, media: str) -> str:
    """The protocol of a media section."""
    return description.partition(f"m={media} ")[2].split()[1]


def agreed(descriptions: CallDescriptions) -> VideoAgreement:
    """The video."""
    assert descriptions.video is not None
    return descriptions.video


def test_video_that_the_peer_refuses_with_the_whole_offer_is_not_offered_again() -> None:
    descriptions = call("accept")
    descriptions.prefer(CodecPreference.parse(["ulaw"]), None)
    descriptions.local_created(sdp(section("audio", "RTP/AVP")), "")
    descriptions.remote_answered(sdp(section("audio", "RTP/AVP")))
    descriptions.offer_video(OURS)
    assert "m=video 6000 " in descriptions.local_created(pjsip_offer(), "")
    descriptions.offer_refused()
    assert "m=video 0 " in descriptions.local_created(pjsip_offer(), "")
    descriptions.offer_video(OURS)
    assert "m=video 6000 " in descriptions.local_created(pjsip_offer(), "")
    descriptions.remote_answered(sdp(section("audio", "RTP/AVP"), section("video", "RTP/AVP")))
    descriptions.local_created(pjsip_offer(), "")
    descriptions.offer_refused()  # of a hold, say
    assert agreed(descriptions).codec == H264
    assert "m=video 6000 " in descriptions.local_created(pjsip_offer(), "")


def test_an_offer_where_srtp_is_optional_has_no_key() -> None:
    descriptions = call("accept")
    offer = descriptions.local_created(pjsip_offer(), "")
    assert "a=crypto" not in offer
    assert not descriptions.offers_keys
    assert (protocol_of(offer, "audio"), protocol_of(offer, "video")) == ("RTP/AVP", "RTP/AVP")
    descriptions.remote_answered(sdp(section("audio", "RTP/AVP"), section("video", "RTP/AVP")))
    assert agreed(descriptions).srtp is None
    assert "a=crypto" not in descriptions.local_created(pjsip_offer(), ""), "on hold"


def test_keys_that_nobody_asked_for_encrypt_nothing() -> None:
    descriptions = call("accept")
    descriptions.local_created(pjsip_offer(), "")
    answer = sdp(section("audio", "RTP/AVP", key()), section("video", "RTP/AVP", key()), "m=audio \r\n")
    descriptions.remote_answered(answer)
    assert agreed(descriptions).srtp is None
    assert "a=crypto" not in descriptions.local_created(pjsip_offer(), "")


def test_an_offer_where_srtp_is_required_has_keys() -> None:
    descriptions = call("require")
    offer = descriptions.local_created(pjsip_offer("RTP/SAVP"), "")
    assert descriptions.offers_keys
    assert (protocol_of(offer, "audio"), protocol_of(offer, "video")) == ("RTP/SAVP", "RTP/SAVP")
    assert len(keys_of(offer, "audio")) == 2
    (ours,) = keys_of(offer, "video")
    theirs = key()
    descriptions.remote_answered(
        sdp(section("audio", "RTP/SAVP", key()), section("video", "RTP/SAVP", theirs))
    )
    keys = agreed(descriptions).srtp
    assert keys is not None
    assert (keys.ours.serialize(), keys.theirs.serialize()) == (ours, theirs)
    again = descriptions.local_created(pjsip_offer("RTP/SAVP"), "")
    assert keys_of(again, "video") == [ours], "on hold, too"


@pytest.mark.parametrize("video", [("RTP/AVP", key()), ("RTP/SAVP", key(2)), ("RTP/SAVP",)])
def test_an_answer_without_a_key_is_no_video_where_srtp_is_required(video: tuple[str, ...]) -> None:
    descriptions = call("require")
    descriptions.local_created(pjsip_offer("RTP/SAVP"), "")
    descriptions.remote_answered(sdp(section("audio", "RTP/SAVP", key()), section("video", *video)))
    assert descriptions.video is None


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
def test_an_encrypted_call_stays_so(protocol: str) -> None:
    """RTP/AVP with keys is opportunistic (RFC 8643)."""
    descriptions = call("accept", answers_invite=True)
    theirs = key(5)
    offer = sdp(section("audio", protocol, key(3)), section("video", protocol, theirs))
    descriptions.local_created(pjsip_answer(protocol, key(3)), offer)
    answer = descriptions.accepted_answer()
    assert answer is not None
    assert len(keys_of(answer, "audio")) == 1
    (ours,) = keys_of(answer, "video")
    assert ours.startswith("5 ")
    assert protocol_of(answer, "video") == protocol
    keys = agreed(descriptions).srtp
    assert keys is not None
    assert (keys.ours.serialize(), keys.theirs.serialize()) == (ours, theirs)
    hold = descriptions.local_created(pjsip_offer(protocol), "")
    assert len(keys_of(hold, "audio")) == 2
    assert keys_of(hold, "video") == [ours.replace("5 ", "1 ", 1)]
    assert protocol_of(hold, "video") == protocol
    descriptions.remote_answered(
        sdp(section("audio", protocol, key()), section("video", protocol, theirs.replace("5 ", "1 ", 1)))
    )
    after = agreed(descriptions).srtp
    assert after is not None
    assert after.theirs.has_key_of(keys.theirs)


def test_each_line_by_itself() -> None:
    descriptions = call("accept", answers_invite=True)
    offer = sdp(section("audio", "RTP/AVP"), section("video", "RTP/SAVP", key()))
    descriptions.local_created(pjsip_answer("RTP/AVP"), offer)
    answer = descriptions.accepted_answer()
    assert answer is not None
    assert not keys_of(answer, "audio")
    assert len(keys_of(answer, "video")) == 1
    hold = descriptions.local_created(pjsip_offer(), "")
    assert not keys_of(hold, "audio")
    assert keys_of(hold, "video")
    assert descriptions.offers_keys


@pytest.mark.parametrize(
    ("policy", "video"),
    [
        ("require", ("RTP/AVP",)),
        ("require", ("RTP/AVP", key())),
        ("require", ("RTP/SAVP",)),
        ("accept", ("RTP/SAVP",)),
        ("accept", ("RTP/SAVP", key() + "|1:4")),
        ("off", ("RTP/SAVP", key())),
    ],
)
def test_video_that_is_rejected_while_audio_goes_on(policy: SrtpPolicy, video: tuple[str, ...]) -> None:
    descriptions = call(policy, answers_invite=True)
    offer = sdp(section("audio", "RTP/SAVP", key()), section("video", *video))
    descriptions.local_created(pjsip_answer("RTP/SAVP", key()), offer)
    assert "m=video 0 " in (descriptions.accepted_answer() or "")
    assert descriptions.video is None


def test_keys_are_passed_over_where_srtp_is_off() -> None:
    descriptions = call("off", answers_invite=True)
    offer = sdp(section("audio", "RTP/AVP", key()), section("video", "RTP/AVP", key()))
    descriptions.local_created(pjsip_answer("RTP/AVP"), offer)
    assert "a=crypto" not in (descriptions.accepted_answer() or "a=crypto")
    assert agreed(descriptions).srtp is None


def test_a_peer_that_changes_its_key_gets_a_new_one() -> None:
    descriptions = call("accept", answers_invite=True)
    offers = [sdp(section("audio", "RTP/AVP"), section("video", "RTP/SAVP", key())) for _ in range(2)]
    descriptions.local_created(pjsip_answer("RTP/AVP"), offers[0])
    first = keys_of(descriptions.accepted_answer() or "", "video")
    same = keys_of(descriptions.local_created(pjsip_answer("RTP/AVP"), offers[0]), "video")
    other = keys_of(descriptions.local_created(pjsip_answer("RTP/AVP"), offers[1]), "video")
    assert first == same != other


def test_nobody_shows_a_key() -> None:
    descriptions = call("accept", answers_invite=True)
    secret = key()
    offer = sdp(section("audio", "RTP/AVP"), section("video", "RTP/SAVP", secret))
    descriptions.local_created(pjsip_answer("RTP/AVP"), offer)
    (ours,) = keys_of(descriptions.accepted_answer() or "", "video")
    shown = repr(agreed(descriptions)) + repr(VideoLine(4000, (), crypto=(secret,)))
    for each in (ours, secret):
        attribute = CryptoAttribute.parse(each)
        assert each.partition("inline:")[2] not in shown
        assert repr(attribute.key)[2:-1] not in shown
