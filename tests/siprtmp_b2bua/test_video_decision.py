"""Whether video passes, and why not."""

from dataclasses import replace
from functools import cache

import pytest

from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.profile_level import Profile
from media_bridge.video_limits import VideoLimits
from media_bridge.video_tag import VideoCodec
from siprtmp_b2bua.video_agreement import VideoAgreement
from siprtmp_b2bua.video_decision import PublishedVideo, decide, limits_of
from siprtmp_b2bua.video_sdp import H264, X_FLV, VideoFormat
from tests.interop.video_clip import BASELINE, HIGH, make_clip

PEER = VideoAgreement(
    codec=H264,
    address="192.0.2.9",
    port=5004,
    rtcp_port=5005,
    payload_type=96,
    format=VideoFormat(96, H264),
    received_payload_types=frozenset({96}),
    sends=True,
    receives=True,
    profile_level_id="42e01f",
)


@cache
def video(profile: str = "baseline", width: int = 320, height: int = 240) -> PublishedVideo:
    options = BASELINE if profile == "baseline" else HIGH
    clip = make_clip(1, width=width, height=height, options=options | {"profile": profile})
    return PublishedVideo(VideoCodec.AVC, clip.configuration)


def with_profile_level(video: PublishedVideo, profile_level_id: str) -> PublishedVideo:
    """Another claim in the SPS; the rest of it stays."""
    assert video.configuration is not None
    sps = video.configuration.sps[0]
    claimed = sps[:1] + bytes.fromhex(profile_level_id) + sps[4:]
    return replace(video, configuration=AvcConfiguration((claimed,), video.configuration.pps))


@pytest.mark.parametrize(
    ("published", "peer", "reason"),
    [
        (video(), PEER, ""),
        (video(), replace(PEER, profile_level_id="42001f"), ""),
        (video(), replace(PEER, profile_level_id="640028"), ""),
        (video("high"), replace(PEER, profile_level_id="640028"), ""),
        (video("high"), replace(PEER, profile_level_id="64000d"), ""),
        (video("high"), PEER, "profile High is above Constrained Baseline"),
        (video("high"), replace(PEER, profile_level_id="4d401f"), "profile High is above Main"),
        (video("main"), replace(PEER, profile_level_id="4d401f"), ""),
        (video("main"), PEER, "profile Main is above Constrained Baseline"),
        # a level by itself
        (with_profile_level(video(), "42c033"), PEER, ""),
        (with_profile_level(video(), "420033"), PEER, ""),  # Flash Player's Baseline
        (with_profile_level(video(), "ff001f"), PEER, "unknown H.264 profile 255"),
        # sizes
        (video(width=1280, height=720), PEER, ""),
        (
            video(width=1280, height=720),
            replace(PEER, profile_level_id="42e00d"),
            "1280x720 is 3600 macroblocks, where the peer takes 396",
        ),
        (
            video(width=1280, height=720),
            replace(PEER, profile_level_id="42e00d", limits=(("max-fs", 3600), ("max-mbps", 108000))),
            "",
        ),
        (
            replace(video(width=640, height=480), frame_rate_hz=15.0),
            replace(PEER, profile_level_id="42e00d", limits=(("max-fs", 1200),)),
            "15 pictures a second, where the peer takes 10",
        ),
        (replace(video(width=1280, height=720), frame_rate_hz=30.3), PEER, ""),
        # bit rates
        (
            replace(video(), bit_rate_bps=800_000),
            replace(PEER, bandwidth_bps=512_000),
            "800 kbit/s, where the peer takes 512",
        ),
        (replace(video(), bit_rate_bps=600_000), replace(PEER, bandwidth_bps=512_000), ""),
        (
            replace(video(), bit_rate_bps=1_500_000),
            replace(PEER, profile_level_id="42e00d"),
            "1500 kbit/s, where the peer takes 768",
        ),
        (
            replace(video(), bit_rate_bps=1_500_000),
            replace(PEER, profile_level_id="42e00d", limits=(("max-br", 1500),)),
            "",
        ),
        # NAL units
        (replace(video(), largest_nal=1201), PEER, ""),
        (replace(video(), largest_nal=1200), replace(PEER, packetization_mode=0), ""),
        (
            replace(video(), largest_nal=1201),
            replace(PEER, packetization_mode=0),
            "packetization-mode 0 has no place for NAL units of 1201 bytes",
        ),
        # what says nothing
        (video(), replace(PEER, profile_level_id="42000a"), ""),
        (
            video("high"),
            replace(PEER, profile_level_id="42000a"),
            "profile High is above Constrained Baseline",
        ),
        (video(), replace(PEER, profile_level_id="ffffff"), ""),
        (PublishedVideo(VideoCodec.AVC), PEER, ""),
        # other codecs
        (PublishedVideo(VideoCodec.SORENSON_H263), PEER, "codec Sorenson H.263 is not H.264"),
        (PublishedVideo(VideoCodec.HEVC), PEER, "codec H.265 is not H.264"),
        (PublishedVideo(VideoCodec.VP6), replace(PEER, codec=X_FLV), ""),
        (
            replace(video(), withholds_key_pictures=True),
            PEER,
            "the client makes the peer wait for key pictures",
        ),
    ],
)
def test_decisions(published: PublishedVideo, peer: VideoAgreement, reason: str) -> None:
    decision = decide(published, peer)
    assert decision.reason == reason
    assert decision.transcodes is bool(reason)
    assert str(decision) == (f"video is transcoded: {reason}" if reason else "video passes as it is")


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (PEER, VideoLimits(Profile.CONSTRAINED_BASELINE, 3600, 108_000, 14_000_000)),
        (
            replace(PEER, packetization_mode=0, bandwidth_bps=300_000),
            VideoLimits(Profile.CONSTRAINED_BASELINE, 3600, 108_000, 300_000, 1200),
        ),
        (
            replace(PEER, limits=(("max-fs", 99), ("max-mbps", 200_000), ("max-br", 15_000))),
            VideoLimits(Profile.CONSTRAINED_BASELINE, 3600, 200_000, 15_000_000),
        ),
        (replace(PEER, profile_level_id="4d400d"), VideoLimits(Profile.MAIN, 396, 11_880, 768_000)),
        (replace(PEER, profile_level_id="64000d"), VideoLimits(Profile.HIGH, 396, 11_880, 960_000)),
        (
            replace(PEER, profile_level_id=""),
            VideoLimits(Profile.CONSTRAINED_BASELINE, 3600, 108_000, 14_000_000),
        ),
    ],
)
def test_limits_of_a_peer(peer: VideoAgreement, expected: VideoLimits) -> None:
    assert limits_of(peer) == expected
