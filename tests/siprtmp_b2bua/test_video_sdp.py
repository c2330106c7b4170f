"""The m=video section: reading, writing, and putting it into what pjsip has made."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprtmp_b2bua.video_sdp import (
    FEEDBACK,
    H264,
    X_FLV,
    VideoFormat,
    VideoLine,
    audio_direction,
    has_place_for_video,
    local_address,
    parse_video,
    put_video,
)

PHONE = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.9",
        "s=-",
        "c=IN IP4 192.0.2.9",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0",
        "a=sendonly",
        "m=video 5004 RTP/AVPF 97 98 99",
        "b=AS:1024",
        "b=TIAS:1000000",
        "a=rtpmap:97 H264/90000",
        "a=fmtp:97 profile-level-id=42E01F; packetization-mode=1;level-asymmetry-allowed=1;max-fs=3600",
        "a=rtpmap:98 h264/90000",
        "a=rtpmap:99 VP8/90000",
        "a=rtcp-fb:* nack pli",
        "a=rtcp-fb:97 ccm fir",
        "a=rtcp-fb:98 nack rpsi",
        "a=rtcp:5010 IN IP4 192.0.2.9",
        "a=rtcp-mux",
        "",
    ]
)
OURS = VideoLine(
    port=6000,
    address="192.0.2.1",
    formats=(
        VideoFormat(96, H264, {"profile-level-id": "42e01f", "packetization-mode": "1"}, frozenset(FEEDBACK)),
        VideoFormat(98, H264, {"profile-level-id": "42e01f"}),
        VideoFormat(97, X_FLV),
    ),
)


def test_bandwidth_with_and_without_headers() -> None:
    lines = replace(OURS, bandwidth_bps=1_000_000).lines()
    assert "b=AS:1040" in lines
    assert "b=TIAS:1000000" in lines
    assert not any(line.startswith("b=") for line in OURS.lines())


def test_reads_what_a_phone_says() -> None:
    line = parse_video(PHONE)
    assert line is not None
    assert (line.index, line.address, line.port, line.rtcp_port) == (1, "192.0.2.9", 5004, 5010)
    assert (line.protocol, line.direction, line.rtcp_mux) == ("RTP/AVPF", "sendrecv", True)
    assert line.bandwidth_bps == 1_000_000
    first, second = line.formats
    assert (first.payload_type, first.packetization_mode, first.profile_level_id) == (97, 1, "42e01f")
    assert first.allows_level_asymmetry
    assert first.number("max-fs") == 3600
    assert first.feedback == {"nack pli", "ccm fir"}
    assert (second.payload_type, second.name, second.packetization_mode) == (98, H264, 0)
    assert second.profile_level_id == "42000a", "Baseline at level 1 if nothing is said"
    assert second.feedback == {"nack pli"}


@pytest.mark.parametrize(
    "change",
    [
        ("m=video 5004", "m=video 0"),
        ("m=video 5004", "m=video 70000"),
        ("RTP/AVPF", "UDP/TLS/RTP/SAVPF"),
        ("H264/90000", "H265/90000"),
        ("m=video 5004 RTP/AVPF 97 98 99", "m=video 5004 RTP/AVPF"),
    ],
)
def test_what_cannot_be_used_is_as_if_rejected(change: tuple[str, str]) -> None:
    assert parse_video(PHONE.replace(*change).replace("h264", "H265")) is None


def test_a_null_address_holds() -> None:
    line = parse_video(PHONE.replace("c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0"))
    assert line is not None
    assert line.direction == "inactive"


def bandwidth_bps(sdp: str) -> int | None:
    line = parse_video(sdp)
    assert line is not None
    return line.bandwidth_bps


WITHOUT_BANDWIDTH = PHONE.replace("b=TIAS:1000000\r\n", "").replace("b=AS:1024\r\n", "")


def with_bandwidths(session: str = "", audio: str = "", video: str = "") -> str:
    """Put b= lines behind the c= line of the session, and behind those of its media."""
    text = WITHOUT_BANDWIDTH.replace("t=0 0\r\n", f"{session}t=0 0\r\n")
    text = text.replace("RTP/AVP 0\r\n", f"RTP/AVP 0\r\n{audio}")
    return text.replace("97 98 99\r\n", f"97 98 99\r\n{video}")


def test_bandwidth_that_counts_headers() -> None:
    """Ours, read by the other gateway, is what it was, with and without b=TIAS."""
    assert bandwidth_bps(with_bandwidths(video="b=AS:1040\r\n")) == 1_000_000
    assert bandwidth_bps(with_bandwidths(video="b=AS:1040\r\nb=TIAS:900000\r\n")) == 900_000


@pytest.mark.parametrize(
    ("session", "audio", "expected"),
    [
        ("", "b=AS:104\r\n", None),
        ("b=RS:100\r\nb=CT:900\r\nb=AS:x\r\nb=AS:\r\n", "", None),
        ("b=TIAS:1000000\r\n", "", 923_000),
        ("b=AS:1040\r\n", "", 923_000),
        ("b=AS:1040\r\n", "b=AS:104\r\n", 900_000),
        ("b=TIAS:1000000\r\nb=AS:9999\r\n", "b=TIAS:64000\r\n", 936_000),
        ("b=AS:104\r\n", "", 50_000),
    ],
)
def test_bandwidth_of_the_whole_session(session: str, audio: str, expected: int | None) -> None:
    assert bandwidth_bps(with_bandwidths(session, audio)) == expected
    assert bandwidth_bps(with_bandwidths(session, audio, "b=TIAS:300000\r\n")) == 300_000, "the media's own"


def test_rejected_media_take_nothing() -> None:
    rejected = with_bandwidths("b=AS:1040\r\n").replace("m=audio 4000", "m=audio 0")
    assert bandwidth_bps(rejected) == 1_000_000


@pytest.mark.parametrize(
    "made",
    [
        "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n",
        "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 97\r\n",
    ],
)
def test_takes_the_place_that_pjsip_left(made: str) -> None:
    made = f"v=0\r\nc=IN IP4 192.0.2.1\r\n{made}\r\n"
    assert has_place_for_video(made)
    assert local_address(made) == "192.0.2.1"
    text = put_video(made, OURS)
    assert text.count("m=") == 2
    assert "m=audio 4000" in text
    rejected = put_video(made, None)
    assert "m=video 0 RTP/AVP" in rejected
    assert rejected.count("m=") == 2


def test_without_a_place_nothing_changes() -> None:
    made = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n"
    assert not has_place_for_video(made)
    assert put_video(made, OURS) == made
    assert put_video(made, OURS, 7) == made


def test_direction_of_the_audio() -> None:
    assert audio_direction(PHONE) == "sendonly"
    assert audio_direction("v=0\r\na=inactive\r\nm=audio 1 RTP/AVP 0\r\n") == "inactive"
    assert audio_direction("v=0\r\n") == "sendrecv"


_parameters = st.dictionaries(
    st.sampled_from(("profile-level-id", "packetization-mode", "max-fs", "x")),
    st.from_regex(r"[0-9a-f]{1,8}", fullmatch=True),
)
_formats = st.builds(
    VideoFormat,
    st.integers(96, 127),
    st.sampled_from((H264, X_FLV)),
    _parameters,
    st.frozensets(st.sampled_from(FEEDBACK)),
)
_lines = st.builds(
    VideoLine,
    port=st.integers(1, 65535),
    formats=st.lists(_formats, min_size=1, max_size=4, unique_by=lambda each: each.payload_type).map(tuple),
    index=st.just(1),
    address=st.just("192.0.2.7"),
    protocol=st.sampled_from(("RTP/AVP", "RTP/SAVPF")),
    direction=st.sampled_from(("sendrecv", "sendonly", "recvonly", "inactive")),
    rtcp_port=st.integers(0, 65535),
    rtcp_mux=st.booleans(),
    bandwidth_bps=st.none() | st.integers(0, 10**9),
    crypto=st.lists(st.just("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"), max_size=2).map(tuple),
)


@given(_lines)
def test_what_is_written_reads_the_same(line: VideoLine) -> None:
    assert parse_video(put_video("v=0\r\nm=audio 4 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n", line)) == line


@given(st.lists(st.sampled_from(PHONE.split("\r\n")) | st.text(max_size=40), max_size=30).map("\r\n".join))
def test_any_text_is_read(text: str) -> None:
    line = parse_video(text)
    if line is not None:
        assert 0 < line.port < 65536
        assert line.formats
    put_video(text, line)
