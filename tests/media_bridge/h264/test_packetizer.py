import pytest

from media_bridge.errors import OversizeError
from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.packet_type import PacketizationMode
from media_bridge.h264.packetizer import DEFAULT_MAX_PAYLOAD, Packetizer
from tests.media_bridge.h264.strategies import pps, sps

SINGLE_NAL = Packetizer(PacketizationMode.SINGLE_NAL, max_payload=40)
SEI, IDR, SLICE = b"\x06\x05\x80", b"\x65" + bytes(range(100)), b"\x41" + bytes(range(9))


def of(*nals: bytes) -> AccessUnit:
    return AccessUnit(nals, 0)


def test_a_small_nal_unit_is_a_payload() -> None:
    assert Packetizer().payloads(of(memoryview(SLICE))) == [SLICE]
    assert SINGLE_NAL.payloads(of(SEI, SLICE)) == [SEI, SLICE]


def test_small_ones_share_a_payload() -> None:
    (payload,) = Packetizer().payloads(of(SEI, SLICE))
    assert payload == b"\x58" + b"\0\3" + SEI + b"\0\x0a" + SLICE
    assert Packetizer(aggregate=False).payloads(of(SEI, SLICE)) == [SEI, SLICE]


def test_an_aggregate_is_as_important_and_as_damaged_as_its_parts() -> None:
    (payload,) = Packetizer().payloads(of(b"\x01a", b"\x21b", b"\xe1c", b"\x41d"))
    assert payload[0] == 0x80 | 0x60 | 24


def test_an_aggregate_is_full() -> None:
    payloads = Packetizer(max_payload=27).payloads(of(*[SLICE] * 5))
    assert [len(payload) for payload in payloads] == [25, 25, 10]


def test_a_large_one_is_cut() -> None:
    payloads = Packetizer(max_payload=42).payloads(of(SEI, IDR, SLICE))
    assert payloads[0] == SEI
    assert [payload[:2].hex() for payload in payloads[1:4]] == ["7c85", "7c05", "7c45"]
    assert b"".join(payload[2:] for payload in payloads[1:4]) == IDR[1:]
    assert [len(payload) for payload in payloads[1:4]] == [42, 42, 22]
    assert payloads[4:] == [SLICE]


@pytest.mark.parametrize("size", [DEFAULT_MAX_PAYLOAD - 1, DEFAULT_MAX_PAYLOAD, DEFAULT_MAX_PAYLOAD + 1])
def test_around_the_limit(size: int) -> None:
    payloads = Packetizer().payloads(of(b"\x65" + bytes(size - 1)))
    assert len(payloads) == (1 if size <= DEFAULT_MAX_PAYLOAD else 2)
    assert max(map(len, payloads)) <= DEFAULT_MAX_PAYLOAD


def test_mode_0_cannot_cut() -> None:
    with pytest.raises(OversizeError, match="101 bytes, where packetization-mode 0 has 40"):
        SINGLE_NAL.payloads(of(SEI, IDR))


@pytest.mark.parametrize("max_payload", [2, 65_536])
def test_limits_that_cannot_be(max_payload: int) -> None:
    with pytest.raises(ValueError, match="max_payload"):
        Packetizer(max_payload=max_payload)


def test_parameter_sets_are_in_front_of_key_pictures() -> None:
    sets = (sps(), pps())
    packetizer = Packetizer(aggregate=False)
    assert packetizer.payloads(of(SEI, IDR), sets) == [*sets, SEI, IDR]
    assert packetizer.payloads(of(SEI, SLICE), sets) == [SEI, SLICE]
    assert packetizer.payloads(of(SEI, IDR)) == [SEI, IDR]


def test_parameter_sets_are_not_there_twice() -> None:
    sets = (sps(), pps())
    packetizer = Packetizer(aggregate=False)
    with_both = [SEI, *map(memoryview, sets), IDR]
    assert packetizer.payloads(of(*with_both), sets) == [SEI, *sets, IDR]
    assert packetizer.payloads(of(sps(), SEI, IDR), sets) == [*sets, SEI, IDR]
    assert packetizer.payloads(of(sps(0, 40), IDR), sets) == [*sets, sps(0, 40), IDR]


def test_what_says_nothing_in_rtp_is_left_out() -> None:
    silent = [b"\x09\xf0", b"\x0a", b"\x0b", b"\x0c\xff\x80"]
    others = [b"\x00\x01", b"\x18\x00\x01\x41", b"\x1c\x85\x00", b"\x1f\x00"]  # would be taken for packets
    assert SINGLE_NAL.payloads(of(*silent, *others, SLICE)) == [SLICE]
    assert Packetizer().payloads(of(*silent)) == []
