"""What both sides of a call agree on for video (RFC 3264, RFC 6184 §8.2.2). Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from . import sdes
from .sdes import SrtpKeys
from .video_sdp import FEEDBACK, H264, X_FLV, VideoFormat, VideoLine

_INTERLEAVED: Final = 2
_OPPOSITE: Final = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_MAX_PORT: Final = 65535
_LIMITS: Final = ("max-fs", "max-mbps", "max-br")

Choose = Callable[[tuple[VideoFormat, ...]], VideoFormat]
"""Picks the format to answer with, of one or more that were offered and are possible."""


@dataclass(frozen=True, slots=True)
class VideoAgreement:
    """How video travels; what is `received` and `sent` is seen from us."""

    codec: str
    """`H264` or `x-flv`."""
    address: str
    port: int
    rtcp_port: int
    """The same as `port` with rtcp-mux."""
    payload_type: int
    """Of what we send."""
    format: VideoFormat
    """As our section names it, for offers to come: a payload type keeps its meaning (RFC 3264 §8.3.2)."""
    received_payload_types: frozenset[int]
    """All that either side has named for the codec: some phones send another than the one answered with."""
    sends: bool
    receives: bool
    packetization_mode: int = 1
    profile_level_id: str = ""
    """What the peer can decode."""
    sprop_parameter_sets: str = ""
    """The parameter sets of what the peer sends, if it said."""
    limits: tuple[tuple[str, int], ...] = ()
    """What the peer can decode beyond its level: max-fs, max-mbps, max-br (RFC 6184 §8.1)."""
    bandwidth_bps: int | None = None
    """The most that the peer wants to receive."""
    feedback: frozenset[str] = frozenset()
    """Which RTCP messages the peer acts on, of `FEEDBACK`."""
    rtcp_mux: bool = False
    srtp: SrtpKeys | None = None
    """None: it is not encrypted."""
    protocol: str = "RTP/AVP"
    """As the peer's section names it."""


def opposite(direction: str) -> str:
    """Return a direction as the other side sees it."""
    return _OPPOSITE[direction]


def narrower(direction: str, other: str) -> str:
    """Return the direction in which only flows what both allow."""
    sends = direction in ("sendrecv", "sendonly") and other in ("sendrecv", "sendonly")
    receives = direction in ("sendrecv", "recvonly") and other in ("sendrecv", "recvonly")
    return ("inactive", "recvonly", "sendonly", "sendrecv")[sends * 2 + receives]


def best_offered(formats: tuple[VideoFormat, ...]) -> VideoFormat:
    """Choose x-flv, else the first that may be fragmented, as key pictures do not fit one packet."""
    x_flv = next((each for each in formats if each.name == X_FLV), None)
    return x_flv or next((each for each in formats if each.packetization_mode == 1), formats[0])


def answer_video(
    offer: VideoLine,
    ours: VideoLine,
    choose: Choose = best_offered,
    keys: SrtpKeys | None = None,
) -> tuple[VideoLine, VideoAgreement] | None:
    """Answer an offer; `ours` says where we receive, in which direction, and which codecs we have at all.

    The answer has one format, with the offer's payload type and profile (RFC 6184 §8.2.2). With `keys` it is
    encrypted. None if nothing of the offer is possible, as RTP/SAVP is not without keys: the section is to be
    rejected then, and the audio goes on.
    """
    names = {each.name for each in ours.formats}
    possible = tuple(
        each for each in offer.formats if each.name in names and each.packetization_mode != _INTERLEAVED
    )
    if not possible or not offer.address or (offer.is_secure and keys is None):
        return None
    chosen = choose(possible)
    own = next(each for each in ours.formats if each.name == chosen.name)
    direction = narrower(ours.direction, opposite(offer.direction))
    answered = replace(
        ours,
        protocol=offer.protocol,
        formats=(_answered_format(chosen, own),),
        crypto=() if keys is None else (keys.ours.serialize(),),
        direction=direction,
        rtcp_mux=ours.rtcp_mux and offer.rtcp_mux,
        rtcp_port=0 if ours.rtcp_mux and offer.rtcp_mux else ours.rtcp_port,
    )
    return answered, _agreement(offer, chosen, answered, answered.formats[0], keys)


def accept_answer(ours: VideoLine, answer: VideoLine | None) -> VideoAgreement | None:
    """Return what an answer to our offer `ours` makes of it; None if video was rejected or nothing fits."""
    if answer is None or answer.is_secure != ours.is_secure or not answer.address:
        return None
    keys = sdes.hear_answer(ours.crypto, answer.crypto)
    if keys is None and ours.is_secure:
        return None
    offered = {(each.name, each.packetization_mode): each for each in reversed(ours.formats)}
    for each in answer.formats:
        own = offered.get((each.name, each.packetization_mode))
        if own is not None:
            direction = narrower(ours.direction, opposite(answer.direction))
            return _agreement(answer, each, replace(ours, direction=direction), own, keys)
    return None


def _answered_format(offered: VideoFormat, own: VideoFormat) -> VideoFormat:
    feedback = offered.feedback & own.feedback
    if offered.name != H264:
        return VideoFormat(offered.payload_type, offered.name, {}, feedback)
    parameters = {
        "profile-level-id": offered.profile_level_id,
        "packetization-mode": str(offered.packetization_mode),
    }
    if offered.allows_level_asymmetry:
        parameters["level-asymmetry-allowed"] = "1"
    if own.sprop_parameter_sets and own.profile_level_id[:4] == offered.profile_level_id[:4]:
        parameters["sprop-parameter-sets"] = own.sprop_parameter_sets
    return VideoFormat(offered.payload_type, H264, parameters, feedback)


def _agreement(
    theirs: VideoLine, chosen: VideoFormat, ours: VideoLine, own: VideoFormat, keys: SrtpKeys | None
) -> VideoAgreement:
    mux = ours.rtcp_mux and theirs.rtcp_mux
    limits = ((name, chosen.number(name)) for name in _LIMITS)
    return VideoAgreement(
        codec=chosen.name,
        address=theirs.address,
        port=theirs.port,
        rtcp_port=theirs.port if mux else theirs.rtcp_port or min(theirs.port + 1, _MAX_PORT),
        payload_type=chosen.payload_type,
        format=own,
        received_payload_types=frozenset(
            each.payload_type for each in (*ours.formats, *theirs.formats) if each.name == chosen.name
        ),
        sends=ours.direction in ("sendrecv", "sendonly"),
        receives=ours.direction in ("sendrecv", "recvonly"),
        packetization_mode=chosen.packetization_mode,
        profile_level_id=chosen.profile_level_id if chosen.name == H264 else "",
        sprop_parameter_sets=chosen.sprop_parameter_sets,
        limits=tuple((name, value) for name, value in limits if value is not None),
        bandwidth_bps=theirs.bandwidth_bps,
        feedback=chosen.feedback & frozenset(FEEDBACK),
        rtcp_mux=mux,
        srtp=keys,
        protocol=theirs.protocol,
    )
