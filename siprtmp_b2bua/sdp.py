"""Reading and narrowing SDP text (RFC 4566, RFC 3264) where pjsua2 leaves the choice of codecs to us.

pjsua2 has codec priorities for the whole process only; a call's own list of codecs is made by rewriting the
m=audio line of its session descriptions. Pure functions on text: no I/O, no pjsua2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

TELEPHONE_EVENT: Final = "telephone-event"

_STATIC_PAYLOADS: Final[dict[str, tuple[str, int]]] = {
    "0": ("PCMU", 8000),
    "3": ("GSM", 8000),
    "8": ("PCMA", 8000),
    "9": ("G722", 8000),
}
"""RFC 3551 §6: payload types that need no rtpmap."""

_DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class SdpCodec:
    """A codec as an rtpmap names it: encoding name and RTP clock rate in Hz. Names compare without case."""

    name: str
    clock_rate_hz: int

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

    @property
    def holds(self) -> bool:
        """Whether the author puts its peer on hold (RFC 3264 §8.4, and the older c=0.0.0.0)."""
        return self.direction in ("sendonly", "inactive") or self.connection_address == "0.0.0.0"


def parse_audio(sdp: str) -> AudioLine | None:
    """Return the first m=audio section that is not rejected (port 0), or None.

    Unknown and malformed lines are passed over: pjsip has judged the description before we see it.
    """
    session, sections = _split(sdp)
    for section in sections:
        fields = section[0].split()
        if len(fields) >= 4 and fields[0] == "m=audio" and _port(fields[1]) > 0:
            return AudioLine(
                port=_port(fields[1]),
                codecs=tuple(codec for _, codec in _codecs(section)),
                direction=_direction(section) or _direction(session) or "sendrecv",
                connection_address=_connection(section) or _connection(session) or "",
            )
    return None


def restrict_audio(sdp: str, wanted: Sequence[SdpCodec], extra: Iterable[SdpCodec] = ()) -> str | None:
    """Return `sdp` with its m=audio section cut down to `wanted`, in that order, then what is `extra`.

    None if nothing of `wanted` is there. Attributes of the payload types left out go, too.
    """
    session, sections = _split(sdp)
    for section in sections:
        if section[0].startswith("m=audio "):
            codecs, also = _codecs(section), set(extra)
            payload_of = {codec: payload for payload, codec in reversed(codecs)}
            chosen = [payload_of[codec] for codec in dict.fromkeys(wanted) if codec in payload_of]
            if not chosen:
                return None
            chosen += [payload for payload, codec in codecs if codec in also]
            _keep_payloads(section, chosen)
    return "\r\n".join([*session, *(line for section in sections for line in section)]) + "\r\n"


def _split(sdp: str) -> tuple[list[str], list[list[str]]]:
    """Split into the session section and one list of lines a media section."""
    session: list[str] = []
    sections: list[list[str]] = []
    for line in sdp.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if line.startswith("m="):
            sections.append([line])
        elif sections:
            sections[-1].append(line)
        else:
            session.append(line)
    return session, sections


def _codecs(section: list[str]) -> list[tuple[str, SdpCodec]]:
    """Payload type and codec of each format of an m= section, in its order of preference."""
    maps = dict(_STATIC_PAYLOADS)
    for line in section:
        if line.startswith("a=rtpmap:"):
            payload, _, encoding = line[len("a=rtpmap:") :].partition(" ")
            name, _, rate = encoding.strip().partition("/")
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


def _direction(lines: list[str]) -> str | None:
    return next((line[2:] for line in lines if line.startswith("a=") and line[2:] in _DIRECTIONS), None)


def _connection(lines: list[str]) -> str | None:
    for line in lines:
        if line.startswith("c="):
            fields = line[2:].split()
            return fields[2].partition("/")[0] if len(fields) == 3 else None
    return None


def _port(field: str) -> int:
    number = field.partition("/")[0]
    return int(number) if number.isdecimal() and len(number) <= 5 else 0
