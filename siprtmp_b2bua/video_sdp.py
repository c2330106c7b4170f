"""The m=video section of a session description: reading the peer's, writing ours.

H.264 (RFC 6184 §8), x-flv between two gateways like this, feedback (RFC 4585, RFC 5104), rtcp-mux (RFC 5761),
SDES keys (RFC 4568, interpreted in `sdes`). Pure functions on text: no I/O, no pjsua2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from . import sdp_text

H264: Final = "H264"
X_FLV: Final = "x-flv"
CLOCK_RATE_HZ: Final = 90000
FEEDBACK: Final = ("nack", "nack pli", "ccm fir")
"""The values of a=rtcp-fb that we understand: retransmissions, and two ways to ask for a key picture."""

_PROTOCOLS: Final = ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")
_NAMES: Final = {name.lower(): name for name in (H264, X_FLV)}
_PROFILE_LEVEL: Final = re.compile(r"[0-9a-fA-F]{6}\Z")
_INFERRED_PROFILE_LEVEL: Final = "42000a"
"""RFC 6184 §8.1: Baseline at level 1, where nothing is said."""
_HEADER_FACTOR: Final = 1.04
"""What IP, UDP and RTP add to packets of 1200 bytes; AS counts them, TIAS does not (RFC 3890 §6.2)."""
_SILENT_MEDIUM_BPS: Final = 77_000
"""Of media that say nothing of theirs, without `_HEADER_FACTOR`: as G.711, with headers 80 kbit/s."""
_MAX_NUMBER: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """One payload type: what it means, and what its author says about it."""

    payload_type: int
    name: str
    """`H264` or `x-flv`."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of a=fmtp, with names in lower case."""
    feedback: frozenset[str] = frozenset()
    """Which of `FEEDBACK` its author takes."""

    @property
    def packetization_mode(self) -> int:
        """0: single NAL units only; 1: fragments and aggregates too; 2, interleaved, is for nobody here."""
        return self.number("packetization-mode") or 0

    @property
    def profile_level_id(self) -> str:
        """Profile, constraints and level as six lower-case hex digits."""
        value = self.parameters.get("profile-level-id", "")
        return value.lower() if _PROFILE_LEVEL.match(value) else _INFERRED_PROFILE_LEVEL

    @property
    def allows_level_asymmetry(self) -> bool:
        """Whether each side may receive at a level of its own."""
        return self.number("level-asymmetry-allowed") == 1

    @property
    def sprop_parameter_sets(self) -> str:
        """The parameter sets of what its author sends, Base64 with commas between them; "" if not given."""
        return self.parameters.get("sprop-parameter-sets", "")

    def number(self, name: str) -> int | None:
        """Return a numeric parameter, None if it is missing or no sensible number."""
        value = self.parameters.get(name, "")
        if not (value.isascii() and value.isdecimal() and len(value) <= 10):
            return None
        return int(value) if int(value) < _MAX_NUMBER else None

    def lines(self) -> list[str]:
        """Return its attributes."""
        lines = [f"a=rtpmap:{self.payload_type} {self.name}/{CLOCK_RATE_HZ}"]
        if self.parameters:
            pairs = ";".join(f"{name}={value}" for name, value in self.parameters.items())
            lines.append(f"a=fmtp:{self.payload_type} {pairs}")
        return lines + [f"a=rtcp-fb:{self.payload_type} {each}" for each in FEEDBACK if each in self.feedback]


@dataclass(frozen=True, slots=True)
class VideoLine:
    """An m=video section that is not rejected."""

    port: int
    formats: tuple[VideoFormat, ...]
    """Those that we know, in its author's order of preference."""
    index: int = -1
    """Its place among the m= sections; -1 for one of ours."""
    address: str = ""
    """IPv4; empty if it is a name or of another kind."""
    protocol: str = "RTP/AVP"
    direction: str = "sendrecv"
    """Seen from its author; `inactive` also where the address is 0.0.0.0."""
    rtcp_port: int = 0
    """0: the port after the RTP port."""
    rtcp_mux: bool = False
    bandwidth_bps: int | None = None
    """The most that its author wants to receive."""
    crypto: tuple[str, ...] = field(default=(), repr=False)
    """What follows `a=crypto:`, one for each key offered."""

    @property
    def is_secure(self) -> bool:
        """Whether it is SRTP."""
        return self.protocol in ("RTP/SAVP", "RTP/SAVPF")

    def lines(self) -> list[str]:
        """Return the section."""
        payload_types = " ".join(str(each.payload_type) for each in self.formats)
        lines = [f"m=video {self.port} {self.protocol} {payload_types}", f"c=IN IP4 {self.address}"]
        if self.bandwidth_bps is not None:
            with_headers_kbps = self.bandwidth_bps * _HEADER_FACTOR // 1000
            lines += [f"b=AS:{with_headers_kbps:.0f}", f"b=TIAS:{self.bandwidth_bps}"]
        lines += [f"a=crypto:{each}" for each in self.crypto]
        for each in self.formats:
            lines += each.lines()
        if self.rtcp_port:
            lines.append(f"a=rtcp:{self.rtcp_port}")
        if self.rtcp_mux:
            lines.append("a=rtcp-mux")
        return [*lines, f"a={self.direction}"]


def parse_video(sdp: str) -> VideoLine | None:
    """Return the first m=video section that is not rejected, in a protocol and with a format that we know.

    Unknown and malformed lines are passed over: pjsip has judged the description before we see it.
    """
    session, sections = sdp_text.split(sdp)
    for index, section in enumerate(sections):
        fields = section[0].split()
        if len(fields) < 4 or fields[0] != "m=video" or fields[2].upper() not in _PROTOCOLS:
            continue
        port = sdp_text.port(fields[1])
        formats = _formats(section, fields[3:])
        if not port or not formats:
            continue
        address = _ip_address(sdp_text.connection(section) or sdp_text.connection(session) or "")
        direction = sdp_text.direction(section) or sdp_text.direction(session) or "sendrecv"
        return VideoLine(
            port=port,
            formats=formats,
            index=index,
            address=address,
            protocol=fields[2].upper(),
            direction="inactive" if address == "0.0.0.0" else direction,
            rtcp_port=_rtcp_port(section),
            rtcp_mux="a=rtcp-mux" in section,
            bandwidth_bps=_bandwidth(session, sections, index),
            crypto=tuple(f"{tag} {rest}" for tag, rest in sdp_text.attributes(section, "crypto")),
        )
    return None


def put_video(sdp: str, line: VideoLine | None, index: int | None = None) -> str:
    """Put our video into a description that pjsip has made; None rejects it.

    It takes the place of the section with this `index`, or else of the first m=video, or else of the second
    m=audio, which stands there for it. Without any of these the description stays as it is.
    """
    session, sections = sdp_text.split(sdp)
    index = _place(sections) if index is None else index
    if index is None or index >= len(sections):
        return sdp
    section = sections[index]
    if line is not None:
        sections[index] = line.lines()
    else:
        formats = section[0].split()[3:] if section[0].startswith("m=video ") else ["96"]
        # with an address all the same: pjsip wants one
        sections[index] = [f"m=video 0 RTP/AVP {' '.join(formats)}", f"c=IN IP4 {local_address(sdp)}"]
    return sdp_text.join(session, sections)


def has_place_for_video(sdp: str) -> bool:
    """Whether `put_video` finds a section to replace."""
    return _place(sdp_text.split(sdp)[1]) is not None


def local_address(sdp: str) -> str:
    """Return the address that a description of ours names for its media."""
    session, sections = sdp_text.split(sdp)
    own = next((found for each in sections if (found := sdp_text.connection(each))), None)
    return own or sdp_text.connection(session) or ""


def audio_direction(sdp: str) -> str:
    """Return the direction of a description's first audio: on hold it is that of the video, too."""
    session, sections = sdp_text.split(sdp)
    audio = next((each for each in sections if each[0].startswith("m=audio ")), [])
    return sdp_text.direction(audio) or sdp_text.direction(session) or "sendrecv"


def _place(sections: list[list[str]]) -> int | None:
    kinds = [section[0].partition(" ")[0] for section in sections]
    if "m=video" in kinds:
        return kinds.index("m=video")
    audio = [index for index, kind in enumerate(kinds) if kind == "m=audio"]
    return audio[1] if len(audio) > 1 else None


def _formats(section: list[str], payload_types: Iterable[str]) -> tuple[VideoFormat, ...]:
    encodings = dict(sdp_text.attributes(section, "rtpmap"))
    parameters = dict(sdp_text.attributes(section, "fmtp"))
    formats = []
    for payload_type in payload_types:
        name, _, rate = encodings.get(payload_type, "").partition("/")
        known = _NAMES.get(name.lower())
        number = int(payload_type) if payload_type.isdecimal() and len(payload_type) <= 3 else 128
        if known is None or rate != str(CLOCK_RATE_HZ) or number > 127:
            continue
        feedback = frozenset(
            value.lower()
            for target, value in sdp_text.attributes(section, "rtcp-fb")
            if target in (payload_type, "*") and value.lower() in FEEDBACK
        )
        formats.append(VideoFormat(number, known, _parameters(parameters.get(payload_type, "")), feedback))
    return tuple(formats)


def _parameters(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _ip_address(text: str) -> str:
    """Return an IPv4 address, or "" for anything else: nothing is looked up while a call is set up."""
    try:
        return str(IPv4Address(text))
    except ValueError:
        return ""


def _rtcp_port(section: list[str]) -> int:
    return next((sdp_text.port(number) for number, _ in sdp_text.attributes(section, "rtcp")), 0)


def _bandwidth(session: list[str], sections: list[list[str]], index: int) -> int | None:
    """Return what a section's media may have in bit/s, without headers; None if nothing is said.

    Where only the session says something, that is for all its media together (RFC 4566 §5.8). What the others
    leave may be little, as nobody knows what they really take, so half of it is for this one at least.
    """
    own, total = _stated_bandwidth(sections[index]), _stated_bandwidth(session)
    if own is not None or total is None:
        return own
    others = [section for at, section in enumerate(sections) if at != index and _is_used(section)]
    taken = sum(_stated_bandwidth(each) or _SILENT_MEDIUM_BPS for each in others)
    return max(total - taken, total // 2)


def _is_used(section: list[str]) -> bool:
    fields = section[0].split()
    return len(fields) > 1 and sdp_text.port(fields[1]) > 0


def _stated_bandwidth(lines: list[str]) -> int | None:
    """TIAS (RFC 3890), or else AS without the headers that it counts, too."""
    found: dict[str, int] = {}
    for line in lines:
        kind, _, value = line.partition(":")
        if kind in ("b=TIAS", "b=AS") and value.isascii() and value.isdecimal() and len(value) <= 10:
            found[kind] = int(value) if kind == "b=TIAS" else round(int(value) * 1000 / _HEADER_FACTOR)
    return found.get("b=TIAS", found.get("b=AS"))
