import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.h264.limits import AccessUnitLimits
from media_bridge.h264.nal import (
    join_annex_b,
    join_length_prefixed,
    rbsp,
    split_annex_b,
    split_length_prefixed,
)
from tests.media_bridge.h264.strategies import nal_units


def test_start_codes_of_both_lengths() -> None:
    stream = bytes.fromhex("00000001 6742 000001 68ce00 00000001 65 000003 01 0000000001 09f0 0000")
    expected = ["6742", "68ce", "6500000301", "09f0"]
    assert [nal.hex() for nal in split_annex_b(stream)] == expected


@pytest.mark.parametrize("stream", ["", "000001", "00000001 000001", "0000", "000001 000000 000001 00"])
def test_byte_streams_without_a_nal_unit(stream: str) -> None:
    assert split_annex_b(bytes.fromhex(stream)) == []


@pytest.mark.parametrize("stream", ["67", "01000001 67", "000003 000001 67"])
def test_no_byte_stream(stream: str) -> None:
    with pytest.raises(CodecDataError, match="start code"):
        split_annex_b(bytes.fromhex(stream))


@given(st.lists(nal_units(), max_size=8))
def test_byte_streams_are_read_as_written(nals: list[bytes]) -> None:
    assert split_annex_b(join_annex_b(nals)) == nals


@given(st.lists(nal_units(max_size=300), max_size=8), st.sampled_from([2, 4]))
def test_lengths_are_read_as_written(nals: list[bytes], length_size: int) -> None:
    written = join_length_prefixed(nals, length_size)
    assert split_length_prefixed(written, length_size) == nals
    assert split_length_prefixed(memoryview(written), length_size) == nals
    for end in range(1, len(written)):
        try:
            whole = split_length_prefixed(written[:end], length_size)
        except CodecDataError:
            continue
        assert join_length_prefixed(whole, length_size) == written[:end]


def test_nothing_is_copied() -> None:
    picture = bytearray(join_length_prefixed([b"\x65abc"]))
    (nal,) = split_length_prefixed(picture, 4)
    picture[5] = ord("z")
    assert nal == b"\x65zbc"


def test_empty_nal_units_are_left_out() -> None:
    assert split_length_prefixed(bytes.fromhex("00 0265aa 00 0141"), 1) == [b"\x65\xaa", b"\x41"]


def test_a_length_that_does_not_fit() -> None:
    with pytest.raises(CodecDataError, match="too large"):
        join_length_prefixed([bytes(256)], 1)


@pytest.mark.parametrize("length_size", [0, 3, 5])
def test_lengths_that_there_are_not(length_size: int) -> None:
    with pytest.raises(ValueError, match="lengths"):
        split_length_prefixed(b"", length_size)
    with pytest.raises(ValueError, match="lengths"):
        join_length_prefixed([], length_size)


def test_limits() -> None:
    limits = AccessUnitLimits(max_bytes=20, max_nal_units=2)
    two, three = ([b"\x41\x01"] * count for count in (2, 3))
    for join, split in (
        (join_annex_b, lambda data: split_annex_b(data, limits)),
        (join_length_prefixed, lambda data: split_length_prefixed(data, 4, limits)),
    ):
        assert split(join(two)) == two
        with pytest.raises(CodecDataError, match="2 NAL units"):
            split(join(three))
        with pytest.raises(CodecDataError, match="2 NAL units"):
            split(join([b"", b"", b""]))
        with pytest.raises(CodecDataError, match="21 bytes"):
            split(join([bytes(17)]))


def test_emulation_prevention() -> None:
    nal = bytes.fromhex("67 000003 00 000003 01 0000 03 0003 00000303 000003")
    assert rbsp(nal) == bytes.fromhex("0000 00 0000 01 0000 0003 000003 0000")


@given(st.binary(max_size=40), st.integers(0, 5))
@example(b"\0\0\1\0\0\1", 0)
def test_any_bytes(data: bytes, length_size: int) -> None:
    try:
        nals = split_annex_b(data)
    except CodecDataError:
        nals = []
    assert all(len(nal) > 0 for nal in nals)
    try:
        nals = split_length_prefixed(data, length_size)
    except (CodecDataError, ValueError):
        return
    assert all(len(nal) > 0 for nal in nals)
