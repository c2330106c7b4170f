"""The depacketizer, by hand and against the packetizer under any loss."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.drop_reason import DropReason
from media_bridge.h264.limits import AccessUnitLimits
from media_bridge.h264.packet_type import PacketizationMode
from media_bridge.h264.packetizer import Packetizer
from tests.media_bridge.h264.rtp_packets import Packet, access_units, packets_of, push_all
from tests.media_bridge.h264.strategies import pps, sps, streams

SETS = (sps(), pps())
CONFIGURATION = AvcConfiguration((sps(),), (pps(),))
IDR, SLICE, SEI = b"\x65\x88\x80", b"\x41\x9a\x80", b"\x06\x05\x80"


def fu(header: int, rest: bytes = b"abc") -> bytes:
    return bytes((0x7C, header)) + rest


class Receiver:
    """A depacketizer, fed with one packet after the other."""

    def __init__(self, *parameter_sets: bytes, **options: Any) -> None:
        self.depacketizer = Depacketizer(parameter_sets, **options)

    def push(
        self, payload: bytes, timestamp: int = 0, *, marker: bool = False, lost: bool = False
    ) -> list[AvcConfiguration | AccessUnit]:
        return list(self.depacketizer.push(payload, timestamp=timestamp, marker=marker, is_after_loss=lost))

    def start(self) -> None:
        """Receive a key picture."""
        assert len(access_units(self.push(IDR, marker=True))) == 1

    @property
    def dropped(self) -> dict[DropReason, int]:
        return dict(self.depacketizer.stats().dropped)

    @property
    def waits(self) -> bool:
        return self.depacketizer.wants_key_picture


@pytest.fixture
def receiver() -> Receiver:
    """A receiver that has got a key picture."""
    receiver = Receiver(*SETS)
    assert receiver.waits
    receiver.start()
    assert not receiver.waits
    return receiver


def test_the_configuration_comes_before_the_first_picture() -> None:
    receiver = Receiver(*SETS)
    assert receiver.push(IDR, 5, marker=True) == [CONFIGURATION, AccessUnit((IDR,), 5)]
    assert receiver.push(SLICE, 6, marker=True) == [AccessUnit((SLICE,), 6)]


def test_parameter_sets_in_band_are_not_part_of_the_picture() -> None:
    receiver = Receiver()
    for nal in (*SETS, b"\x09\xf0", SEI):
        assert receiver.push(nal) == []
    assert receiver.push(IDR, marker=True) == [CONFIGURATION, AccessUnit((SEI, IDR), 0)]
    for nal in SETS:
        receiver.push(nal, 9)
    assert receiver.push(IDR, 9, marker=True) == [AccessUnit((IDR,), 9)]


def test_parameter_sets_may_come_with_a_marker_or_time_of_their_own() -> None:
    receiver = Receiver()
    assert receiver.push(sps(), 1, marker=True) == receiver.push(pps(), 2) == []
    assert receiver.push(IDR, 3, marker=True) == [CONFIGURATION, AccessUnit((IDR,), 3)]
    assert receiver.dropped == {}


def test_a_change_is_told_before_the_next_picture(receiver: Receiver) -> None:
    receiver.push(pps(1), 1)
    expected = AvcConfiguration((sps(),), (pps(), pps(1)))
    assert receiver.push(SLICE, 1, marker=True) == [expected, AccessUnit((SLICE,), 1)]
    receiver.push(sps(0, 40), 2)
    expected = AvcConfiguration((sps(0, 40),), (pps(), pps(1)))
    assert receiver.push(IDR, 2, marker=True) == [expected, AccessUnit((IDR,), 2)]


def test_a_change_counts_although_its_picture_is_damaged(receiver: Receiver) -> None:
    receiver.push(sps(0, 40), 1)
    receiver.push(IDR, 1, marker=True, lost=True)
    expected = AvcConfiguration((sps(0, 40),), (pps(),))
    assert receiver.push(IDR, 2, marker=True) == [expected, AccessUnit((IDR,), 2)]


def test_without_markers_a_picture_ends_when_the_next_one_begins(receiver: Receiver) -> None:
    assert receiver.push(SLICE, 1) == receiver.push(SLICE, 1) == []
    assert receiver.push(SLICE, 2) == [AccessUnit((SLICE, SLICE), 1)]
    assert receiver.push(SLICE, 3, marker=True) == [AccessUnit((SLICE,), 2), AccessUnit((SLICE,), 3)]


def test_aggregates() -> None:
    receiver = Receiver()
    payload = b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in (*SETS, SEI, b"", IDR))
    assert receiver.push(payload, marker=True) == [CONFIGURATION, AccessUnit((SEI, IDR), 0)]
    assert receiver.dropped == {DropReason.EMPTY: 1}


def test_fragments(receiver: Receiver) -> None:
    for payload in (fu(0x85), fu(0x05, b""), fu(0x05, b"de")):
        receiver.push(payload, 1)
    (access_unit,) = receiver.push(fu(0x45, b"f"), 1, marker=True)
    assert access_unit == AccessUnit((b"\x65abcdef",), 1)


def test_the_first_fragment_says_what_it_is() -> None:
    """Those after it may say something else: no key picture comes of it."""
    receiver = Receiver(*SETS)
    receiver.push(fu(0x81), 1)
    assert receiver.push(fu(0x45), 1, marker=True) == []
    assert receiver.waits


def test_a_fragment_may_be_whole(receiver: Receiver) -> None:
    """The RFC forbids it, some senders do it, and there is nothing to misunderstand."""
    assert receiver.push(fu(0xC1), 1, marker=True) == [AccessUnit((b"\x61abc",), 1)]


@pytest.mark.parametrize(
    ("payloads", "reason"),
    [
        ([fu(0x05)], DropReason.CUT_FRAGMENT),
        ([fu(0x45)], DropReason.CUT_FRAGMENT),
        ([fu(0x85)], DropReason.CUT_FRAGMENT),
        ([fu(0x85), SLICE], DropReason.CUT_FRAGMENT),
        ([fu(0x85), fu(0x85), fu(0x45)], DropReason.CUT_FRAGMENT),
        ([b"\x7c"], DropReason.MALFORMED),
        ([fu(0xDC)], DropReason.MALFORMED),
        ([b"\x78\0\4abc"], DropReason.MALFORMED),
        ([b"\x78\0"], DropReason.MALFORMED),
        ([b"\x78\0\2\x78a"], DropReason.MALFORMED),
        ([b"\xc1abc"], DropReason.FORBIDDEN_BIT),
        ([b"\x79\0\0\0\3abc"], DropReason.INTERLEAVED),
        ([b"\x7a\0\0\0\3abc"], DropReason.INTERLEAVED),
        ([b"\x7d\x85\0\0abc"], DropReason.INTERLEAVED),
        ([b"\x67\x42"], DropReason.BAD_PARAMETER_SET),
    ],
)
def test_what_damages_a_picture(receiver: Receiver, payloads: list[bytes], reason: DropReason) -> None:
    for payload in payloads:
        assert receiver.push(payload, 1) == []
    assert receiver.push(SLICE, 1, marker=True) == []
    assert receiver.waits
    assert receiver.push(SLICE, 2, marker=True) == []
    assert receiver.dropped == {reason: 1, DropReason.WAITING: 1}
    receiver.start()
    assert not receiver.waits


@pytest.mark.parametrize("payload", [b"\x00a", b"\x1ea", b"\x1f"])
def test_payloads_that_mean_nothing_are_passed_over(receiver: Receiver, payload: bytes) -> None:
    receiver.push(payload, 1)
    assert receiver.push(SLICE, 1, marker=True) == [AccessUnit((SLICE,), 1)]
    assert receiver.dropped == {DropReason.UNKNOWN_TYPE: 1}


def test_an_empty_payload_is_passed_over_but_not_the_loss_before_it(receiver: Receiver) -> None:
    receiver.push(SLICE, 1)
    receiver.push(b"", 2, marker=True)
    assert receiver.push(SLICE, 1, marker=True) == [AccessUnit((SLICE, SLICE), 1)]
    receiver.push(b"", 2, lost=True)
    assert receiver.push(SLICE, 2, marker=True) == []
    assert receiver.dropped == {DropReason.EMPTY: 2, DropReason.LOSS: 1}


def test_a_picture_needs_slices(receiver: Receiver) -> None:
    assert receiver.push(SEI, 1, marker=True) == []
    assert not receiver.waits
    assert receiver.dropped == {DropReason.NO_PICTURE: 1}


def test_a_key_picture_needs_parameter_sets() -> None:
    receiver = Receiver(b"\x67\x42", sps())
    assert receiver.push(IDR, marker=True) == []
    assert receiver.waits
    assert receiver.dropped == {DropReason.BAD_PARAMETER_SET: 1, DropReason.NO_PARAMETER_SETS: 1}


def test_a_picture_after_loss_is_dropped_though_it_may_be_whole(receiver: Receiver) -> None:
    receiver.push(SLICE, 1)
    assert receiver.push(IDR, 2, marker=True, lost=True) == []
    assert receiver.dropped == {DropReason.LOSS: 2}
    assert receiver.waits


def test_a_recovery_point_does_not_end_the_wait(receiver: Receiver) -> None:
    receiver.push(SLICE, 1, marker=True, lost=True)
    receiver.push(b"\x06\x06\x01\xc4\x80", 2)  # recovery_frame_cnt 0
    assert receiver.push(SLICE, 2, marker=True) == []
    assert receiver.waits


@pytest.mark.parametrize(
    ("limits", "payloads"),
    [
        (AccessUnitLimits(max_bytes=20), [b"\x41" + bytes(10)] * 2),
        (AccessUnitLimits(max_bytes=20), [fu(0x81), *[fu(0x01)] * 4]),
        (AccessUnitLimits(max_nal_units=3), [SLICE] * 4),
        (AccessUnitLimits(max_nal_units=3), [b"\x78" + b"\0\1\x41" * 4]),
        (AccessUnitLimits(max_packets=3), [fu(0x81), *[fu(0x01, b"")] * 3]),
    ],
)
def test_limits(limits: AccessUnitLimits, payloads: list[bytes]) -> None:
    receiver = Receiver(*SETS, limits=limits)
    receiver.start()
    for payload in payloads:
        receiver.push(payload, 1)
    assert receiver.push(b"\x1f", 2) == []
    assert receiver.dropped[DropReason.TOO_LARGE] == 1
    assert receiver.waits


@pytest.mark.parametrize("payload", [fu(0x05, b""), fu(0x01, b"x"), b"\x78" + b"\0\1\x41" * 300, SLICE])
def test_memory_is_bounded(payload: bytes) -> None:
    limits = AccessUnitLimits(max_bytes=100_000, max_nal_units=1000, max_packets=1000)
    receiver = Receiver(*SETS, limits=limits)
    receiver.push(fu(0x85), 1)
    tracemalloc.start()
    try:
        for _ in range(20_000):
            receiver.push(bytes(payload), 1)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_statistics(receiver: Receiver) -> None:
    receiver.push(SLICE, 1, marker=True)
    stats = receiver.depacketizer.stats()
    assert (stats.access_units, stats.key_pictures, stats.dropped) == (2, 1, {})


# -- against the packetizer

packetizers = st.builds(
    Packetizer,
    st.just(PacketizationMode.NON_INTERLEAVED),
    max_payload=st.one_of(st.integers(3, 60), st.just(1200)),
    aggregate=st.booleans(),
) | st.builds(Packetizer, st.just(PacketizationMode.SINGLE_NAL), max_payload=st.just(1200))


@settings(max_examples=300, deadline=None)
@given(streams(max_size=300), packetizers, st.booleans(), st.booleans())
def test_all_comes_out_as_it_went_in(
    stream: list[AccessUnit], packetizer: Packetizer, is_in_band: bool, has_markers: bool
) -> None:
    packets = packets_of(stream, packetizer, SETS if is_in_band else ())
    if not has_markers:
        packets = [packet._replace(marker=False) for packet in packets]
        packets.append(Packet(SLICE, stream[-1].timestamp + 1, marker=False))
    depacketizer = Depacketizer(() if is_in_band else SETS)
    events = push_all(depacketizer, packets)
    assert events == [CONFIGURATION, *stream]
    assert depacketizer.stats().dropped == {}


@settings(max_examples=200, deadline=None)
@given(streams(max_pictures=12), packetizers, st.data())
def test_no_loss_yields_a_damaged_picture(
    stream: list[AccessUnit], packetizer: Packetizer, data: st.DataObject
) -> None:
    packets = packets_of(stream, packetizer)
    lost = data.draw(st.sets(st.integers(0, len(packets) - 1), max_size=6))
    depacketizer = Depacketizer(SETS)
    shown = access_units(push_all(depacketizer, packets, lost))
    numbers = [_number_of(access_unit, stream) for access_unit in shown]
    assert numbers == sorted(set(numbers))
    for number in numbers:
        assert stream[number].is_key or number - 1 in numbers, "a picture without the one before it"
    damaged = {packets[number].picture for number in lost}
    assert not damaged & set(numbers)
    _check_nothing_good_was_dropped(packets, lost, stream, numbers)


def _number_of(access_unit: AccessUnit, stream: Sequence[AccessUnit]) -> int:
    """The number of the picture that is the same, byte for byte."""
    (number,) = (n for n, sent in enumerate(stream) if sent.timestamp == access_unit.timestamp)
    assert tuple(map(bytes, access_unit.nal_units)) == stream[number].nal_units
    return number


def _check_nothing_good_was_dropped(
    packets: list[Packet], lost: set[int], stream: list[AccessUnit], shown: list[int]
) -> None:
    """A key picture is shown unless it or the packet before it is lost; and so is all up to the next loss."""
    for number, access_unit in enumerate(stream):
        own = [at for at, packet in enumerate(packets) if packet.picture == number]
        if not lost & {own[0] - 1, *own} and (access_unit.is_key or number - 1 in shown):
            assert number in shown


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), packetizers, st.data())
def test_key_pictures_come_with_the_sets_they_were_made_with(
    widths: list[int], packetizer: Packetizer, data: st.DataObject
) -> None:
    stream = [
        AccessUnit((sps(0, width), pps(0, 0, width), SEI, IDR, b"\x65" + bytes((width,)) * 90), number)
        for number, width in enumerate(widths)
    ]
    packets = packets_of(stream, packetizer)
    lost = data.draw(st.sets(st.integers(0, len(packets) - 1), max_size=4))
    current: AvcConfiguration | None = None
    for event in push_all(Depacketizer(), packets, lost):
        if isinstance(event, AvcConfiguration):
            current = event
            continue
        assert current is not None
        assert (*current.sps, *current.pps, *event.nal_units) == stream[event.timestamp].nal_units


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [b"", b"\x7c\x85", b"\x7c\x05", b"\x7c\x45", b"\x78", b"\x67\x42\xc0\x1f", b"\x41"]
            ),
            st.binary(max_size=20),
            st.integers(0, 2),
            st.booleans(),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_any_payloads(packets: list[tuple[bytes, bytes, int, bool, bool]]) -> None:
    depacketizer = Depacketizer(SETS)
    for start, rest, timestamp, marker, lost in packets:
        must_be_key = depacketizer.wants_key_picture
        for event in depacketizer.push(start + rest, timestamp=timestamp, marker=marker, is_after_loss=lost):
            if isinstance(event, AccessUnit):
                assert event.nal_units
                assert all(len(nal) > 0 for nal in event.nal_units)
                assert event.is_key or not must_be_key
                must_be_key = False
            else:
                assert AvcConfiguration.parse(event.serialize()) == event


@settings(max_examples=300, deadline=None)
@given(streams(), packetizers, st.data())
def test_damaged_payloads(stream: list[AccessUnit], packetizer: Packetizer, data: st.DataObject) -> None:
    packets = packets_of(stream, packetizer, SETS)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(packets) - 1))
        payload = bytearray(packets[at].payload) or bytearray(1)
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
        end = data.draw(st.integers(0, len(payload)))
        packets[at] = packets[at]._replace(payload=bytes(payload[:end]))
    for access_unit in access_units(push_all(Depacketizer(), packets)):
        assert all(len(nal) > 0 for nal in access_unit.nal_units)
