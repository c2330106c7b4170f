"""RTP packets: bytes to values and back, and numbers that wrap around."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media_bridge.errors import PacketError
from media_bridge.rtp.ntp import compact_ntp, from_compact, from_ntp, to_compact, to_ntp
from media_bridge.rtp.packet import HeaderExtension, RtpPacket, serialize_plain
from media_bridge.rtp.sequence import extend_sequence, sequence_delta, timestamp_delta

from .strategies import packets, u16

PLAIN = bytes.fromhex("80e0ffff 00000100 deadbeef") + b"payload"


def test_a_plain_packet() -> None:
    packet = RtpPacket.parse(PLAIN)
    assert packet == RtpPacket(96, True, 0xFFFF, 0x100, 0xDEADBEEF, b"payload")
    assert packet.serialize() == PLAIN
    assert serialize_plain(96, True, 0xFFFF, 0x100, 0xDEADBEEF, b"payload") == PLAIN


def test_a_packet_with_all_options() -> None:
    data = (
        bytes.fromhex("b2600001 00000002 00000003 0000000a 0000000b bede0001 01020304")
        + b"xy"
        + bytes([0, 0, 3])
    )
    packet = RtpPacket.parse(data)
    assert packet.csrcs == (10, 11)
    assert packet.extension == HeaderExtension(0xBEDE, b"\x01\x02\x03\x04")
    assert (packet.payload, packet.padding, packet.marker) == (b"xy", 3, False)
    assert packet.serialize() == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no RTP packet"),
        (PLAIN[:11], "no RTP packet"),
        (b"\x40" + PLAIN[1:], "version 1"),
        (b"\x8f" + PLAIN[1:], "contributing sources do not fit"),
        (b"\x90" + PLAIN[1:15], "header extension is cut off"),
        (b"\x90" + PLAIN[1:12] + b"\x00\x00\x00\x02\x00\x00\x00\x00", "extension of 2 words"),
        (b"\xa0" + PLAIN[1:12] + b"\x00", "0 bytes of padding"),
        (b"\xa0" + PLAIN[1:12] + b"\x02", "2 bytes of padding"),
        (b"\xa0" + PLAIN[1:12], "bytes of padding"),
    ],
)
def test_what_is_no_packet(data: bytes, why: str) -> None:
    with pytest.raises(PacketError, match=why):
        RtpPacket.parse(data)


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(96, False, 0, 0, 0, b"", csrcs=(1,) * 16),
        RtpPacket(96, False, 0, 0, 0, b"", padding=256),
        RtpPacket(96, False, 0, 0, 0, b"", extension=HeaderExtension(0, b"123")),
    ],
)
def test_what_no_packet_can_hold(packet: RtpPacket) -> None:
    with pytest.raises(ValueError, match=r"words|sources"):
        packet.serialize()


@given(packets)
def test_any_packet_comes_back(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


@given(packets, st.data())
def test_damaged_packets_raise_nothing_else(packet: RtpPacket, data: st.DataObject) -> None:
    damaged = bytearray(packet.serialize())
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    with contextlib.suppress(PacketError):
        RtpPacket.parse(bytes(damaged[:cut]))


@given(st.binary(max_size=100))
def test_any_bytes_raise_nothing_else(data: bytes) -> None:
    with contextlib.suppress(PacketError):
        RtpPacket.parse(b"\x80" + data)


# -- numbers


@pytest.mark.parametrize(
    ("later", "earlier", "delta"), [(1, 0, 1), (0, 0xFFFF, 1), (0xFFFF, 0, -1), (0x8000, 0, -0x8000)]
)
def test_sequence_numbers_wrap_around(later: int, earlier: int, delta: int) -> None:
    assert sequence_delta(later, earlier) == delta


@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, (1 << 32) - 1))
def test_timestamps_wrap_around(delta: int, earlier: int) -> None:
    assert timestamp_delta(earlier + delta & 0xFFFFFFFF, earlier) == delta


@given(u16, st.integers(-100_000, 1 << 40))
def test_the_nearest_extended_number(number: int, near: int) -> None:
    extended = extend_sequence(number, near)
    assert extended & 0xFFFF == number
    assert -0x8000 <= extended - near < 0x8000


@given(st.floats(0, 4_000_000_000))
@example(0.0)
@example(1_700_000_000.25)
@example(2_085_978_496.0)  # the day in 2036 when NTP's seconds wrap around
def test_ntp_time_both_ways(unix_s: float) -> None:
    assert from_ntp(to_ntp(unix_s)) == pytest.approx(unix_s, abs=1e-6)


def test_ntp_time() -> None:
    assert to_ntp(0) == 2_208_988_800 << 32
    assert to_ntp(0.5) & 0xFFFFFFFF == 1 << 31
    assert compact_ntp(0x0123456789ABCDEF) == 0x456789AB
    assert to_compact(1.5) == 0x18000
    assert (to_compact(-1), to_compact(1e9)) == (0, 0xFFFFFFFF)
    assert from_compact(0x18000) == 1.5
