"""Which keys two sides agree on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from siprtmp_b2bua.sdes import OFFERED_SUITE, SrtpKeys, answer_offer, hear_answer, make_offer

SHA1_80, SHA1_32 = CryptoSuite.AES_CM_128_HMAC_SHA1_80, CryptoSuite.AES_CM_128_HMAC_SHA1_32
THEIRS = CryptoAttribute(7, SHA1_80, bytes(range(SHA1_80.key_bytes)))
USABLE = THEIRS.serialize()
ATTRIBUTES = st.lists(st.one_of(st.text(max_size=80), st.just(USABLE)), max_size=5)


def answered(*offered: str, current: SrtpKeys | None = None) -> SrtpKeys:
    keys = answer_offer(offered, current)
    assert keys is not None
    return keys


@pytest.mark.parametrize(
    "unusable",
    [
        USABLE.replace("SHA1_80", "SHA2_80"),
        USABLE.replace("AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"),
        f"{USABLE}|2^20|1:4",
        f"{USABLE} UNENCRYPTED_SRTP",
        USABLE[:-4],
        USABLE.replace("inline:", "uri:"),
        "",
    ],
)
def test_the_first_key_that_can_be_used_is_answered_with_one_of_ours(unusable: str) -> None:
    other = CryptoAttribute.generate(8, SHA1_32).serialize()
    keys = answered(unusable, USABLE, other)
    assert keys.theirs == THEIRS
    assert (keys.ours.tag, keys.ours.suite) == (7, SHA1_80)
    assert keys.ours.key != THEIRS.key
    assert answer_offer([unusable], None) is None


def test_our_key_stays_while_the_peer_keeps_its_own() -> None:
    first = answered(USABLE)
    again = answered(CryptoAttribute(9, SHA1_80, THEIRS.key).serialize(), current=first)
    assert again.ours.tag == 9
    assert again.ours.has_key_of(first.ours)
    changed = answered(CryptoAttribute.generate(7, SHA1_80).serialize(), current=first)
    assert not changed.ours.has_key_of(first.ours)
    other_suite = answered(CryptoAttribute(7, SHA1_32, THEIRS.key).serialize(), current=first)
    assert not other_suite.ours.has_key_of(first.ours)


def test_an_offer_and_its_answer() -> None:
    ours = make_offer(None)
    assert ours.suite is OFFERED_SUITE
    assert make_offer(None) != ours
    there = answered(ours.serialize())
    here = hear_answer([ours.serialize()], [there.ours.serialize()])
    assert here == SrtpKeys(ours, there.ours)
    assert there.theirs == ours
    assert make_offer(here) == ours


def test_an_offer_has_its_own_tag_whatever_the_peer_has_chosen() -> None:
    keys = answered(CryptoAttribute(0, SHA1_80, THEIRS.key).serialize())
    offered = make_offer(keys)
    assert offered.tag == 1
    assert offered.has_key_of(keys.ours)


def test_answers_that_take_up_no_key_of_ours() -> None:
    ours = make_offer(None)
    good = CryptoAttribute.generate(ours.tag, ours.suite).serialize()
    assert hear_answer([ours.serialize()], [good]) is not None
    for answer in (
        [],
        [good, good],
        [CryptoAttribute.generate(2, ours.suite).serialize()],
        [CryptoAttribute.generate(ours.tag, SHA1_32).serialize()],
        [f"{good}|1:4"],
    ):
        assert hear_answer([ours.serialize()], answer) is None
    assert hear_answer([], [good]) is None


@given(ATTRIBUTES, ATTRIBUTES)
def test_any_text_is_no_key_at_worst(offered: list[str], answered: list[str]) -> None:
    keys = answer_offer(offered, None)
    assert (keys is not None) is (USABLE in offered)
    heard = hear_answer([USABLE, *offered], answered)
    assert (heard is not None) is (answered == [USABLE])


def test_nobody_shows_a_key() -> None:
    keys = answered(USABLE)
    assert repr(keys.ours.key)[2:-1] not in repr(keys)
    assert keys.ours.serialize().partition("inline:")[2] not in repr(keys)
