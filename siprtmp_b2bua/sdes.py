"""Which SRTP keys the two sides of an m= line send with (RFC 4568 §5, §7). Pure functions.

`offered` and `answered` are what follows `a=crypto:`, one text for each key. An attribute that cannot be used
counts as one that is not there. Nothing here shows a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from media_bridge.errors import CryptoAttributeError
from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite

OFFERED_SUITE: Final = CryptoSuite.AES_CM_128_HMAC_SHA1_80
"""Everybody who does SRTP has it (RFC 3711 §5)."""
_OFFERED_TAG: Final = 1


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """The keys of an encrypted line; both have the same tag and suite."""

    ours: CryptoAttribute
    theirs: CryptoAttribute


def make_offer(current: SrtpKeys | None) -> CryptoAttribute:
    """Return the key to offer: the one that the line has already, or else a new one.

    The tag is 1 in any case: for that of a peer, which may be 0, pjsip would have no place.
    """
    if current is None:
        return CryptoAttribute.generate(_OFFERED_TAG, OFFERED_SUITE)
    return replace(current.ours, tag=_OFFERED_TAG)


def answer_offer(offered: Iterable[str], current: SrtpKeys | None) -> SrtpKeys | None:
    """Choose the first key that can be used, and ours beside it; None if there is none.

    Our key stays for as long as the peer's does. With a new one of theirs ours is new, too: behind it there
    may be another phone, which does not know how often our sequence numbers have wrapped around.
    """
    theirs = next(_usable(offered), None)
    if theirs is None:
        return None
    if current is not None and theirs.has_key_of(current.theirs):
        return SrtpKeys(replace(current.ours, tag=theirs.tag), theirs)
    return SrtpKeys(CryptoAttribute.generate(theirs.tag, theirs.suite), theirs)


def hear_answer(offered: Iterable[str], answered: Sequence[str]) -> SrtpKeys | None:
    """Return what an answer to an offer of ours makes of it; None unless it takes up one of our keys."""
    theirs = next(_usable(answered), None)
    if theirs is None or len(answered) != 1:
        return None
    for ours in _usable(offered):
        if (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
            return SrtpKeys(ours, theirs)
    return None


def _usable(attributes: Iterable[str]) -> Iterator[CryptoAttribute]:
    for text in attributes:
        try:
            yield CryptoAttribute.parse(text)
        except CryptoAttributeError:
            continue
