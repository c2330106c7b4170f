"""Which video formats we name in session descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media_bridge.h264.configuration import AvcConfiguration

from .video_decision import PLAIN_PROFILE
from .video_sdp import FEEDBACK, H264, X_FLV, VideoFormat

_FEEDBACK: Final = frozenset(FEEDBACK)
_PAYLOAD_TYPES: Final = (96, 98, 99)
"""Those of H.264."""
_X_FLV: Final = VideoFormat(97, X_FLV, {}, frozenset({"nack", "nack pli"}))
"""In few words, as calls without named codecs have it: a long INVITE goes in two fragments of IP."""
_MAX_SPROP: Final = 300
"""pjsip copies each line of a description; parameter sets of real encoders have some 50 characters."""


def video_formats(names: Sequence[str], published: AvcConfiguration | None) -> tuple[VideoFormat, ...]:
    """Return the formats of the codecs with these names in SDP, best first: x-flv, then H.264.

    Whoever has x-flv is a gateway like this one, and its client gets the stream as it is. Of H.264 the
    profile that the client publishes, if that is known and not the plain one, and the plain one, both as
    fragments and as single NAL units.
    """
    return (*([_X_FLV] if X_FLV in names else []), *(_h264_formats(published) if H264 in names else []))


def _h264_formats(published: AvcConfiguration | None) -> list[VideoFormat]:
    return [
        VideoFormat(payload_type, H264, parameters, _FEEDBACK)
        for payload_type, parameters in zip(_PAYLOAD_TYPES, _h264_parameters(published), strict=False)
    ]


def _h264_parameters(published: AvcConfiguration | None) -> list[dict[str, str]]:
    parameters = [_parameters(PLAIN_PROFILE, 1), _parameters(PLAIN_PROFILE, 0)]
    if published is None:
        return parameters
    own = _at_plain_level_at_least(published.sps[0][1:4].hex())
    if own[:4] != PLAIN_PROFILE[:4]:
        parameters.insert(0, _parameters(own, 1))
    sprop = published.to_sprop()
    if len(sprop) <= _MAX_SPROP:
        parameters[0]["sprop-parameter-sets"] = sprop
    return parameters


def _at_plain_level_at_least(profile_level_id: str) -> str:
    """The level is that of what we receive; a client that sends small pictures can show larger ones."""
    return profile_level_id[:4] + max(profile_level_id[4:], PLAIN_PROFILE[4:])


def _parameters(profile_level_id: str, mode: int) -> dict[str, str]:
    parameters = {"profile-level-id": profile_level_id, "level-asymmetry-allowed": "1"}
    return parameters | ({"packetization-mode": "1"} if mode else {})
