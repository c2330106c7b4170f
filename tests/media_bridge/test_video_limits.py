"""How to encode for a peer: sizes, rates, levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.h264.level import Level
from media_bridge.h264.profile_level import Profile
from media_bridge.stream_meter import StreamMeter
from media_bridge.video_limits import VideoLimits, encoder_settings, macroblocks


def limits(level: Level) -> VideoLimits:
    return VideoLimits(Profile.CONSTRAINED_BASELINE, level.max_fs, level.max_mbps, level.max_br * 1000)


@pytest.mark.parametrize(
    ("level", "size", "rate_hz", "expected"),
    [
        (Level.L3_1, (1280, 720), 30.0, (1280, 720, 30.0, "3.1")),
        (Level.L3_1, (1280, 720), 60.0, (1280, 720, 30.0, "3.1")),
        (Level.L3_1, (640, 480), 60.0, (640, 480, 60.0, "3.1")),
        (Level.L3, (1280, 720), 25.0, (856, 480, 25.0, "3")),
        (Level.L1_3, (640, 480), 30.0, (364, 272, 30.0, "1.3")),
        (Level.L1_1, (352, 288), 30.0, (240, 196, 15.38, "1.1")),
        (Level.L3_1, (321, 241), 10.0, (320, 240, 10.0, "1.1")),
    ],
)
def test_pictures_keep_their_shape(
    level: Level, size: tuple[int, int], rate_hz: float, expected: tuple[int, int, float, str]
) -> None:
    settings = encoder_settings(limits(level), *size, rate_hz)
    found = settings.width, settings.height, round(settings.frame_rate_hz, 2), settings.level.value
    assert found == expected


@given(
    st.sampled_from(list(Level)),
    st.integers(1, 8192),
    st.integers(1, 8192),
    st.floats(0.1, 240.0),
    st.integers(1, 200_000_000),
)
def test_settings_keep_to_the_limits(level: Level, width: int, height: int, rate_hz: float, bps: int) -> None:
    bounds = VideoLimits(Profile.CONSTRAINED_BASELINE, level.max_fs, level.max_mbps, bps)
    settings = encoder_settings(bounds, width, height, rate_hz)
    frame_mbs = macroblocks(settings.width, settings.height)
    assert settings.width % 2 == settings.height % 2 == 0
    assert frame_mbs <= level.max_fs
    assert max(settings.width, settings.height) <= level.max_frame_side * 16
    assert frame_mbs * settings.frame_rate_hz <= level.max_mbps * 1.0001
    assert settings.bit_rate_bps <= bps


def test_a_stream_is_measured_over_its_own_time_even_where_that_wraps() -> None:
    meter, begin_ms = StreamMeter(), (1 << 32) - 1000
    ended = [meter.push((begin_ms + 40 * number) % (1 << 32), 1000) for number in range(60)]
    assert ended.count(True) == 1
    assert (meter.frame_rate_hz, meter.bit_rate_bps) == (25.0, 200_000)
