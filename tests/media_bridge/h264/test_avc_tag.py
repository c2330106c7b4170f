import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.h264.access_unit import AccessUnit, rtp_timestamp
from media_bridge.h264.avc_tag import END_OF_SEQUENCE, AvcTag, AvcTagKind, picture_body, sequence_header_body
from media_bridge.h264.configuration import AvcConfiguration
from tests.media_bridge.h264.strategies import pictures, pps, sps

CONFIGURATION = AvcConfiguration((sps(),), (pps(),))


def parsed(body: bytes) -> AvcTag:
    tag = AvcTag.parse(body)
    assert tag is not None
    return tag


def test_sequence_header() -> None:
    body = sequence_header_body(CONFIGURATION)
    assert body[:6] == bytes.fromhex("17 00 000000 01")
    tag = parsed(body)
    assert tag.kind is AvcTagKind.SEQUENCE_HEADER
    assert AvcConfiguration.parse(tag.data) == CONFIGURATION


def test_end() -> None:
    assert parsed(END_OF_SEQUENCE) == AvcTag(AvcTagKind.END_OF_SEQUENCE, 0, memoryview(b""))


def test_picture() -> None:
    access_unit = AccessUnit((b"\x06\x05", b"\x65\x88"), 90 * 1040)
    body = picture_body(access_unit, 40)
    assert body == bytes.fromhex("17 01 000028 00000002 0605 00000002 6588")
    assert parsed(body).access_unit(1000, 4) == access_unit


def test_a_picture_before_its_decoding() -> None:
    body = picture_body(AccessUnit((b"\x41",), 0), -2)
    assert body == bytes.fromhex("27 01 fffffe 00000001 41")
    assert parsed(body).access_unit(1, 4).timestamp == 2**32 - 90


@given(
    st.booleans().flatmap(lambda is_key: pictures(is_key=is_key)),
    st.integers(0, 2**32 - 1),
    st.integers(-(2**23), 2**23 - 1),
)
def test_pictures_are_read_as_written(nals: tuple[bytes, ...], time_ms: int, composition_ms: int) -> None:
    access_unit = AccessUnit(nals, rtp_timestamp(time_ms + composition_ms))
    body = picture_body(access_unit, composition_ms)
    assert parsed(body).access_unit(time_ms, 4) == access_unit
    assert (body[0] == 0x17) == access_unit.is_key


def test_the_time_of_rtmp_may_wrap() -> None:
    assert rtp_timestamp(2**32 + 5) == rtp_timestamp(5) == 450


@pytest.mark.parametrize("composition_ms", [2**23, -(2**23) - 1])
def test_composition_times_that_do_not_fit(composition_ms: int) -> None:
    with pytest.raises(CodecDataError, match="composition"):
        picture_body(AccessUnit((b"\x41",), 0), composition_ms)


def test_a_command_has_no_picture() -> None:
    assert AvcTag.parse(b"\x57\0") is None


@pytest.mark.parametrize("body", ["", "22", "17", "17010000", "1703000000", "9161766331"])
def test_no_tag(body: str) -> None:
    with pytest.raises(CodecDataError):
        AvcTag.parse(bytes.fromhex(body))


@given(st.binary(max_size=20), st.sampled_from([1, 2, 4]))
def test_any_bytes(rest: bytes, length_size: int) -> None:
    for start in (b"", b"\x17\1", b"\x27\1\0\0\0"):
        try:
            tag = AvcTag.parse(start + rest)
            access_unit = tag.access_unit(0, length_size) if tag else None
        except CodecDataError:
            continue
        assert access_unit is None or isinstance(access_unit.is_key, bool)
