"""Transcoding with real encoders and decoders: the same pictures, in the peer's bounds, at the same times."""

import time
from itertools import pairwise

import pytest

from media_bridge.errors import CodecDataError
from media_bridge.h264.profile_level import Profile
from media_bridge.video_limits import VideoLimits, macroblocks
from media_bridge.video_tag import VideoTag
from media_bridge.video_transcoding import TranscodedPicture, TranscodingChain
from tests.media_bridge.video_samples import Sample, decode, is_picture, make_sample, psnr_db

PLAIN = VideoLimits(Profile.CONSTRAINED_BASELINE, 3600, 108_000, 14_000_000)
B_FRAMES = {"profile": "high", "preset": "veryfast", "bf": "3", "b-adapt": "0"}
SORENSON = make_sample("flv")


def transcode(chain: TranscodingChain, tags: list[tuple[int, bytes]]) -> list[TranscodedPicture]:
    return [out for time_ms, body in tags for out in chain.push(time_ms, VideoTag.parse(body))]


def assert_same_pictures(sample: Sample, out: list[TranscodedPicture], *, missing: int = 0) -> None:
    """`missing`: how many the decoder may still hold."""
    shown = decode(out)
    assert list(shown) == sorted(shown)
    assert len(shown) >= len(sample.pictures) - missing
    for time_ms, picture in shown.items():
        nearest_ms = min(sample.pictures, key=lambda each: abs(each - time_ms))
        assert abs(nearest_ms - time_ms) <= 1
        assert psnr_db(sample.pictures[nearest_ms], picture) > 25


@pytest.mark.parametrize(
    ("encoder", "options", "pixels", "missing"),
    [
        ("flv", {}, "yuv420p", 0),
        ("flashsv", {}, "bgr24", 0),
        ("flashsv2", {}, "bgr24", 0),
        ("libx264", B_FRAMES, "yuv420p", 4),
        ("libx264", {"profile": "high422", "preset": "ultrafast", "tune": "zerolatency"}, "yuv422p", 0),
        ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}, "yuv420p", 6),
        ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}, "yuv420p", 0),
        ("libsvtav1", {"preset": "12"}, "yuv420p", 2),
    ],
    ids=["sorenson", "screen", "screen 2", "b-frames", "4:2:2", "h265", "vp9", "av1"],
)
def test_pictures_and_their_times_stay(
    encoder: str, options: dict[str, str], pixels: str, missing: int
) -> None:
    sample = make_sample(encoder, options=options, pixels=pixels)
    chain = TranscodingChain(PLAIN)
    out = transcode(chain, sample.tags)
    assert_same_pictures(sample, out, missing=missing)
    assert out[0].configuration.profile_level.profile is Profile.CONSTRAINED_BASELINE
    assert chain.counters.errors == chain.counters.without_key == 0


@pytest.mark.parametrize("profile", [Profile.MAIN, Profile.HIGH, Profile.CONSTRAINED_HIGH, Profile.BASELINE])
def test_the_profile_is_none_above_the_peers(profile: Profile) -> None:
    out = transcode(TranscodingChain(VideoLimits(profile, 3600, 108_000, 14_000_000)), SORENSON.tags[:3])
    plain = Profile.CONSTRAINED_BASELINE
    expected = profile if profile in (Profile.MAIN, Profile.HIGH) else plain
    assert out[0].configuration.profile_level.profile is expected


def test_bounds_of_size_rate_bits_and_nal_units() -> None:
    sample = make_sample("libx264", width=640, height=480, rate=30, frames=180, options=B_FRAMES)
    limits = VideoLimits(Profile.CONSTRAINED_BASELINE, 396, 5940, 100_000, 1200)
    chain = TranscodingChain(limits)
    out = transcode(chain, sample.tags)
    sps = out[0].configuration.first_sps()
    assert (sps.width, sps.height) == (364, 272)
    assert macroblocks(sps.width, sps.height) <= 396
    assert max(len(nal) for each in out for nal in each.access_unit.nal_units) <= 1200
    times_ms = [each.access_unit.timestamp // 90 for each in out]
    seconds = (times_ms[-1] - times_ms[0]) / 1000
    assert len(out) / seconds == pytest.approx(5940 / 391, rel=0.05)
    bits = sum(len(nal) * 8 for each in out for nal in each.access_unit.nal_units)
    assert bits / seconds < 100_000
    assert_same_pictures(sample, out, missing=len(sample.pictures))
    assert chain.counters.too_many == chain.counters.decoded - len(out)


def test_key_pictures_come_on_demand_and_every_five_seconds() -> None:
    sample = make_sample("flv", frames=160, width=64, height=48)
    chain = TranscodingChain(PLAIN, 25.0)
    out = transcode(chain, sample.tags[:20])
    chain.force_key_picture()
    out += transcode(chain, sample.tags[20:])
    assert [number for number, each in enumerate(out) if each.access_unit.is_key] == [0, 20, 145]


def test_damage_is_counted_and_the_next_key_picture_goes_on() -> None:
    chain = TranscodingChain(PLAIN)
    out = transcode(chain, SORENSON.tags[:5])
    with pytest.raises(CodecDataError):
        chain.push(200, VideoTag.parse(b"\x22\xff\xff\xff"))
    assert chain.needs_key_picture
    assert transcode(chain, SORENSON.tags[6:25]) == []
    out += transcode(chain, SORENSON.tags[25:])
    assert (chain.counters.errors, chain.counters.without_key) == (1, 19)
    assert_same_pictures(SORENSON, out, missing=20)


def test_pictures_before_a_configuration_are_errors() -> None:
    sample = make_sample("libx264", options=B_FRAMES, frames=5)
    chain = TranscodingChain(PLAIN)
    with pytest.raises(CodecDataError):
        transcode(chain, [tag for tag in sample.tags if is_picture(tag[1])])


def test_pictures_that_are_only_decoded_leave_the_rest_whole() -> None:
    chain, out = TranscodingChain(PLAIN), []
    for number, (time_ms, body) in enumerate(SORENSON.tags):
        out += chain.push(time_ms, VideoTag.parse(body), encodes=number % 3 == 0)
    assert chain.counters.too_late == 50 - len(out) > 30
    assert_same_pictures(SORENSON, out, missing=chain.counters.too_late)


def test_another_codec_and_another_size_begin_with_a_key_picture() -> None:
    chain = TranscodingChain(PLAIN)
    out = transcode(chain, SORENSON.tags[:10])
    later = make_sample("libx264", width=160, height=128, options=B_FRAMES)
    out += transcode(chain, [(time_ms + 400, body) for time_ms, body in later.tags])
    sizes = [each.configuration.first_sps().width for each in out if each.access_unit.is_key]
    assert sizes[0] == 320
    assert set(sizes[1:]) == {160}
    assert list(decode(out)) == sorted(decode(out))


def test_the_encoder_learns_the_frame_rate() -> None:
    sample = make_sample("flv", frames=60, rate=10, width=64, height=48)
    chain = TranscodingChain(PLAIN)
    out = transcode(chain, sample.tags)
    assert len(out) == 60
    assert chain.settings is not None
    assert chain.settings.frame_rate_hz == pytest.approx(10, rel=0.05)


def test_times_may_wrap() -> None:
    begin_ms = (1 << 32) - 1000
    chain = TranscodingChain(PLAIN, 25.0)
    out = transcode(chain, [((begin_ms + time_ms) % (1 << 32), body) for time_ms, body in SORENSON.tags])
    assert len(out) == 50
    steps = [
        (later.access_unit.timestamp - earlier.access_unit.timestamp) % (1 << 32)
        for earlier, later in pairwise(out)
    ]
    assert set(steps) == {40 * 90}


def test_a_picture_that_claims_to_be_huge_takes_no_memory() -> None:
    # A Sorenson picture header of 16000x16000 (custom size of 16 bits each).
    bits = f"{1:017b}{1:05b}{0:08b}{1:03b}{16000:016b}{16000:016b}{0:02b}0{10:05b}0".ljust(160, "1")
    body = b"\x12" + int(bits, 2).to_bytes(20, "big")
    begin_s = time.monotonic()
    with pytest.raises(CodecDataError):
        TranscodingChain(PLAIN).push(0, VideoTag.parse(body))
    assert time.monotonic() - begin_s < 1
