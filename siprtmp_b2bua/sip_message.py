"""Judging raw SIP messages before pjsip acts on them. Pure functions on text: no I/O, no pjsua2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from .audio_section import KEY_LINE, MEDIA_LINE, AudioSection, audio_sections

CHALLENGES: Final = frozenset({401, 407})
"""The status codes that ask for credentials."""
_COMPACT: Final = {"m": "contact", "f": "from", "t": "to", "i": "call-id", "v": "via", "c": "content-type"}
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_FOLDED: Final = re.compile(r"(?:\r\n|\r|\n)[ \t]+")
# One that is never closed is one as well, or else each quote in it would start another search to the end.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_IN_BRACKETS: Final = re.compile(r"<([^>]*)")
_STAR: Final = re.compile(r"(?:\A|,)\s*\*")
_SIP_SCHEME: Final = re.compile(r"\s*sips?:", re.IGNORECASE)
_CONNECTION_LINE: Final = re.compile(r"(?:\A|[\r\n])c=")
_ADDRESS: Final = re.compile(r"(?:\A|[\r\n])(?:c=[ \t]*|a=rtcp:[ \t]*\d+[ \t]+)([^\r\n]*)", re.IGNORECASE)
_FAMILIES: Final = {"IP4": IPv4Address, "IP6": IPv6Address}
_TRANSPORT: Final = re.compile(r"SIP\s*/\s*2\.0\s*/\s*(\w+)", re.IGNORECASE)
_TAG: Final = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_STATUS_LINE: Final = re.compile(r"SIP/2\.0[ \t]+(\d{3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SipMessage:
    """The start line and the headers of a message; a header may occur several times."""

    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @classmethod
    def parse(cls, text: str) -> SipMessage:
        """Split a message; names come in lower case and in full, lines without a colon are left out."""
        head, *body = re.split(r"\r\n\r\n|\n\n|\r\r", text.lstrip("\r\n"), maxsplit=1)
        start_line, *lines = _LINE_END.split(_FOLDED.sub(" ", head))
        fields = (line.partition(":") for line in lines if ":" in line)
        names = ((name.strip().lower(), value.strip()) for name, _, value in fields)
        headers = tuple((_COMPACT.get(name, name), value) for name, value in names)
        return cls(start_line, headers, "".join(body))

    @property
    def status_code(self) -> int | None:
        """Status of a response, None for a request."""
        match = _STATUS_LINE.match(self.start_line)
        return int(match[1]) if match else None

    @property
    def method(self) -> str:
        """The method of the request, or of the one that a response answers."""
        return self._cseq_method if self.status_code else self.start_line.partition(" ")[0]

    @property
    def is_consistent(self) -> bool:
        """Whether it has one of each header that may not be repeated, and they agree (RFC 3261 §8.1.1)."""
        once = all(len(self.values(name)) == 1 for name in ("from", "to", "call-id", "cseq"))
        return once and self.method == self._cseq_method

    @property
    def _cseq_method(self) -> str:
        return next((value.split()[-1] for value in self.values("cseq") if value), "")

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for header, value in self.headers if header == name]

    @property
    def transport(self) -> str:
        """By which transport the message came: that of the Via that was added last, in upper case."""
        match = _TRANSPORT.match(next(iter(self.values("via")), ""))
        return match[1].upper() if match else ""

    @property
    def invites(self) -> bool:
        """Whether it is an INVITE for a new dialog: one in a dialog has a tag in To (RFC 3261 §12.2.1.1)."""
        is_invite = self.status_code is None and self.method == "INVITE"
        return is_invite and not any(map(_TAG.search, self.values("to")))

    @property
    def has_description(self) -> bool:
        """Whether its body is SDP."""
        return bool(self.body) and self._content_type == "application/sdp"

    @property
    def asks_for_key_picture(self) -> bool:
        """Whether its body is media control with picture_fast_update (RFC 5168)."""
        return self._content_type == "application/media_control+xml" and "picture_fast_update" in self.body

    @property
    def _content_type(self) -> str:
        values = self.values("content-type")
        return values[0].partition(";")[0].strip().lower() if values else ""

    @property
    def audio_sections(self) -> tuple[AudioSection, ...]:
        """The sections of audio in the body, whatever its type says."""
        return tuple(audio_sections(self.body))

    @property
    def has_secure_audio(self) -> bool:
        """Whether there is an m=audio line in SRTP with keys in SDP, not rejected."""
        return any(section.is_secure for section in self.audio_sections)

    @property
    def dtls_ports(self) -> tuple[range, ...]:
        """Where the digits of the ports of audio in DTLS-SRTP are in the body."""
        return tuple(port for section in self.audio_sections if (port := section.dtls_port) is not None)

    @property
    def has_only_dtls_audio(self) -> bool:
        """Whether all of its audio is in DTLS-SRTP, as that of browsers is."""
        active = self._active_audio
        return bool(active) and all(each.dtls_port is not None for each in active)

    @property
    def has_only_misleading_keys(self) -> bool:
        """Whether all of its audio is in SRTP, with no key but those that pjsip would misread."""
        active = self._active_audio
        return bool(active) and all(each.is_secure and each.has_misleading_keys_alone for each in active)

    @property
    def _active_audio(self) -> list[AudioSection]:
        return [section for section in self.audio_sections if section.is_active]

    @property
    def key_lines(self) -> tuple[int, ...]:
        """Where the names of attributes with keys of SRTP (RFC 4568) end in the body."""
        return tuple(line.start(1) for line in KEY_LINE.finditer(self.body))

    @property
    def has_connections(self) -> bool:
        """Whether each m= line of the body, if there is any, has a c= line (RFC 4566 §5.7)."""
        session, *media = MEDIA_LINE.split(self.body)
        return bool(_CONNECTION_LINE.search(session)) or all(map(_CONNECTION_LINE.search, media))

    @property
    def has_plain_addresses(self) -> bool:
        """Whether each c= and a=rtcp line of audio that has an address has one of the family it names.

        A host name is none: resolving it would hold up all calls. A body without media has none of them.
        """
        session, audio = MEDIA_LINE.split(self.body)[0], [each.text for each in self.audio_sections]
        return not audio or all(map(_is_plain_address, _ADDRESS.findall("\n".join([session, *audio]))))

    @property
    def has_star_contact(self) -> bool:
        """Whether a Contact is "*", which only a REGISTER request may have (RFC 3261 §10.2.2)."""
        return any(_STAR.search(_QUOTED.sub("", value)) for value in self.values("contact"))

    @property
    def routes_requests_by_sip(self) -> bool:
        """Whether all addresses to which a dialog's later requests would go are SIP URIs.

        Those are the remote target (Contact) and the route set (Record-Route), RFC 3261 §12.1.
        """
        values = self.values("contact") + self.values("record-route")
        return not self.has_star_contact and all(
            _SIP_SCHEME.match(uri) for value in values for uri in _uris(value)
        )


def _is_plain_address(text: str) -> bool:
    """Whether it is nettype, addrtype and a literal address (RFC 4566 §5.7), which may have a scope."""
    match text.split():
        case [net_type, family, address] if net_type.upper() == "IN" and family.upper() in _FAMILIES:
            try:
                _FAMILIES[family.upper()](address.partition("/")[0])
            except AddressValueError:
                return False
            return True
    return False


def _uris(value: str) -> list[str]:
    """The URIs of a header that holds name-addr or addr-spec, RFC 3261 §20.10."""
    unquoted = _QUOTED.sub("", value)
    return _IN_BRACKETS.findall(unquoted) or [unquoted]
