"""Senders that set the marker before their pictures end: at most one half of a picture is ever handed on."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.drop_reason import DropReason
from media_bridge.h264.nal import PARAMETER_SET_TYPES, SLICE_TYPES
from media_bridge.h264.packet_type import FU_END, PacketizationMode, PacketType
from media_bridge.h264.packetizer import Packetizer
from tests.media_bridge.h264.rtp_packets import Packet, access_units, packets_of, push_all
from tests.media_bridge.h264.strategies import pps, sps
from tests.media_bridge.h264.x264_pictures import Encoding, encode

SETS = (sps(), pps())
CONFIGURATION = AvcConfiguration((sps(),), (pps(),))
FIRST_IDR, OTHER_IDR, FIRST, OTHER, SEI = b"\x65\x88", b"\x65\x40", b"\x41\x9a", b"\x41\x4a", b"\x06\x05"

FRAGMENTS = Packetizer(max_payload=24, aggregate=False)
PACKETIZERS = [
    Packetizer(PacketizationMode.SINGLE_NAL, max_payload=65_535),
    Packetizer(max_payload=65_535, aggregate=False),
    Packetizer(max_payload=150),
    FRAGMENTS,
]


def ends_slice(payload: bytes) -> bool:
    """Whether the last NAL unit of a packet is a slice, and whole."""
    kind = payload[0] & 31
    if kind == PacketType.FU_A:
        return payload[1] & FU_END > 0 and payload[1] & 31 in SLICE_TYPES
    if kind != PacketType.STAP_A:
        return kind in SLICE_TYPES
    position = start = 1
    while position < len(payload):
        start = position + 2
        position = start + int.from_bytes(payload[position:start], "big")
    return payload[start] & 31 in SLICE_TYPES


def marked_at_slices(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(marker=ends_slice(packet.payload)) for packet in packets]


def marked_everywhere(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(marker=True) for packet in packets]


def pushed(packets: list[tuple[bytes, int, bool]]) -> tuple[Depacketizer, list[AccessUnit]]:
    """What comes of packets: payload, timestamp and marker."""
    depacketizer = Depacketizer(SETS)
    return depacketizer, access_units(push_all(depacketizer, [Packet(*packet) for packet in packets]))


def stap(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


@pytest.mark.parametrize(
    "rest",
    [
        [OTHER_IDR],
        [SEI, OTHER_IDR],
        [b"\x7c\x85\x40", b"\x7c\x45abc"],
        [stap(SEI, OTHER_IDR)],
        [stap(b"", OTHER_IDR, FIRST_IDR)],
        [b"\x7c\x45abc"],
        [b"\x43\x80"],
    ],
    ids=["single", "behind SEI", "fragments", "aggregate", "empty in it", "fragment", "data partition"],
)
def test_the_rest_of_a_picture_is_dropped_and_a_key_picture_wanted(rest: list[bytes]) -> None:
    packets = [(FIRST_IDR, 1, True), *((payload, 1, True) for payload in rest), (FIRST, 2, True)]
    depacketizer, shown = pushed(packets)
    assert shown == [AccessUnit((FIRST_IDR,), 1)]
    assert depacketizer.wants_key_picture
    assert depacketizer.stats().dropped[DropReason.EARLY_MARKER] == 1


def test_from_then_on_a_picture_ends_when_the_next_one_begins() -> None:
    packets = [(FIRST_IDR, 1, True), (OTHER_IDR, 1, True)]
    packets += [(FIRST_IDR, 2, True), (OTHER_IDR, 2, True), (FIRST, 3, True), (OTHER, 3, True)]
    depacketizer, shown = pushed([*packets, (FIRST, 4, True)])
    whole = [AccessUnit((FIRST_IDR, OTHER_IDR), 2), AccessUnit((FIRST, OTHER), 3)]
    assert shown == [AccessUnit((FIRST_IDR,), 1), *whole]
    assert not depacketizer.wants_key_picture


def test_another_stream_is_trusted() -> None:
    depacketizer, _ = pushed([(FIRST_IDR, 1, True), (OTHER_IDR, 1, True)])
    depacketizer.restart()
    events = push_all(depacketizer, [Packet(FIRST_IDR, 2, marker=True)])
    assert access_units(events) == [AccessUnit((FIRST_IDR,), 2)]


def test_a_marker_within_a_nal_unit_costs_nothing() -> None:
    packets = [(b"\x7c\x85\x88", 1, True), (b"\x7c\x05b", 1, True), (b"\x7c\x45c", 1, True)]
    depacketizer, shown = pushed([*packets, (OTHER_IDR, 1, True), (FIRST, 2, True)])
    assert shown == [AccessUnit((b"\x65\x88bc", OTHER_IDR), 1)]
    assert depacketizer.stats().dropped == {}


@pytest.mark.parametrize("first", [FIRST, b"\x7c\x81\x9a", stap(SEI, FIRST)])
def test_pictures_of_one_timestamp_are_kept_apart(first: bytes) -> None:
    """Some clocks are coarse, or do not go at all."""
    packets = [(FIRST_IDR, 1, True)]
    for _ in range(3):
        packets += [(first, 1, False), (b"\x7c\x41b", 1, False)] if first[0] == 0x7C else [(first, 1, False)]
        packets += [(OTHER, 1, True)]
    depacketizer, shown = pushed(packets)
    assert [unit.nal_units[-1] for unit in shown] == [FIRST_IDR, OTHER, OTHER, OTHER]
    assert depacketizer.stats().dropped == {}


def test_what_follows_a_loss_proves_nothing() -> None:
    """The first slice of another picture may be what is missing."""
    depacketizer = Depacketizer(SETS)
    packets = [Packet(nal, 1, marker=nal != FIRST) for nal in (FIRST_IDR, FIRST, OTHER, FIRST_IDR)]
    shown = access_units(push_all(depacketizer, packets, {1}))
    assert shown == [AccessUnit((FIRST_IDR,), 1)] * 2


def test_the_rest_of_a_damaged_key_picture_is_no_key_picture() -> None:
    depacketizer = Depacketizer(SETS)
    packets = [Packet(nal, 1, marker=True) for nal in (FIRST_IDR, OTHER_IDR, OTHER_IDR)]
    assert access_units(push_all(depacketizer, packets, {0})) == []
    assert depacketizer.wants_key_picture


def test_parameter_sets_with_markers_say_nothing_of_pictures() -> None:
    packets = [(sps(), 1, True), (pps(), 1, True), (OTHER_IDR, 1, False), (FIRST_IDR, 1, True)]
    depacketizer, shown = pushed(packets)  # the slices of Baseline may come in any order
    assert shown == [AccessUnit((OTHER_IDR, FIRST_IDR), 1)]
    assert depacketizer.stats().dropped == {}


# -- against the packetizer


@st.composite
def sliced_streams(draw: st.DrawFn) -> list[AccessUnit]:
    """Pictures of one to four slices, each of which says whether it is the first.

    The very first one is a key picture of several slices that are larger than a packet may be.
    """
    stream: list[AccessUnit] = []
    for number in range(draw(st.integers(2, 8))):
        is_key = number == 0 or draw(st.booleans())
        size = st.integers(0, 60) if number else st.integers(80, 90)
        sizes = draw(st.lists(size, min_size=1 if number else 2, max_size=4))
        header = b"\x65" if is_key else b"\x41"
        slices = [
            header + (b"\x40" if at else b"\x88") + bytes((number + 1, at + 1)) * size + b"\x80"
            for at, size in enumerate(sizes)
        ]
        others = [SEI] if draw(st.booleans()) else []
        stream.append(AccessUnit((*others, *slices), 3000 * number))
    return stream


def end_of(stream: list[AccessUnit]) -> Packet:
    """What shows that the last picture has ended."""
    return Packet(FIRST, stream[-1].timestamp + 3000, marker=False)


def check_wholeness(stream: list[AccessUnit], shown: list[AccessUnit]) -> None:
    """All are whole but the first one, of which there may be a part; no one is without what it needs."""
    by_time = {unit.timestamp: number for number, unit in enumerate(stream)}
    before: int | None = None
    for number, unit in ((by_time[unit.timestamp], unit) for unit in shown):
        sent, got = list(stream[number].nal_units), list(map(bytes, unit.nal_units))
        if number == 0:  # with a marker of its own, SEI is no part of it
            sent, got = [[nal for nal in nals if nal[0] != SEI[0]] for nals in (sent, got)]
        assert got == (sent if number else sent[: len(got)])
        assert unit.is_key or before == number - 1
        before = None if len(got) < len(sent) else number


@settings(max_examples=400, deadline=None)
@given(sliced_streams(), st.sampled_from(PACKETIZERS), st.booleans(), st.data())
def test_at_most_a_part_of_one_picture(
    stream: list[AccessUnit], packetizer: Packetizer, is_everywhere: bool, data: st.DataObject
) -> None:
    packets = packets_of(stream, packetizer)
    first = sum(packet.picture == 0 for packet in packets)
    lost = data.draw(st.sets(st.integers(first, len(packets)), max_size=6))
    mark = marked_everywhere if is_everywhere else marked_at_slices
    sent = [*mark(packets), end_of(stream)]
    depacketizer = Depacketizer(SETS)
    shown = access_units(push_all(depacketizer, sent, lost))
    check_wholeness(stream, shown)
    if not lost:
        whole = [unit.timestamp for unit in shown if unit in stream]
        keys = [unit.timestamp for unit in stream[1:] if unit.is_key]
        assert set(keys) <= set(whole), "a whole key picture was dropped"
        assert [unit.timestamp for unit in stream if unit.timestamp >= min(whole, default=1e9)] == whole


@pytest.mark.parametrize("packetizer", PACKETIZERS, ids=["mode 0", "whole", "aggregates", "fragments"])
@pytest.mark.parametrize("mark", [marked_at_slices, marked_everywhere])
def test_real_slices(packetizer: Packetizer, mark: Callable[[list[Packet]], list[Packet]]) -> None:
    encoding = Encoding(profile="baseline", x264="slices=4:keyint=4:scenecut=0", frames=12)
    stream = [picture.access_unit() for picture in encode(encoding)]
    packets = packets_of(stream, packetizer)
    shown = access_units(push_all(Depacketizer(), [*mark(packets), end_of(stream)]))
    sent = [
        AccessUnit(
            tuple(nal for nal in unit.nal_units if nal[0] & 31 not in PARAMETER_SET_TYPES), unit.timestamp
        )
        for unit in stream
    ]
    assert [unit.is_key for unit in sent] == [True, False, False, False] * 3
    check_wholeness(sent, shown)
    assert shown[-8:] == sent[-8:], "from the second key picture on"
