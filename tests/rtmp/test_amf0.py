from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.amf0 import (
    UNDEFINED,
    EcmaArray,
    TypedObject,
    XmlDocument,
    decode_all,
    encode,
    encode_all,
    encode_all_amf3,
)
from rtmp.amf_value import BackReference, OtherDate
from rtmp.errors import AmfDecodeError, AmfEncodeError
from rtmp.limits import Limits
from tests.rtmp.strategies import values

VECTORS: list[tuple[str, Any]] = [
    ("00 3ff0000000000000", 1.0),
    ("01 01", True),
    ("02 0003 c3a961", "éa"),
    ("03 0001 61 05 0000 09", {"a": None}),
    ("05", None),
    ("06", UNDEFINED),
    ("08 00000001 0001 61 01 00 0000 09", EcmaArray(a=False)),
    ("0a 00000002 05 06", [None, UNDEFINED]),
    ("0b 0000000000000000 0000", datetime(1970, 1, 1, tzinfo=UTC)),
    ("0b 7ff0000000000000 0000", OtherDate(math.inf)),
    ("0b c2d6bcc41e900000 0000", OtherDate(-100_000_000_000_000.0)),  # 1200 BC
    ("0c 00000001 61", "a"),
    ("0d", UNDEFINED),
    ("0f 00000004 3c612f3e", XmlDocument("<a/>")),
    ("10 0001 43 0001 61 05 0000 09", TypedObject("C", {"a": None})),
    ("11 0c 05 0102", b"\x01\x02"),
]


@pytest.mark.parametrize(("data", "value"), VECTORS)
def test_vectors(data: str, value: Any) -> None:
    content = bytes.fromhex(data)
    assert decode_all(content) == [value]
    assert decode_all(content + b"\x05") == [value, None]
    assert type(decode_all(content)[0]) is type(value)
    if content[0] not in (0x0C, 0x0D):
        assert encode(value) == content
    for cut in range(1, len(content)):
        with pytest.raises(AmfDecodeError):
            decode_all(content[:cut])


@given(values)
def test_round_trip(value: Any) -> None:
    assert decode_all(encode(value)) == [value]


@given(st.lists(values, max_size=3))
def test_round_trip_with_amf3_containers(several: list[Any]) -> None:
    assert decode_all(encode_all_amf3(several)) == several


def test_long_string() -> None:
    text = "é" * 40_000
    assert encode(text)[0] == 0x0C
    assert decode_all(encode(text)) == [text]


def test_references_count_complex_values_in_order() -> None:
    # [{"a": 1}, reference to the object (1), reference is not to the array (0)]
    inner = encode({"a": 1.0})
    data = bytes.fromhex("0a00000002") + inner + bytes.fromhex("070001")
    assert decode_all(data) == [[{"a": 1.0}, {"a": 1.0}]]
    # across the values of one message
    assert decode_all(inner + bytes.fromhex("070000")) == [{"a": 1.0}, {"a": 1.0}]


@pytest.mark.parametrize(
    "data",
    [
        # {"child": {"parent": reference to the outer one}, "again": reference to the child}, as ...
        "03 0005 6368696c64 03 0006 706172656e74 07 0000 000009 0005 616761696e 07 0001 000009",
        "08 00000002 0005 6368696c64 08 00000001 0006 706172656e74 070000 000009"
        "0005 616761696e 070001 000009",
        "10 0001 43 0005 6368696c64 10 0001 44 0006 706172656e74 070000 000009 0005 616761696e 070001 000009",
    ],
)
def test_a_value_may_refer_to_one_that_it_is_inside_of(data: str) -> None:
    (outer,) = decode_all(bytes.fromhex(data))
    reference = outer["child"]["parent"]
    assert isinstance(reference, BackReference)
    assert reference.target is outer
    assert outer["again"] is outer["child"]
    assert len(repr(outer)) < 200
    with pytest.raises(AmfEncodeError, match="BackReference"):
        encode(outer)


def test_an_array_may_refer_to_itself() -> None:
    ((first, second),) = decode_all(bytes.fromhex("0a 00000002 07 0000 07 0000"))
    assert first is second
    assert first.target == [first, second]


def test_circles_make_no_endless_ways() -> None:
    """Children of the arrays before, each of which refers to its own array: 2 ** 40 ways, if one went on."""
    data = b""
    for index in range(0, 80, 2):
        earlier = b"\x07" + (max(index - 1, 1)).to_bytes(2, "big")
        data += bytes.fromhex("0a00000003 0a00000001 07") + index.to_bytes(2, "big") + earlier * 2
    decoded = decode_all(data)
    assert len(decoded) == 40
    assert decoded[1] == [decoded[1][0], decoded[0][0], decoded[0][0]]
    assert decoded[1][0][0].target is decoded[1]
    assert len(repr(decoded)) < 10_000


@pytest.mark.parametrize("amf3", ["", "11 08 01"])
def test_a_date_may_be_invalid(amf3: str) -> None:
    data = bytes.fromhex(f"{amf3 or '0b'} 7ff8000000000000 {'' if amf3 else '0000'}")
    (date,) = decode_all(data)
    assert isinstance(date, OtherDate)
    assert math.isnan(date.milliseconds)
    assert encode_all_amf3([[date]]).endswith(bytes.fromhex("08 01 7ff8000000000000"))
    assert encode(date) == bytes.fromhex("0b 7ff8000000000000 0000")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("07 0000", "reference 0"),
        ("0a ffffffff 05", "array of 4294967295"),
        ("0c ffffffff 61", "string of"),
        ("04", "marker 0x04"),
        ("11 12", "marker 0x12"),
    ],
)
def test_refused(data: str, message: str) -> None:
    with pytest.raises(AmfDecodeError, match=message):
        decode_all(bytes.fromhex(data))


def test_depth_is_bounded_both_ways() -> None:
    with pytest.raises(AmfDecodeError, match="deeper"):
        decode_all(bytes.fromhex("0a00000001") * 100_000)
    with pytest.raises(AmfDecodeError, match="deeper"):
        decode_all(b"\x11" + bytes.fromhex("090301") * 100_000)
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises(AmfEncodeError, match="cyclic"):
        encode(cyclic)
    with pytest.raises(AmfEncodeError, match="cyclic"):
        encode_all_amf3([cyclic])


def test_elements_are_bounded_with_references_written_out() -> None:
    limits = replace(Limits(), max_amf_elements=1000)
    with pytest.raises(AmfDecodeError, match="1000 elements"):
        decode_all(b"\x05" * 1001, limits)
    # each array holds the one before twice: 2 ** 25 elements in 300 bytes
    data = encode([1.0])
    for index in range(25):
        data += bytes.fromhex("0a00000002") + (b"\x07" + index.to_bytes(2, "big")) * 2
    with pytest.raises(AmfDecodeError, match="elements"):
        decode_all(data, limits)


@pytest.mark.parametrize(
    "value",
    ["\ud800", 10**400, object(), {"k" * 70_000: 1}, datetime(2020, 1, 1)],
)
def test_what_cannot_be_encoded(value: Any) -> None:
    with pytest.raises(AmfEncodeError):
        encode(value)


def test_text_that_is_not_utf8_is_replaced() -> None:
    assert decode_all(bytes.fromhex("020002 ff61")) == ["\ufffda"]


def test_encode_all_concatenates() -> None:
    assert encode_all(("a", None)) == encode("a") + encode(None)
