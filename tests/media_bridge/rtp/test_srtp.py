"""SRTP, and the keys for it in SDP."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import CryptoAttributeError, PacketError
from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite, alters_packets
from media_bridge.rtp.packet import RtpPacket
from media_bridge.rtp.rtcp import serialize_compound
from media_bridge.rtp.rtcp_reports import ReceiverReport
from media_bridge.rtp.srtp import MAX_PLAIN_BYTES, MAX_SSRCS, SrtpContext

KEY = bytes(range(30))
INLINE = base64.b64encode(KEY).decode()
SHA1_80 = CryptoSuite.AES_CM_128_HMAC_SHA1_80


def pair(suite: CryptoSuite = SHA1_80) -> tuple[SrtpContext, SrtpContext]:
    here, there = CryptoAttribute.generate(1, suite), CryptoAttribute.generate(1, suite)
    return SrtpContext(here, there), SrtpContext(there, here)


def rtp(number: int = 1, ssrc: int = 7, size: int = 100) -> bytes:
    return RtpPacket(96, False, number, 0, ssrc, bytes(size)).serialize()


RTCP = serialize_compound([ReceiverReport(7)])

# -- a=crypto


@pytest.mark.parametrize(
    "text",
    [
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}",
        f"1  AES_CM_128_HMAC_SHA1_80  inline:{INLINE}|2^31",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|1048576 WSH=128",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} -NEW=3",
    ],
)
def test_keys_that_can_be_used(text: str) -> None:
    assert CryptoAttribute.parse(text) == CryptoAttribute(1, SHA1_80, KEY)
    assert not alters_packets(text)


@pytest.mark.parametrize(
    "rest",
    [
        "|1:4",
        "|2^20|1:4",
        " |1:4",
        f";inline:{INLINE}",
        *(f" {name}" for name in ("UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP")),
        " KDR=1",
        " WSH=64\tUNENCRYPTED_SRTP",
    ],
)
@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"])
def test_keys_that_alter_packets(suite: str, rest: str) -> None:
    attribute = f"1 {suite} inline:{INLINE}"
    assert not alters_packets(attribute)
    assert alters_packets(attribute + rest)
    with pytest.raises(CryptoAttributeError):
        CryptoAttribute.parse(attribute + rest)


def test_equals_signs_that_were_left_out() -> None:
    key = bytes(range(28))
    text = base64.b64encode(key).decode().rstrip("=")
    assert CryptoAttribute.parse(f"3 AEAD_AES_128_GCM inline:{text}").key == key


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not of the form"),
        (f"AES_CM_128_HMAC_SHA1_80 inline:{INLINE}", "not of the form"),
        (f"x AES_CM_128_HMAC_SHA1_80 inline:{INLINE}", "not of the form"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} " + "x" * 600, "not of the form"),
        (f"1 AES_256_CM_HMAC_SHA1_80 inline:{INLINE}", "suite 'AES_256_CM_HMAC_SHA1_80' is not"),
        (f"1 AES_CM_128_HMAC_SHA1_80 uri:{INLINE}", "not given as inline"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|2^20|1:4", "MKI"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|1:4", "MKI"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|soon", "no lifetime"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE};inline:{INLINE}", "several keys"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:***", "not base64"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:ü{INLINE}", "not base64"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE[:36]}", "a key of 27 bytes"),
        (f"1 AEAD_AES_256_GCM inline:{INLINE}", "a key of 30 bytes"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} UNENCRYPTED_SRTP", "'UNENCRYPTED_SRTP' is not"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} FEC_KEY=inline:{INLINE}", "'FEC_KEY' is not"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} KDR=1", "'KDR' is not"),
    ],
)
def test_keys_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(CryptoAttributeError, match=why) as caught:
        CryptoAttribute.parse(text)
    assert INLINE[:8] not in str(caught.value)


@pytest.mark.parametrize("suite", CryptoSuite)
def test_a_key_of_ours_comes_back(suite: CryptoSuite) -> None:
    attribute = CryptoAttribute.generate(5, suite)
    assert CryptoAttribute.parse(attribute.serialize()) == attribute
    assert CryptoAttribute.generate(5, suite) != attribute


@given(st.text(max_size=200))
def test_any_text_raises_nothing_else(text: str) -> None:
    for candidate in (text, f"1 AES_CM_128_HMAC_SHA1_80 {text}", f"1 AES_CM_128_HMAC_SHA1_80 inline:{text}"):
        with pytest.raises(CryptoAttributeError):
            CryptoAttribute.parse(candidate)
        assert alters_packets(candidate) in (True, False)


def test_nobody_shows_a_key() -> None:
    attribute = CryptoAttribute(1, SHA1_80, KEY)
    for shown in (repr(attribute), str(attribute), repr(SrtpContext(attribute, attribute))):
        assert INLINE not in shown
        assert repr(KEY)[2:-1] not in shown


# -- packets


@pytest.mark.parametrize("suite", CryptoSuite)
def test_packets_pass(suite: CryptoSuite) -> None:
    here, there = pair(suite)
    assert here.protect(rtp())[12:112] != rtp()[12:]
    for number in (2, 3, 5, 4):
        assert there.unprotect(here.protect(rtp(number))) == rtp(number)
    assert there.unprotect_rtcp(here.protect_rtcp(RTCP)) == RTCP
    assert here.unprotect(there.protect(rtp(9, 8))) == rtp(9, 8), "the other direction"


def test_the_short_tag_is_of_rtp_alone() -> None:
    here, _ = pair(CryptoSuite.AES_CM_128_HMAC_SHA1_32)
    assert len(here.protect(rtp())) == len(rtp()) + 4
    assert len(here.protect_rtcp(RTCP)) == len(RTCP) + 14, "RFC 4568 §6.2"


def test_sequence_numbers_may_wrap_around() -> None:
    here, there = pair()
    for number in (0xFFFE, 0xFFFF, 0, 1):
        assert there.unprotect(here.protect(rtp(number))) == rtp(number)


def test_with_the_same_keys_nothing_changes() -> None:
    ours, theirs = CryptoAttribute.generate(1, SHA1_80), CryptoAttribute.generate(1, SHA1_80)
    context = SrtpContext(ours, theirs)
    tagged_anew = CryptoAttribute(7, ours.suite, ours.key), CryptoAttribute(7, theirs.suite, theirs.key)
    assert context.rekeyed(*tagged_anew) is context


def test_a_direction_whose_key_stays_goes_on_where_it_is() -> None:
    first, second, other = (CryptoAttribute.generate(1, SHA1_80) for _ in range(3))
    here, there = SrtpContext(first, second), SrtpContext(second, first)
    for number in (0xFFFF, 0):
        there.unprotect(here.protect(rtp(number)))
        here.unprotect(there.protect(rtp(number)))
    here, there = here.rekeyed(first, other), there.rekeyed(other, first)
    assert there.unprotect(here.protect(rtp(1))) == rtp(1), "after 65536 packets"
    assert here.unprotect(there.protect(rtp(1))) == rtp(1), "with the new key"
    with pytest.raises(PacketError):
        SrtpContext(second, first).unprotect(here.protect(rtp(2)))


def test_what_is_repeated_is_refused() -> None:
    here, there = pair()
    protected, protected_rtcp = here.protect(rtp()), here.protect_rtcp(RTCP)
    there.unprotect(protected)
    there.unprotect_rtcp(protected_rtcp)
    with pytest.raises(PacketError, match="replay"):
        there.unprotect(protected)
    with pytest.raises(PacketError, match="replay"):
        there.unprotect_rtcp(protected_rtcp)


def test_a_packet_may_be_a_key_picture_late() -> None:
    here, there = pair()
    late = here.protect(rtp(0))
    for number in range(1, 600):
        there.unprotect(here.protect(rtp(number)))
    assert there.unprotect(late) == rtp(0)


@given(st.data())
def test_what_was_changed_is_refused(data: st.DataObject) -> None:
    here, there = pair()
    for protected, unprotect in (
        (here.protect(rtp()), there.unprotect),
        (here.protect_rtcp(RTCP), there.unprotect_rtcp),
    ):
        changed = bytearray(protected)
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
        with pytest.raises(PacketError):
            unprotect(bytes(changed[: data.draw(st.just(len(changed)) | st.integers(0, len(changed)))]))


@given(st.binary(max_size=1600))
def test_any_bytes_are_refused(data: bytes) -> None:
    _, there = pair()
    for unprotect in (there.unprotect, there.unprotect_rtcp):
        with pytest.raises(PacketError):
            unprotect(data)


def test_the_longest_packet() -> None:
    here, there = pair()
    longest = rtp(size=MAX_PLAIN_BYTES - 12)
    assert there.unprotect(here.protect(longest)) == longest
    assert there.unprotect_rtcp(here.protect_rtcp(RTCP + bytes(MAX_PLAIN_BYTES - 8)))


def test_one_key_does_not_bring_any_number_of_streams() -> None:
    here, there = pair()
    for ssrc in range(MAX_SSRCS):
        there.unprotect(here.protect(rtp(ssrc=ssrc)))
    for number in (1, 2):
        with pytest.raises(PacketError, match="too many"):
            there.unprotect(here.protect(rtp(number, ssrc=5000)))
    there.unprotect(here.protect(rtp(2, ssrc=3)))
