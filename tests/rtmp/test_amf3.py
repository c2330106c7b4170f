from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.amf0 import decode_all, encode_all_amf3
from rtmp.amf3 import Amf3Reader
from rtmp.amf3_writer import Amf3Writer
from rtmp.amf_value import (
    UNDEFINED,
    BackReference,
    Dictionary,
    EcmaArray,
    TypedObject,
    Vector,
    VectorType,
    XmlDocument,
)
from rtmp.errors import AmfDecodeError, AmfEncodeError
from tests.rtmp.strategies import values

FLEX = "43" + b"flex.messaging.io.ArrayCollection".hex()

# (bytes, value, whether we write it the same way)
VECTORS: list[tuple[str, Any, bool]] = [
    ("00", UNDEFINED, True),
    ("01", None, True),
    ("02", False, True),
    ("03", True, True),
    ("04 7f", 127, True),
    ("04 8100", 128, True),
    ("04 ff7f", 0x3FFF, True),
    ("04 818000", 0x4000, True),
    ("04 80c08000", 0x200000, True),
    ("04 bfffffff", (1 << 28) - 1, True),
    ("04 ffffffff", -1, True),
    ("04 c0808000", -(1 << 28), True),
    ("05 3ff8000000000000", 1.5, True),
    ("06 01", "", True),
    ("06 05 c3a9", "é", True),
    ("07 03 61", XmlDocument("a", legacy=True), True),
    ("0b 03 61", XmlDocument("a"), True),
    ("08 01 0000000000000000", datetime(1970, 1, 1, tzinfo=UTC), True),
    ("09 05 01 01 03", [None, True], True),
    ("09 03 03 61 01 01 04 05", EcmaArray({"a": None, "0": 5}), False),
    ("09 01 03 61 01 01", EcmaArray({"a": None}), True),
    ("0a 0b 01 03 61 01 01", {"a": None}, True),
    ("0a 0b 03 43 03 61 01 01", TypedObject("C", {"a": None}), True),
    ("0a 23 01 03 61 03 62 04 01 04 02", {"a": 1, "b": 2}, False),  # sealed
    ("0a 1b 01 03 61 04 01 03 62 04 02 01", {"a": 1, "b": 2}, False),  # sealed and dynamic
    ("0c 05 0102", b"\x01\x02", True),
    ("0d 05 00 00000001 ffffffff", Vector(VectorType.INT, [1, -1]), True),
    ("0e 03 01 ffffffff", Vector(VectorType.UINT, [0xFFFFFFFF], fixed=True), True),
    ("0f 03 00 3ff8000000000000", Vector(VectorType.NUMBER, [1.5]), True),
    ("10 05 00 03 43 01 06 03 61", Vector(VectorType.OBJECT, [None, "a"], class_name="C"), True),
    ("10 01 01 01", Vector(VectorType.OBJECT, fixed=True), True),
    ("11 03 00 0a 0b 01 01 04 05", Dictionary((({}, 5),)), True),
    ("11 05 01 06 03 61 03 04 01 02", Dictionary((("a", True), (1, False)), weak_keys=True), True),
    # string, object and traits references
    ("09 05 01 06 03 61 06 00", ["a", "a"], False),
    ("09 05 01 0a 0b 01 01 0a 02", [{}, {}], False),
    ("09 05 01 0a 13 01 03 61 04 01 0a 01 04 02", [{"a": 1}, {"a": 2}], False),
    ("09 05 01 0d 03 00 00000007 0d 02", [Vector(VectorType.INT, [7])] * 2, False),
    ("09 05 01 10 01 00 01 10 02", [Vector(VectorType.OBJECT)] * 2, False),
    ("09 05 01 11 01 00 11 02", [Dictionary()] * 2, False),
    # Flex's collections, the second one with the traits of the first
    (f"09 05 01 0a 07 {FLEX} 09 03 01 03 0a 01 09 01 01", [[True], []], False),
    (f"09 05 01 0a 07 {FLEX} 09 03 01 03 0a 02", [[True], [True]], False),
]


def decode(data: bytes) -> Any:
    value, end = Amf3Reader(data).read_value_at(0)
    assert end == len(data)
    return value


@pytest.mark.parametrize(("data", "value", "canonical"), VECTORS)
def test_vectors(data: str, value: Any, canonical: bool) -> None:
    content = bytes.fromhex(data)
    decoded = decode(content)
    assert decoded == value
    assert type(decoded) is type(value)
    assert Amf3Reader(content + b"\xff").read_value_at(0) == (value, len(content))
    if canonical:
        assert Amf3Writer().write_value(value) == content
    for cut in range(len(content)):
        with pytest.raises(AmfDecodeError):
            Amf3Reader(content[:cut]).read_value_at(0)


@pytest.mark.parametrize(
    ("data", "follow"),
    [
        ("09 03 01 09 00", lambda array: array[0]),
        ("09 03 03 61 01 01 09 00", lambda array: array["0"]),
        ("09 01 03 61 09 00 01", lambda array: array["a"]),
        ("0a 0b 01 03 61 0a 00 01", lambda members: members["a"]),
        ("10 03 00 01 10 00", lambda vector: vector[0]),
        ("11 03 00 01 11 00", lambda dictionary: dictionary.entries[0][1]),
        ("11 03 00 11 00 01", lambda dictionary: dictionary.entries[0][0]),
        (f"0a 07 {FLEX} 09 03 01 0a 00", lambda array: array[0]),
    ],
)
def test_a_value_may_refer_to_one_that_it_is_inside_of(data: str, follow: Callable[[Any], Any]) -> None:
    value = decode(bytes.fromhex(data))
    reference = follow(value)
    assert isinstance(reference, BackReference)
    assert reference.target is value
    assert len(repr(value)) < 200
    with pytest.raises(AmfEncodeError, match="BackReference"):
        Amf3Writer().write_value(value)


@given(st.one_of(values, st.integers(-(1 << 40), 1 << 40)))
def test_round_trip(value: Any) -> None:
    assert decode(Amf3Writer().write_value(value)) == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("06 02", "string reference 1"),
        ("0a 05", "traits reference 1"),
        ("0a 06", "reference 3"),
        ("0a 07 03 43", "externalizable"),
        (f"0a 07 {FLEX} 0a 00", "no value but"),
        (f"0a 07 {FLEX} 0a 01 0a 00", "no value but"),
        ("09 ffffffff 01", "count"),
        ("0a f3fffffb 01", "count"),
        ("12", "marker 0x12"),
        ("0d ffffffff 00", "elements"),
        ("0d 81 01 00 00000000", "bytes more"),
        ("11 ffffffff 00", "count"),
    ],
)
def test_refused(data: str, message: str) -> None:
    with pytest.raises(AmfDecodeError, match=message):
        decode(bytes.fromhex(data))


def test_repeated_string_references_are_bounded() -> None:
    size = (3 << 14 | 1 << 7 | 1) >> 1
    text = b"\x06\x83\x81\x01" + b"a" * size
    count = 5000
    header = Amf3Writer().write_value([None] * count)[:-count]
    with pytest.raises(AmfDecodeError, match="elements"):
        decode(header + text + b"\x06\x00" * (count - 1))


def test_empty_member_name_cannot_be_written() -> None:
    with pytest.raises(AmfEncodeError, match="empty name"):
        Amf3Writer().write_value({"": 1})


def test_a_message_is_freed_without_the_collector() -> None:
    data = encode_all_amf3(["name", {"a": [1, "b"]}])
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            decode_all(data)
        assert gc.collect() == 0
    finally:
        gc.enable()
