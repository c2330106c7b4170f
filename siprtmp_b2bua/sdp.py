"""Reading and narrowing SDP text (RFC 4566, RFC 3264) where pjsua2 leaves the choice of codecs to us.

pjsua2 has codec priorities for the whole process only; a call's own list of codecs is made by rewriting the
m=audio line of its session descriptions. Pure functions on text: no I/O, no pjsua2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from . import sdp_text

TELEPHONE_EVENT: Final = "telephone-event"
_KEY: Final = "a=crypto:"

_STATIC_PAYLOADS: Final[dict[str, tuple[str, int]]] = {
    "0": ("PCMU", 8000),
    "3": ("GSM", 8000),
    "8": ("PCMA", 8000),
    "9": ("G722", 8000),
}
"""RFC 3551 §6: payload types that need no rtpmap."""


@dataclass(frozen=True, slots=True)
class SdpCodec:
    """A codec as an rtpmap names it: encoding name and RTP clock rate in Hz. Names compare without case."""

    name: str
    clock_rate_hz: int

    @property
    def rtp_rate_hz(self) -> int:
        """The rate of its timestamps: G.722 counts 8000 a second, whatever it is called (RFC 3551 §4.5.2)."""
        return 8000 if self.name.upper() == "G722" else self.clock_rate_hz

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SdpCodec):
            return NotImplemented
        return (self.name.lower(), self.clock_rate_hz) == (other.name.lower(), other.clock_rate_hz)

    def __hash__(self) -> int:
        return hash((self.name.lower(), self.clock_rate_hz))

    def __str__(self) -> str:
        return f"{self.name}/{self.clock_rate_hz}"


@dataclass(frozen=True, slots=True)
class AudioLine:
    """What the first accepted m=audio section of a description says."""

    port: int
    codecs: tuple[SdpCodec, ...]
    direction: str
    """`sendrecv`, `sendonly`, `recvonly` or `inactive`, seen from the description's author."""
    connection_address: str
    has_keys: bool = False
    """Whether there are keys of SRTP (RFC 4568)."""

    @property
    def holds(self) -> bool:
        """Whether the author puts its peer on hold (RFC 3264 §8.4, and the older c=0.0.0.0)."""
        return self.direction in ("sendonly", "inactive") or self.connection_address == "0.0.0.0"


def parse_audio(sdp: str) -> AudioLine | None:
    """Return the first m=audio section that is not rejected (port 0), or None.

    Unknown and malformed lines are passed over: pjsip has judged the description before we see it.
    """
    session, sections = sdp_text.split(sdp)
    for section in sections:
        fields = section[0].split()
        if len(fields) >= 4 and fields[0] == "m=audio" and sdp_text.port(fields[1]) > 0:
            return AudioLine(
                port=sdp_text.port(fields[1]),
                codecs=tuple(codec for _, codec in _codecs(section)),
                direction=sdp_text.direction(section) or sdp_text.direction(session) or "sendrecv",
                connection_address=sdp_text.connection(section) or sdp_text.connection(session) or "",
                has_keys=any(line.startswith(_KEY) for line in section),
            )
    return None


def restrict_audio(sdp: str, wanted: Sequence[SdpCodec], extra: Iterable[SdpCodec] = ()) -> str | None:
    """Return `sdp` with its m=audio section cut down to `wanted`, in that order, then what is `extra`.

    None if nothing of `wanted` is there. Attributes of the payload types left out go, too.
    """
    session, sections = sdp_text.split(sdp)
    for section in sections:
        if section[0].startswith("m=audio "):
            codecs, also = _codecs(section), set(extra)
            payload_of = {codec: payload for payload, codec in reversed(codecs)}
            chosen = [payload_of[codec] for codec in dict.fromkeys(wanted) if codec in payload_of]
            if not chosen:
                return None
            chosen += [payload for payload, codec in codecs if codec in also]
            _keep_payloads(section, chosen)
    return sdp_text.join(session, sections)


def without_optional_audio_keys(sdp: str) -> str:
    """Return `sdp` without the keys of m=audio sections that could do without: those in RTP/AVP."""
    session, sections = sdp_text.split(sdp)
    for section in sections:
        if section[0].startswith("m=audio ") and section[0].split()[2] == "RTP/AVP":
            section[:] = [line for line in section if not line.startswith(_KEY)]
    return sdp_text.join(session, sections)


def _codecs(section: list[str]) -> list[tuple[str, SdpCodec]]:
    """Payload type and codec of each format of an m= section, in its order of preference."""
    maps = dict(_STATIC_PAYLOADS)
    for payload, encoding in sdp_text.attributes(section, "rtpmap"):
        name, _, rate = encoding.partition("/")
        rate = rate.partition("/")[0]
        if rate.isdecimal() and len(rate) <= 9:
            maps[payload] = (name, int(rate))
    formats = section[0].split()[3:]
    return [(payload, SdpCodec(*maps[payload])) for payload in formats if payload in maps]


def _keep_payloads(section: list[str], payloads: list[str]) -> None:
    media, port, protocol = section[0].split()[:3]
    section[0] = " ".join([media, port, protocol, *payloads])
    section[:] = [line for line in section if _payload_of_attribute(line) in (None, *payloads)]


def _payload_of_attribute(line: str) -> str | None:
    for prefix in ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"):
        if line.startswith(prefix):
            payload = line[len(prefix) :].split(maxsplit=1)[0] if line[len(prefix) :].strip() else ""
            return None if payload == "*" else payload
    return None
