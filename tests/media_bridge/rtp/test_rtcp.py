"""RTCP: each kind of packet, and datagrams of several."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.errors import PacketError
from media_bridge.rtp.rtcp import MAX_PACKETS, RtcpPacket, parse_compound, serialize_compound
from media_bridge.rtp.rtcp_feedback import BitrateEntry, BitrateRequest, FullIntraRequest, Nack, PictureLoss
from media_bridge.rtp.rtcp_reports import (
    Bye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)

from .strategies import rtcp_packets

BLOCK = ReportBlock(0xAABBCCDD, 64, -2, 0x00010005, 7, 0x11223344, 0x00018000)
BLOCK_BYTES = "aabbccdd 40fffffe 00010005 00000007 11223344 00018000"
VECTORS = [
    (
        SenderReport(1, 2 << 32, 3, 4, 5, (BLOCK,)),
        "81c8000c 00000001 0000000200000000 00000003 00000004 00000005" + BLOCK_BYTES,
    ),
    (ReceiverReport(1, (BLOCK,)), "81c90007 00000001" + BLOCK_BYTES),
    (ReceiverReport(1), "80c90001 00000001"),
    (SourceDescription((SdesChunk(1, ((1, b"ab"),)),)), "81ca0003 00000001 01026162 00000000"),
    (SourceDescription((SdesChunk(1, ((1, b"a"),)),)), "81ca0002 00000001 01016100"),
    (Bye((1, 2), b"bye"), "82cb0003 00000001 00000002 03627965"),
    (Bye((1,)), "81cb0001 00000001"),
    (Nack(1, 2, (0xFFFF, 0, 15, 16)), "81cd0004 00000001 00000002 ffff8001 00100000"),
    (PictureLoss(1, 2), "81ce0002 00000001 00000002"),
    (FullIntraRequest(1, ((2, 7),)), "84ce0004 00000001 00000000 00000002 07000000"),
    (BitrateRequest(1, (BitrateEntry(2, 512_000, 40),)), "83cd0004 00000001 00000000 00000002 0bE80028"),
]


@pytest.mark.parametrize(("packet", "hexadecimal"), VECTORS, ids=lambda value: type(value).__name__)
def test_each_kind(packet: RtcpPacket, hexadecimal: str) -> None:
    data = bytes.fromhex(hexadecimal)
    if not isinstance(packet, BitrateRequest):  # there are several ways to write a rate
        assert serialize_compound([packet]).hex() == data.hex()
    assert parse_compound(data).packets == (packet,)


def test_a_datagram_of_several() -> None:
    packets = [packet for packet, _ in VECTORS]
    compound = parse_compound(serialize_compound(packets))
    assert compound.packets == tuple(packets)
    assert compound.is_full
    assert not parse_compound(serialize_compound(packets[::-1])).is_full, "of reduced size"


def test_a_rate_loses_its_lowest_bits() -> None:
    (packet,) = parse_compound(
        serialize_compound([BitrateRequest(1, (BitrateEntry(2, 1_000_001, 999),))])
    ).packets
    assert packet == BitrateRequest(1, (BitrateEntry(2, 1_000_000, 511),))


def test_unknown_packets_are_skipped() -> None:
    app = bytes.fromhex("80cc0002 00000001 6e616d65")
    extended_report = bytes.fromhex("80cf0001 00000001")
    remb = bytes.fromhex("8fce0004 00000001 00000000 52454d42 01000000")
    compound = parse_compound(b"".join([bytes.fromhex(VECTORS[2][1]), app, extended_report, remb]))
    assert (compound.packets, compound.skipped, compound.malformed) == ((ReceiverReport(1),), 3, 0)


@pytest.mark.parametrize(
    "hexadecimal",
    [
        "81c80006 00000001 0000000200000000 00000003 00000004 00000005",  # no block
        "80c80001 00000001",
        "81c90001 00000001",
        "80c90000",
        "82ca0001 00000001",
        "81ca0002 00000001 01ff6162",
        "82cb0001 00000001",
        "81cd0002 00000001 00000002",  # a NACK of nothing
        "81ce0001 00000001",
        "84ce0003 00000001 00000000 00000002",  # half a FIR
        "83cd0002 00000001 00000000",
    ],
)
def test_a_broken_packet_leaves_the_others(hexadecimal: str) -> None:
    good = serialize_compound([PictureLoss(1, 2)])
    compound = parse_compound(good + bytes.fromhex(hexadecimal) + good)
    assert compound.packets == (PictureLoss(1, 2),) * 2
    assert compound.malformed >= 1


@pytest.mark.parametrize(
    ("hexadecimal", "why"),
    [
        ("", "no RTCP packet"),
        ("80c9", "no RTCP packet"),
        ("80c90001", "does not fit"),
        ("80c90002 00000001", "does not fit"),
        ("40c90001 00000001", "version 1"),
        ("80c90001 00000001 ff", "no RTCP packet"),
        ("a0c90001 00000000", "0 bytes of padding"),
        ("a0c90001 00000005", "5 bytes of padding"),
        ("a0c90000", "0 bytes of padding"),
        ("80c90000" * (MAX_PACKETS + 1), f"packet {MAX_PACKETS + 1} "),
    ],
)
def test_what_is_no_datagram_of_rtcp(hexadecimal: str, why: str) -> None:
    with pytest.raises(PacketError, match=why):
        parse_compound(bytes.fromhex(hexadecimal))


def test_padding_is_taken_off() -> None:
    compound = parse_compound(bytes.fromhex("a1cb0002 00000001 00000004"))
    assert compound.packets == (Bye((1,)),)


@pytest.mark.parametrize("packet", [ReceiverReport(1, (BLOCK,) * 32), Bye((1,) * 32)])
def test_more_than_the_count_can_say(packet: RtcpPacket) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        serialize_compound([packet])


@given(st.lists(rtcp_packets, min_size=1, max_size=5))
def test_any_packets_come_back(packets: list[RtcpPacket]) -> None:
    compound = parse_compound(serialize_compound(packets))
    assert compound.packets == tuple(packets)
    assert (compound.skipped, compound.malformed) == (0, 0)


@given(st.lists(rtcp_packets, min_size=1, max_size=3), st.data())
def test_damaged_datagrams_raise_nothing_else(packets: list[RtcpPacket], data: st.DataObject) -> None:
    damaged = bytearray(serialize_compound(packets))
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    with contextlib.suppress(PacketError):
        parse_compound(bytes(damaged[:cut]))


@given(st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]), st.integers(0, 63), st.binary(max_size=60))
def test_any_body_raises_nothing_else(kind: int, count: int, body: bytes) -> None:
    body = body[: len(body) // 4 * 4]
    with contextlib.suppress(PacketError):
        parse_compound(bytes([0x80 | count, kind, 0, len(body) // 4]) + body)
