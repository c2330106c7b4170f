from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import CodecDataError
from media_bridge.h264.level import Level, level_idc_of
from media_bridge.h264.profile_level import Profile, ProfileLevel


@pytest.mark.parametrize(
    ("text", "profile", "level"),
    [
        ("42e01f", Profile.CONSTRAINED_BASELINE, "3.1"),
        ("42c01e", Profile.CONSTRAINED_BASELINE, "3"),
        ("4d8028", Profile.CONSTRAINED_BASELINE, "4"),
        ("58c00a", Profile.CONSTRAINED_BASELINE, "1"),
        ("42001f", Profile.BASELINE, "3.1"),
        ("420014", Profile.BASELINE, "2"),
        ("588014", Profile.BASELINE, "2"),
        ("4D401F", Profile.MAIN, "3.1"),
        ("580015", Profile.EXTENDED, "2.1"),
        ("640c1f", Profile.CONSTRAINED_HIGH, "3.1"),
        ("640028", Profile.HIGH, "4"),
        ("6e0029", Profile.HIGH_10, "4.1"),
        ("6e1029", Profile.HIGH_10_INTRA, "4.1"),
        ("7a0029", Profile.HIGH_422, "4.1"),
        ("7a1029", Profile.HIGH_422_INTRA, "4.1"),
        ("f40033", Profile.HIGH_444, "5.1"),
        ("f41033", Profile.HIGH_444_INTRA, "5.1"),
        ("2c103e", Profile.CAVLC_444_INTRA, "6.2"),
        ("42f00b", Profile.CONSTRAINED_BASELINE, "1b"),
        ("42e009", Profile.CONSTRAINED_BASELINE, "1b"),
        ("640009", Profile.HIGH, "1b"),
        ("6e100b", Profile.HIGH_10_INTRA, "1.1"),
        ("42e00b", Profile.CONSTRAINED_BASELINE, "1.1"),
        ("42e017", Profile.CONSTRAINED_BASELINE, "3"),  # none is called 2.3
    ],
)
def test_what_six_digits_say(text: str, profile: Profile, level: str) -> None:
    profile_level = ProfileLevel.parse(text)
    assert (profile_level.profile, profile_level.level.value) == (profile, level)
    assert str(profile_level) == text.lower()


@pytest.mark.parametrize(
    "text", ["", "42e0", "42e01f00", "42e01g", " 42e01", "42 e01", "43e01f", "42e000", "42e0ff", "４２e01f"]
)
def test_what_they_cannot_say(text: str) -> None:
    with pytest.raises(CodecDataError):
        ProfileLevel.parse(text)


@pytest.mark.parametrize(
    ("decoder", "stream", "is_accepted"),
    [
        ("42e01f", "42e01f", True),
        ("42e01f", "42e020", False),
        ("42e01f", "42e00a", True),
        ("42e01f", "42f00b", True),
        ("42e00a", "42f00b", False),  # 1b is above 1
        ("42e00b", "42f00b", True),  # and below 1.1
        ("42f00b", "42e00b", False),
        ("42001f", "42e01f", True),
        ("42e01f", "42001f", False),
        ("4d001f", "42e01f", True),
        ("4d001f", "42001f", False),
        ("4d001f", "42401f", True),
        ("64001f", "42e01f", True),
        ("64001f", "42001f", False),
        ("64001f", "4d001f", True),
        ("64001f", "640c1f", True),
        ("640c1f", "64001f", False),
        ("640c1f", "42e01f", True),
        ("640c1f", "4d001f", False),
        ("58001f", "42001f", True),
        ("58001f", "4d001f", False),
        ("58001f", "4d201f", True),
        ("7a001f", "64001f", True),
        ("7a001f", "6e101f", True),
        ("7a101f", "7a001f", False),
        ("f4001f", "2c101f", True),
    ],
)
def test_accepts(decoder: str, stream: str, is_accepted: bool) -> None:
    assert ProfileLevel.parse(decoder).accepts(ProfileLevel.parse(stream)) is is_accepted


def known(data: bytes) -> ProfileLevel | None:
    try:
        return ProfileLevel.from_bytes(data)
    except CodecDataError:
        return None


@given(st.sampled_from([66, 77, 88, 100, 110, 122, 244, 44]), st.integers(0, 255), st.integers(0, 255))
def test_a_decoder_accepts_itself(profile_idc: int, constraints: int, level_idc: int) -> None:
    profile_level = known(bytes((profile_idc, constraints, level_idc)))
    if profile_level is not None:
        assert profile_level.accepts(profile_level)
        assert profile_level.profile is not None
        assert ProfileLevel.parse(str(profile_level)) == profile_level


@given(st.text(max_size=8))
def test_any_text(text: str) -> None:
    try:
        profile_level = ProfileLevel.parse(text)
    except CodecDataError:
        return
    assert str(profile_level) == text.lower()


def test_levels_grow() -> None:
    levels = list(Level)
    assert levels == sorted(levels, key=lambda level: (level.max_mbps, level.max_br))
    for lower, higher in pairwise(levels):
        assert higher >= lower
        assert not lower >= higher
        assert higher.max_fs >= lower.max_fs
        assert higher.max_dpb_mbs >= lower.max_dpb_mbs


@pytest.mark.parametrize("level", Level)
def test_a_level_has_a_number(level: Level) -> None:
    constraints = 0x10 if level is Level.L1B else 0
    assert ProfileLevel(66, constraints, level_idc_of(level)).level is level


def test_frames_a_decoder_keeps() -> None:
    assert Level.L4.max_dpb_frames(120 * 68) == 4
    assert Level.L3_1.max_dpb_frames(80 * 45) == 5
    assert Level.L1.max_dpb_frames(1) == 16
