import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.h264.bit_reader import BitReader
from tests.media_bridge.h264.bit_writer import BitWriter


@pytest.mark.parametrize(
    ("bits", "value", "signed"),
    [("1", 0, 0), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("00101", 4, -2), ("0001000", 7, 4)],
)
def test_exp_golomb(bits: str, value: int, signed: int) -> None:
    """Tables 9-2 and 9-3."""
    data = int(bits.ljust(16, "1"), 2).to_bytes(2, "big")
    assert BitReader(data).ue() == value
    assert BitReader(data).se() == signed


@given(st.lists(st.integers(0, 2**32 - 2), max_size=20), st.integers(0, 7))
def test_numbers_are_read_as_written(values: list[int], start: int) -> None:
    writer = BitWriter(b"").bits(0, start)
    for value in values:
        writer.ue(value).se(value // 2).se(-(value // 2))
    data = writer.bits(1, 1).nal().replace(b"\0\0\3", b"\0\0")
    reader = BitReader(data)
    reader.bits(start)
    for value in values:
        assert (reader.ue(), reader.se(), reader.se()) == (value, value // 2, -(value // 2))
    assert reader.flag()


def test_the_end() -> None:
    reader = BitReader(b"\xa5")
    assert [reader.bits(4), reader.bits(0), reader.flag(), reader.bits(3)] == [10, 0, False, 5]
    for read in (reader.flag, reader.ue, reader.se, lambda: reader.bits(1)):
        with pytest.raises(CodecDataError):
            read()


@pytest.mark.parametrize("data", [b"", b"\0", b"\x01", bytes(3) + b"\1", bytes(4) + b"\x80" + bytes(5)])
def test_codes_that_are_cut_or_too_long(data: bytes) -> None:
    with pytest.raises(CodecDataError):
        BitReader(data).ue()


def test_the_most_that_can_be() -> None:
    with pytest.raises(CodecDataError, match="at most 6"):
        BitReader(b"\x10").ue(6)
