"""Offers and answers of a call, as text."""

from siprtmp_b2bua.client_codecs import CodecPreference
from siprtmp_b2bua.codec_negotiation import CodecNegotiation
from siprtmp_b2bua.sdp import SdpCodec, parse_audio
from tests.siprtmp_b2bua.test_sdp import OFFER

REMOTE = OFFER.replace("96 0 8 97 101", "0 8 101")


def codecs(sdp: str) -> list[str]:
    """What the audio line names, in order."""
    audio = parse_audio(sdp)
    assert audio is not None
    return [str(codec) for codec in audio.codecs]


def test_an_offer_names_all_that_the_client_likes_best_first() -> None:
    negotiation = CodecNegotiation(CodecPreference.parse(["pcma", "wideband", "dtmf"]), answers_invite=False)
    offer = negotiation.local_created(OFFER, "")
    assert codecs(offer) == ["PCMA/8000", "speex/16000", "telephone-event/8000"]


def test_the_answer_to_an_invite_waits_for_the_client() -> None:
    negotiation = CodecNegotiation(CodecPreference.default(), answers_invite=True)
    assert negotiation.local_created(OFFER, REMOTE) == OFFER
    negotiation.preference = CodecPreference.parse(["wideband", "pcma", "pcmu"])
    answer = negotiation.accepted_answer()
    assert answer is not None
    assert codecs(answer) == ["PCMA/8000"], "wideband was not offered, and PCMA comes before PCMU"


def test_nothing_in_common() -> None:
    negotiation = CodecNegotiation(CodecPreference.default(), answers_invite=True)
    negotiation.local_created(OFFER, REMOTE)
    negotiation.preference = CodecPreference.parse(["narrowband"])
    assert negotiation.has_kept_answer
    assert negotiation.accepted_answer() is None


def test_a_reinvite_is_answered_at_once_with_one_codec() -> None:
    negotiation = CodecNegotiation(CodecPreference.parse(["ulaw", "dtmf"]), answers_invite=True)
    negotiation.local_created(OFFER, REMOTE)
    assert codecs(negotiation.local_created(OFFER, REMOTE)) == ["PCMU/8000", "telephone-event/8000"]


def test_telephone_events_follow_the_clock_of_their_audio() -> None:
    local = OFFER.replace("97 101", "97 101 102").replace(
        "a=sendrecv", "a=rtpmap:102 telephone-event/16000\r\na=sendrecv"
    )
    negotiation = CodecNegotiation(CodecPreference.parse(["wideband", "dtmf"]), answers_invite=False)
    answer = negotiation.local_created(local, OFFER)
    assert SdpCodec("telephone-event", 16000) in (parse_audio(answer) or parse_audio(OFFER)).codecs  # type: ignore[union-attr]
    assert "telephone-event/8000" not in answer
