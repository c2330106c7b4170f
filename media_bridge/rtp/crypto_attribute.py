"""SRTP keys in SDP: `a=crypto` (RFC 4568, and RFC 7714 for AES-GCM)."""

from __future__ import annotations

import binascii
import re
import secrets
from dataclasses import dataclass, field
from enum import Enum

from media_bridge.errors import CryptoAttributeError

MAX_LENGTH = 512
"""Characters of an attribute that is looked at."""

_TAG = re.compile(r"[0-9]{1,9}", re.ASCII)
_LIFETIME = re.compile(r"2\^[0-9]{1,2}|[0-9]{1,15}", re.ASCII)
_MKI = re.compile(r"[0-9]+:[0-9]+", re.ASCII)
_WINDOW_SIZE = re.compile(r"WSH=[0-9]{2,5}", re.ASCII)
_KEY_WORD = 2
"""Which word of an attribute has the key; session parameters follow it."""


def alters_packets(text: str) -> bool:
    """Return whether an attribute asks for packets that are not as its suite alone has them (RFC 4568 §6).

    Several keys do so, an MKI, and session parameters such as UNENCRYPTED_SRTP: whoever reads over them
    cannot read the packets. A lifetime does not, nor the receiver's window, nor what is no attribute at all.
    """
    key, *parameters = text.split()[_KEY_WORD:] or [""]
    if ";" in key or any(":" in option for option in key.split("|")[1:]):
        return True
    return not all(map(_alters_nothing, parameters))


class CryptoSuite(Enum):
    """The suites we do, best first; values are their names in SDP.

    AES_256_CM is not among them: pylibsrtp has no profile for it.
    """

    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    @property
    def key_bytes(self) -> int:
        """Length of master key and salt together."""
        return _KEY_BYTES[self]


_KEY_BYTES = {
    CryptoSuite.AEAD_AES_256_GCM: 32 + 12,
    CryptoSuite.AEAD_AES_128_GCM: 16 + 12,
    CryptoSuite.AES_CM_128_HMAC_SHA1_80: 16 + 14,
    CryptoSuite.AES_CM_128_HMAC_SHA1_32: 16 + 14,
}


@dataclass(frozen=True, slots=True)
class CryptoAttribute:
    """The key that one side sends with: master key and salt, which `repr` does not show."""

    tag: int
    suite: CryptoSuite
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != self.suite.key_bytes:
            raise CryptoAttributeError(
                f"a key of {len(self.key)} bytes, where {self.suite.value} has {self.suite.key_bytes}"
            )

    @classmethod
    def generate(cls, tag: int, suite: CryptoSuite) -> CryptoAttribute:
        """Make a new key."""
        return cls(tag, suite, secrets.token_bytes(suite.key_bytes))

    def has_key_of(self, other: CryptoAttribute) -> bool:
        """Whether packets are encrypted alike, whatever the tags are."""
        return (self.suite, self.key) == (other.suite, other.key)

    @classmethod
    def parse(cls, text: str) -> CryptoAttribute:
        """Parse the value of the attribute, what follows `a=crypto:`. Raises `CryptoAttributeError`.

        A lifetime is read over: a call ends long before 2^31 packets. An MKI is refused, for pylibsrtp has
        none and would take its bytes for the payload; so are several keys, and parameters that switch
        encryption or authentication off.
        """
        words = text[: MAX_LENGTH + 1].split()
        if len(text) > MAX_LENGTH or len(words) < 3 or not _TAG.fullmatch(words[0]):
            raise CryptoAttributeError("not of the form TAG SUITE inline:KEY")
        for parameter in words[_KEY_WORD + 1 :]:
            if not _alters_nothing(parameter):
                raise CryptoAttributeError(f"the session parameter {_name(parameter)} is not supported")
        return cls(int(words[0]), _parse_suite(words[1]), _parse_key(words[_KEY_WORD]))

    def serialize(self) -> str:
        """Return the value of the attribute, with the key: it belongs into SDP and nowhere else."""
        key = binascii.b2a_base64(self.key, newline=False).decode()
        return f"{self.tag} {self.suite.value} inline:{key}"


def _alters_nothing(parameter: str) -> bool:
    """Whether a session parameter may be read over: its name says so by a dash, or it is a hint (§6.3.6)."""
    return parameter.startswith("-") or _WINDOW_SIZE.fullmatch(parameter) is not None


def _parse_suite(name: str) -> CryptoSuite:
    try:
        return CryptoSuite(name)
    except ValueError:
        raise CryptoAttributeError(f"the suite {name[:40]!r} is not supported") from None


def _parse_key(parameters: str) -> bytes:
    if ";" in parameters:
        raise CryptoAttributeError("several keys in one attribute are not supported")
    method, _, rest = parameters.partition(":")
    if method != "inline":
        raise CryptoAttributeError("the key is not given as inline:")
    encoded, *options = rest.split("|")
    if any(_MKI.fullmatch(option) for option in options):
        raise CryptoAttributeError("a key with an MKI is not supported")
    if len(options) > 1 or not all(_LIFETIME.fullmatch(option) for option in options):
        raise CryptoAttributeError("what follows the key is no lifetime")
    try:
        # Some phones leave the equals signs at the end out.
        return binascii.a2b_base64(
            encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4), strict_mode=True
        )
    except (binascii.Error, ValueError):
        raise CryptoAttributeError("the key is not base64") from None


def _name(parameter: str) -> str:
    """The name of a session parameter alone: the value of FEC_KEY is a key."""
    return repr(parameter.partition("=")[0][:40])
