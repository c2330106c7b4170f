"""Whether the client's video can go to the peer as it is. Pure functions.

A level that is too high is no reason by itself: encoders write one that is far above what they send, and a
phone's decoder looks at the size of the pictures. So what counts is what is sent: macroblocks of a picture
and a second, and bits a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from media_bridge.errors import CodecDataError
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.packetizer import DEFAULT_MAX_PAYLOAD
from media_bridge.h264.profile_level import SIMPLE_PROFILE_IDCS, Profile, ProfileLevel
from media_bridge.h264.sps import SequenceParameterSet
from media_bridge.video_limits import VideoLimits
from media_bridge.video_tag import VideoCodec

from .video_agreement import VideoAgreement
from .video_sdp import H264

PLAIN_PROFILE: Final = "42e01f"
"""Constrained Baseline at level 3.1 (1280×720, 30 a second): what every phone with H.264 decodes."""
_SAYS_NOTHING: Final = "42000a"
"""Baseline at level 1, 176×144, is what a description without a profile means, and no phone means it."""
_HIGHEST_LEVEL_IDC: Final = 62
_RATE_TOLERANCE: Final = 1.1
"""Of frame rates: they jitter, and 30 may be 30.3."""
_BIT_RATE_TOLERANCE: Final = 1.25
"""Of bit rates, which vary from one second to the next."""


@dataclass(frozen=True, slots=True)
class PublishedVideo:
    """What is known of a client's video. The rates and the largest NAL unit are measured, and 0 before."""

    codec: VideoCodec
    configuration: AvcConfiguration | None = None
    largest_nal: int = 0
    frame_rate_hz: float = 0.0
    bit_rate_bps: int = 0
    withholds_key_pictures: bool = False
    """Whether it has let the peer wait for a key picture longer than is configured."""


@dataclass(frozen=True, slots=True)
class Decision:
    """To transcode for this `reason`; without one, to pass the pictures as they are."""

    reason: str = ""

    @property
    def transcodes(self) -> bool:
        """Whether to transcode."""
        return bool(self.reason)

    def __str__(self) -> str:
        return f"video is transcoded: {self.reason}" if self.reason else "video passes as it is"


def decide(video: PublishedVideo, agreement: VideoAgreement) -> Decision:
    """Decide by what the peer has said that it takes."""
    if agreement.codec != H264:
        return Decision()
    if video.codec is not VideoCodec.AVC:
        return Decision(f"codec {video.codec.value} is not {VideoCodec.AVC.value}")
    limits = limits_of(agreement)
    reason = _profile_reason(video.configuration, _peer_profile(agreement))
    reason = reason or _size_reason(video, limits) or _bit_rate_reason(video, limits)
    if not reason and limits.max_nal_bytes is not None and video.largest_nal > limits.max_nal_bytes:
        reason = f"packetization-mode 0 has no place for NAL units of {video.largest_nal} bytes"
    if not reason and video.withholds_key_pictures:
        reason = "the client makes the peer wait for key pictures"
    return Decision(reason)


def limits_of(agreement: VideoAgreement) -> VideoLimits:
    """Return what the peer takes: the bounds of its level, and beyond that what it has said."""
    peer = _peer_profile(agreement)
    beyond = dict(agreement.limits)
    level = peer.level
    unit_bps = 1000 if peer.profile_idc in SIMPLE_PROFILE_IDCS else 1250
    bit_rate_bps = max(level.max_br, beyond.get("max-br", 0)) * unit_bps
    return VideoLimits(
        profile=peer.profile,
        max_fs=max(level.max_fs, beyond.get("max-fs", 0)),
        max_mbps=max(level.max_mbps, beyond.get("max-mbps", 0)),
        max_bit_rate_bps=min(bit_rate_bps, agreement.bandwidth_bps or bit_rate_bps),
        max_nal_bytes=DEFAULT_MAX_PAYLOAD if agreement.packetization_mode == 0 else None,
    )


def _peer_profile(agreement: VideoAgreement) -> ProfileLevel:
    text = agreement.profile_level_id
    try:
        return ProfileLevel.parse(PLAIN_PROFILE if text == _SAYS_NOTHING else text)
    except CodecDataError:
        return ProfileLevel.parse(PLAIN_PROFILE)


def _profile_reason(configuration: AvcConfiguration | None, peer: ProfileLevel) -> str:
    """What Baseline has beyond Constrained Baseline no encoder uses; Flash Player does not set the flag."""
    if configuration is None:
        return ""
    try:
        stream = configuration.profile_level
    except CodecDataError as error:
        return str(error)
    at_any_level = ProfileLevel(peer.profile_idc, peer.constraints, _HIGHEST_LEVEL_IDC)
    if stream.profile is Profile.BASELINE or at_any_level.accepts(stream):
        return ""
    return f"profile {stream.profile.value} is above {peer.profile.value}"


def _size_reason(video: PublishedVideo, limits: VideoLimits) -> str:
    sps = _first_sps(video.configuration)
    if sps is None:
        return ""
    if sps.frame_mbs > limits.max_fs:
        size = f"{sps.width}x{sps.height}"
        return f"{size} is {sps.frame_mbs} macroblocks, where the peer takes {limits.max_fs}"
    if video.frame_rate_hz * sps.frame_mbs > limits.max_mbps * _RATE_TOLERANCE:
        most_hz = limits.max_mbps / sps.frame_mbs
        return f"{video.frame_rate_hz:.0f} pictures a second, where the peer takes {most_hz:.0f}"
    return ""


def _bit_rate_reason(video: PublishedVideo, limits: VideoLimits) -> str:
    if video.bit_rate_bps <= limits.max_bit_rate_bps * _BIT_RATE_TOLERANCE:
        return ""
    kbps, most_kbps = video.bit_rate_bps // 1000, limits.max_bit_rate_bps // 1000
    return f"{kbps} kbit/s, where the peer takes {most_kbps}"


def _first_sps(configuration: AvcConfiguration | None) -> SequenceParameterSet | None:
    """A damaged SPS is the peer's decoder's affair; x264 would make no good pictures of it either."""
    try:
        return None if configuration is None else configuration.first_sps()
    except CodecDataError:
        return None
