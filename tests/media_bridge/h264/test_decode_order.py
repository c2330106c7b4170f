"""Decoding times from presentation times: x264 knows both."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.h264.access_unit import TIMESTAMP_MASK, AccessUnit
from media_bridge.h264.avc_tag import AvcTag, picture_body
from media_bridge.h264.decode_order import MAX_STEP, DecodeOrder, PictureTime
from media_bridge.h264.sps import SequenceParameterSet
from tests.media_bridge.h264.bit_writer import simple_sps, sps_with_vui
from tests.media_bridge.h264.x264_pictures import Encoding, encode

B_PICTURES = [
    Encoding(profile="main", x264="bframes=1:scenecut=0:b-adapt=0", frames=20),
    Encoding(profile="main", x264="bframes=3:scenecut=0:b-pyramid=none:b-adapt=0:keyint=12", frames=40),
    Encoding(profile="high", x264="bframes=7:scenecut=0:b-pyramid=normal:b-adapt=0", frames=40),
    Encoding(
        profile="high",
        x264="bframes=3:scenecut=0:b-pyramid=normal:b-adapt=0:ref=4:keyint=15",
        frames=60,
        noise=0,
    ),
    Encoding(profile="baseline", frames=10),
    Encoding(profile="high", x264="bframes=0", rate=Fraction(25)),
]
BASELINE = SequenceParameterSet.parse(simple_sps().bits(0, 1).nal())
HIGH_WITH_VUI = SequenceParameterSet.parse(sps_with_vui("64001e").nal())
HIGH_WITHOUT_VUI = SequenceParameterSet.parse(simple_sps(profile="64001e").bits(0, 1).nal())


def times(timestamps: Iterable[int], sps: SequenceParameterSet | None = None) -> list[PictureTime]:
    order = DecodeOrder()
    if sps is not None:
        order.begin_sequence(sps)
    return [order.next(timestamp) for timestamp in timestamps]


@pytest.mark.parametrize("start", [0, 123_456_789, 2**32 - 9000])
@pytest.mark.parametrize("encoding", B_PICTURES, ids=str)
def test_as_the_encoder_says(encoding: Encoding, start: int) -> None:
    pictures = encode(encoding)
    timestamps = [picture.access_unit(encoding.rate, start).timestamp for picture in pictures]
    found = times(timestamps, SequenceParameterSet.parse(pictures[0].sps))
    ticks = int(90_000 / encoding.rate)
    assert found == [PictureTime(start + p.dts * ticks, start + p.pts * ticks) for p in pictures]


@pytest.mark.parametrize("encoding", B_PICTURES[:4], ids=str)
def test_without_vui_the_depth_is_found(encoding: Encoding) -> None:
    """Once every kind of reordering was seen, nothing is decoded after it is shown."""
    pictures = encode(encoding)
    found = times((picture.pts * 3000 for picture in pictures), HIGH_WITHOUT_VUI)
    assert found[0] == PictureTime(0, 0)
    assert all(a.decoding <= b.decoding for a, b in pairwise(found))
    settled = found[len(found) // 2 :]
    assert any(time.decoding < time.presentation for time in settled)
    assert all(time.decoding <= time.presentation for time in settled)


@pytest.mark.parametrize("sps", [None, BASELINE, HIGH_WITHOUT_VUI])
def test_without_reordering_there_is_no_delay(sps: SequenceParameterSet | None) -> None:
    timestamps = [0, 3000, 6100, 8900, 8900, 12_000]
    assert times(timestamps, sps) == [PictureTime(timestamp, timestamp) for timestamp in timestamps]


def test_a_clock_that_falters_back() -> None:
    """Baseline has no reordering, so the time is wrong. That of decoding waits until it has come up again."""
    assert [time.decoding for time in times([9000, 12_000, 10_000, 13_000], BASELINE)] == [
        9000,
        12_000,
        12_000,
        13_000,
    ]


def test_across_the_wrap() -> None:
    start = 2**32 - 3000
    found = times([start, 0, 3000, start + 4500 & TIMESTAMP_MASK])
    assert [time.presentation - start for time in found] == [0, 3000, 6000, 4500]


def test_a_pause_stays_a_pause() -> None:
    sps = SequenceParameterSet.parse(encode(B_PICTURES[1])[0].sps)
    pause = 3600 * 90_000
    found = times([0, 12_000, 3000, pause, pause + 12_000], sps)
    assert sps.expected_reorder_frames == 1
    assert found[3] == PictureTime(pause - 3000, pause)


def test_a_new_clock_goes_on_where_the_old_one_was() -> None:
    order = DecodeOrder()
    for timestamp in (2 * MAX_STEP, 2 * MAX_STEP + 3000):
        order.next(timestamp)
    assert order.next(7) == PictureTime(2 * MAX_STEP + 6000, 2 * MAX_STEP + 6000)
    assert order.shift == 2 * MAX_STEP + 6000 - 7
    assert order.next(3007).presentation == 2 * MAX_STEP + 9000


def test_milliseconds() -> None:
    time = PictureTime(3000, 9045)
    assert (time.decoding_ms, time.composition_ms) == (33, 68)


@settings(max_examples=300)
@given(
    st.lists(
        st.integers(0, TIMESTAMP_MASK) | st.integers(0, 300_000) | st.integers(0, 40).map(lambda n: n * 3000),
        max_size=40,
    ),
    st.sampled_from([BASELINE, HIGH_WITHOUT_VUI, HIGH_WITH_VUI]),
)
def test_any_timestamps(timestamps: list[int], sps: SequenceParameterSet) -> None:
    order = DecodeOrder()
    order.begin_sequence(sps)
    last_ms: int | None = None
    for timestamp in timestamps:
        time = order.next(timestamp)
        assert (time.presentation - order.shift) & TIMESTAMP_MASK == timestamp
        assert last_ms is None or time.decoding_ms >= last_ms
        last_ms = time.decoding_ms
        tag = AvcTag.parse(picture_body(AccessUnit((b"\x41",), timestamp), time.composition_ms))
        assert tag is not None
        assert tag.composition_time_ms == time.composition_ms


@settings(max_examples=5)
@given(st.lists(st.integers(1, 9), min_size=900, max_size=1000))
def test_a_clock_that_runs_backwards(seconds: list[int]) -> None:
    timestamp, order = 0, DecodeOrder()
    for step in seconds:
        timestamp = timestamp - step * 90_000 & TIMESTAMP_MASK
        assert abs(order.next(timestamp).composition_ms) <= 10_000
