"""SIP addresses as RTMP clients write them: in the connect URL and as destinations of invite.

Everything here ends up in SIP headers, so characters that could end a header or a quoted string are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .errors import AddressError

_MAX_LENGTH: Final = 256

# RFC 3261 §25.1: user = unreserved / escaped / user-unreserved; host = hostname / IPv4 / IPv6 reference.
_USER: Final = r"[A-Za-z0-9\-_.!~*'()&=+$,;?/%#]+"
_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_PARAMETERS: Final = r"(?:;[A-Za-z0-9\-_.!~*'()%\[\]/:&+$]+(?:=[A-Za-z0-9\-_.!~*'()%\[\]/:&+$]+)?)*"
_AOR: Final = re.compile(rf"(?P<user>{_USER})@(?P<host>{_HOST})(?P<port>:\d{{1,5}})?")
_SIP_URI: Final = re.compile(
    rf"(?P<scheme>sips?):(?:(?P<user>{_USER})@)?(?P<host>{_HOST})(?P<port>:\d{{1,5}})?(?P<params>{_PARAMETERS})",
    re.IGNORECASE,
)
_TEL_URI: Final = re.compile(r"tel:(?P<number>\+?[0-9A-Da-d*#().\-]+)", re.IGNORECASE)
_NAME_ADDR: Final = re.compile(r'\s*(?:"(?P<quoted>[^"\\]*)"|(?P<token>[^"<>]*?))\s*<(?P<uri>[^<>]+)>\s*')
_FORBIDDEN_IN_DISPLAY: Final = re.compile(r'[\x00-\x1f\x7f"\\<>]')


@dataclass(frozen=True, slots=True)
class AddressOfRecord:
    """USER@DOMAIN of a connect URL; `domain` may carry a port. `secure` is true for sips."""

    user: str
    domain: str
    secure: bool = False

    @classmethod
    def parse(cls, text: str, *, secure: bool = False) -> AddressOfRecord:
        """Parse `user@domain[:port]`; raises `AddressError`."""
        match = _AOR.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if match is None:
            raise AddressError(f"{_shown(text)} is not an address of the form user@domain")
        return cls(match["user"], match["host"] + (match["port"] or ""), secure)

    @property
    def uri(self) -> str:
        """The SIP URI, `sip:user@domain`."""
        return f"{self._scheme}:{self.user}@{self.domain}"

    @property
    def registrar_uri(self) -> str:
        """Where a REGISTER for this address goes: its domain (RFC 3261 §10.2)."""
        return f"{self._scheme}:{self.domain}"

    @property
    def _scheme(self) -> str:
        return "sips" if self.secure else "sip"

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"


def name_addr(uri: str, display_name: str = "") -> str:
    """Return `"display" <uri>`, leaving out of the display name what could not stand in a quoted string."""
    display = _FORBIDDEN_IN_DISPLAY.sub("", display_name)[:_MAX_LENGTH].strip()
    return f'"{display}" <{uri}>' if display else f"<{uri}>"


def parse_destination(text: str, own: AddressOfRecord) -> str:
    """Return the name-addr of an invite's destination.

    Takes `"Bob" <sip:bob@home.com>`, `sip:bob@x`, `bob@x`, `bob` (in the domain of `own`) and
    `tel:+12125551234` (as a user of that domain, RFC 3261 §19.1.6). Raises `AddressError`.
    """
    if len(text) > _MAX_LENGTH:
        raise AddressError(f"the destination is longer than {_MAX_LENGTH} characters")
    match = _NAME_ADDR.fullmatch(text)
    if match is not None:
        return name_addr(_destination_uri(match["uri"].strip(), own), match["quoted"] or match["token"] or "")
    return name_addr(_destination_uri(text.strip(), own))


def _destination_uri(text: str, own: AddressOfRecord) -> str:
    scheme = "sips" if own.secure else "sip"
    if _SIP_URI.fullmatch(text):
        return text
    if (tel := _TEL_URI.fullmatch(text)) is not None:
        number = re.sub(r"[().\-]", "", tel["number"]).replace("#", "%23")
        return f"{scheme}:{number}@{own.domain};user=phone"
    if _AOR.fullmatch(text):
        return f"{scheme}:{text}"
    if re.fullmatch(_USER, text):
        return f"{scheme}:{text.replace('#', '%23')}@{own.domain}"
    raise AddressError(f"{_shown(text)} is not a SIP address, a tel: number or a user name")


def strip_parameters(header_value: str) -> str:
    """Return a From or To value without header parameters (`;tag=…`), as it is shown to a person."""
    before, bracket, _ = header_value.rpartition(">")
    return before + bracket if bracket else header_value.partition(";")[0]


def _shown(text: str) -> str:
    return repr(text[:60])
