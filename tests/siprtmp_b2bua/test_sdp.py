"""SDP text: what is read from it, and what narrowing leaves of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprtmp_b2bua.sdp import SdpCodec, parse_audio, restrict_audio

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 3930000000 3930000000 IN IP4 192.0.2.1",
        "s=pjmedia",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 96 0 8 97 101",
        "a=rtpmap:96 speex/16000",
        "a=fmtp:96 vbr=on",
        "a=rtpmap:97 speex/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=rtcp:4001 IN IP4 192.0.2.1",
        "a=sendrecv",
        "m=video 0 RTP/AVP 98",
        "a=rtpmap:98 H264/90000",
        "",
    ]
)
SPEEX_16, SPEEX_8 = SdpCodec("speex", 16000), SdpCodec("speex", 8000)
PCMU, PCMA = SdpCodec("PCMU", 8000), SdpCodec("PCMA", 8000)
EVENT = SdpCodec("telephone-event", 8000)


def test_reads_codecs_in_order_of_preference() -> None:
    audio = parse_audio(OFFER)
    assert audio is not None
    assert audio.codecs == (SPEEX_16, PCMU, PCMA, SPEEX_8, EVENT)
    assert (audio.port, audio.direction, audio.connection_address) == (4000, "sendrecv", "192.0.2.1")


def test_codec_names_compare_without_case() -> None:
    assert SdpCodec("SPEEX", 8000) == SPEEX_8
    assert hash(SdpCodec("SPEEX", 8000)) == hash(SPEEX_8)
    assert SdpCodec("speex", 8000) != SPEEX_16


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        (("a=sendrecv", "a=sendonly"), True),
        (("a=sendrecv", "a=inactive"), True),
        (("a=sendrecv", "a=recvonly"), False),
        (("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0"), True),
        (("a=sendrecv", "a=x-nothing"), False),
    ],
)
def test_hold_is_told_by_direction_or_by_a_null_address(change: tuple[str, str], holds: bool) -> None:
    audio = parse_audio(OFFER.replace(*change))
    assert audio is not None
    assert audio.holds is holds


def test_direction_of_the_session_counts_where_the_media_has_none() -> None:
    sdp = OFFER.replace("a=sendrecv\r\n", "").replace("t=0 0", "t=0 0\r\na=sendonly")
    audio = parse_audio(sdp)
    assert audio is not None
    assert audio.holds


def test_a_rejected_audio_line_is_no_audio() -> None:
    assert parse_audio(OFFER.replace("m=audio 4000", "m=audio 0")) is None


def test_restricting_orders_and_drops_what_belongs_to_other_payloads() -> None:
    narrowed = restrict_audio(OFFER, [PCMA, SPEEX_16], [EVENT])
    assert narrowed is not None
    assert "m=audio 4000 RTP/AVP 8 96 101\r\n" in narrowed
    assert "a=rtpmap:97" not in narrowed
    assert "a=fmtp:96 vbr=on" in narrowed
    assert "a=rtcp:4001" in narrowed
    assert narrowed.endswith("m=video 0 RTP/AVP 98\r\na=rtpmap:98 H264/90000\r\n")


def test_restricting_to_what_is_not_there_gives_nothing() -> None:
    assert restrict_audio(OFFER, [SdpCodec("opus", 48000)], [EVENT]) is None


def test_without_extras_telephone_events_go() -> None:
    narrowed = restrict_audio(OFFER, [PCMU])
    assert narrowed is not None
    assert "telephone-event" not in narrowed


codecs = st.sampled_from([SPEEX_16, SPEEX_8, PCMU, PCMA])


@given(st.lists(codecs, min_size=1))
def test_what_is_restricted_parses_back_to_what_was_wanted(wanted: list[SdpCodec]) -> None:
    narrowed = restrict_audio(OFFER, wanted)
    assert narrowed is not None
    audio = parse_audio(narrowed)
    assert audio is not None
    assert audio.codecs == tuple(dict.fromkeys(wanted))


@given(st.text(alphabet=st.sampled_from("vomacs=udi 0123456789\r\n:/.RTPAVP-"), max_size=400))
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse_audio(text)
    restrict_audio(text, [PCMU], [EVENT])
