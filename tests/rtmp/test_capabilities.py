from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.amf0 import decode_all, encode_all
from rtmp.amf_value import EcmaArray
from rtmp.capabilities import Capabilities, CapsEx, FourCcInfo
from tests.rtmp.strategies import values

four_ccs = st.one_of(
    st.just("*"), st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=4, max_size=4)
)
info_maps = st.dictionaries(four_ccs, st.integers(0, 7).map(FourCcInfo), max_size=6)
capabilities = st.builds(
    Capabilities,
    st.lists(four_ccs, max_size=6).map(tuple),
    info_maps,
    info_maps,
    st.integers(0, 15).map(CapsEx),
)


def test_the_example_of_the_specification() -> None:
    read = Capabilities.from_command_object(
        {
            "app": "live",
            "fourCcList": ["av01", "hvc1"],
            "videoFourCcInfoMap": {"*": 4.0, "vp09": 3.0},
            "audioFourCcInfoMap": EcmaArray({"Opus": 3.0}),
            "capsEx": 3.0,
        }
    )
    assert read.four_ccs == ("av01", "hvc1")
    assert read.video == {"*": FourCcInfo.CAN_FORWARD, "vp09": FourCcInfo.CAN_DECODE | FourCcInfo.CAN_ENCODE}
    assert read.audio == {"Opus": FourCcInfo.CAN_DECODE | FourCcInfo.CAN_ENCODE}
    assert read.caps_ex == CapsEx.RECONNECT | CapsEx.MULTITRACK
    assert read.video_info("vp09") is FourCcInfo.ALL
    assert read.video_info("avc1") is FourCcInfo.CAN_FORWARD
    assert read.video_info("hvc1") is FourCcInfo.ALL
    assert read.audio_info("mp4a") is FourCcInfo.NONE


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "text",
        {},
        {"fourCcList": "av01", "videoFourCcInfoMap": ["av01"], "audioFourCcInfoMap": 3.0, "capsEx": "3"},
        {"fourCcList": [None, 1.0, "toolong", "é234"], "videoFourCcInfoMap": {"toolong": 1.0, "avc1": "1"}},
        {"videoFourCcInfoMap": {"avc1": float("nan"), "hvc1": float("inf"), "vp09": -1.0, "av01": True}},
        {"fourCcList": b"av01", "capsEx": 2.0**40},
    ],
)
def test_what_is_odd_is_not_supported(odd: Any) -> None:
    assert Capabilities.from_command_object(odd) == Capabilities()


def test_no_memory_is_kept_of_reserved_flags() -> None:
    """An IntFlag keeps every value that it was ever made of, so the peer must not choose them."""

    def connect(first: int) -> None:
        for number in range(first, first + 0x10000, 0x10):
            flags = {"avc1": float(number)}
            Capabilities.from_command_object({"videoFourCcInfoMap": flags, "capsEx": float(number)})

    connect(0x10000)
    tracemalloc.start()
    try:
        connect(0x20000)
        assert tracemalloc.get_traced_memory()[0] < 20_000
    finally:
        tracemalloc.stop()


def test_codecs_are_bounded_and_reserved_flags_left_out() -> None:
    many = {f"{number:04}": 1.0 for number in range(1000)}
    read = Capabilities.from_command_object(
        {"fourCcList": list(many), "videoFourCcInfoMap": many, "audioFourCcInfoMap": many, "capsEx": 0x91}
    )
    assert (len(read.four_ccs), len(read.video), len(read.audio)) == (64, 64, 64)
    assert read.caps_ex == CapsEx.RECONNECT
    assert Capabilities.from_command_object({"fourCcList": EcmaArray({"0": "av01"})}).four_ccs == ("av01",)


@given(capabilities)
def test_read_is_the_opposite_of_write(written: Capabilities) -> None:
    (command_object,) = decode_all(encode_all([written.to_command_object()]))
    assert Capabilities.from_command_object(command_object) == written


@given(values)
def test_any_value_is_taken(value: Any) -> None:
    names = ("fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx")
    Capabilities.from_command_object(dict.fromkeys(names, value))
