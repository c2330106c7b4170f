"""Codec names of the client API against the table in docs/client-api.md."""

import pytest

from siprtmp_b2bua.client_codecs import CodecPreference, RtmpAudio
from siprtmp_b2bua.errors import RequestError
from siprtmp_b2bua.sdp import SdpCodec

PCMU = SdpCodec("PCMU", 8000)


@pytest.mark.parametrize(
    ("name", "sdp", "rtmp", "reported"),
    [
        ("wideband", SdpCodec("speex", 16000), RtmpAudio.SPEEX_WIDEBAND, "speex"),
        ("narrowband", SdpCodec("speex", 8000), RtmpAudio.SPEEX_NARROWBAND, "speex"),
        ("pcmu", PCMU, RtmpAudio.PCMU, "pcmu"),
        ("pcma", SdpCodec("PCMA", 8000), RtmpAudio.PCMA, "pcma"),
        ("ulaw", PCMU, RtmpAudio.SPEEX_WIDEBAND, "speex"),
        ("alaw", SdpCodec("PCMA", 8000), RtmpAudio.SPEEX_WIDEBAND, "speex"),
    ],
)
def test_names(name: str, sdp: SdpCodec, rtmp: RtmpAudio, reported: str) -> None:
    preference = CodecPreference.parse([name])
    assert preference.sdp_codecs == (sdp,)
    assert preference.rtmp_audio(sdp) is rtmp
    assert rtmp.reported_name == reported
    assert preference.named
    assert not preference.sdp_events


def test_order_is_preference_and_the_first_name_of_a_codec_wins() -> None:
    preference = CodecPreference.parse(["ulaw", "wideband", "pcmu", "dtmf"])
    assert preference.sdp_codecs == (PCMU, SdpCodec("speex", 16000))
    assert preference.rtmp_audio(PCMU) is RtmpAudio.SPEEX_WIDEBAND
    assert preference.dtmf
    assert SdpCodec("telephone-event", 8000) in preference.sdp_events


def test_unknown_names_are_passed_over() -> None:
    assert CodecPreference.parse(["g999", "pcmu", "h264"]).sdp_codecs == (PCMU,)


@pytest.mark.parametrize("names", [["g999"], ["dtmf"], [""]])
def test_a_call_needs_audio(names: list[str]) -> None:
    with pytest.raises(RequestError, match="carries audio"):
        CodecPreference.parse(names)


@pytest.mark.parametrize(
    ("rate", "first", "transcoded"),
    [("wideband", 16000, RtmpAudio.SPEEX_WIDEBAND), ("narrowband", 8000, RtmpAudio.SPEEX_NARROWBAND)],
)
def test_without_names_the_rate_decides(rate: str, first: int, transcoded: RtmpAudio) -> None:
    preference = CodecPreference.parse([], rate)
    assert preference.sdp_codecs[0] == SdpCodec("speex", first)
    assert preference.rtmp_audio(PCMU) is transcoded
    assert preference.dtmf
    assert not preference.named


def test_video_is_named_beside_audio_or_alone() -> None:
    beside = CodecPreference.parse(["pcmu", "h264", "h264"])
    assert beside.video == ("H264",)
    assert len(beside.audio) == 1
    alone = CodecPreference.parse(["h264"])
    assert alone.named
    assert alone.audio == CodecPreference.default().audio


def test_x_flv_is_named_too_where_nothing_is_named() -> None:
    assert CodecPreference.parse([]).video == ("x-flv",)
    assert CodecPreference.parse(["pcmu", "flv"]).video == ("x-flv",)
    assert CodecPreference.parse(["h264", "wideband", "flv"]).video == ("H264", "x-flv")
    alone = CodecPreference.parse(["flv"])
    assert (alone.named, alone.audio) == (True, CodecPreference.default().audio)
