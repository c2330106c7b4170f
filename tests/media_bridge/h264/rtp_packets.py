"""The packets of a stream, and what a depacketizer makes of those that arrive."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.packetizer import Packetizer


class Packet(NamedTuple):
    """A packet; `picture` is the number of its access unit."""

    payload: bytes
    timestamp: int
    marker: bool
    picture: int = 0


def packets_of(
    stream: Iterable[AccessUnit], packetizer: Packetizer, parameter_sets: Sequence[bytes] = ()
) -> list[Packet]:
    """The packets in sending order."""
    packets: list[Packet] = []
    for number, access_unit in enumerate(stream):
        payloads = packetizer.payloads(access_unit, parameter_sets)
        for at, payload in enumerate(payloads, 1):
            packets.append(Packet(payload, access_unit.timestamp, at == len(payloads), number))
    return packets


def push_all(
    depacketizer: Depacketizer, packets: Iterable[Packet], lost: Collection[int] = ()
) -> list[AvcConfiguration | AccessUnit]:
    """What comes out if the packets of the numbers in `lost` do not arrive."""
    out: list[AvcConfiguration | AccessUnit] = []
    has_loss = False
    for number, packet in enumerate(packets):
        if number in lost:
            has_loss = True
            continue
        out += depacketizer.push(
            packet.payload, timestamp=packet.timestamp, marker=packet.marker, is_after_loss=has_loss
        )
        has_loss = False
    return out


def access_units(events: Iterable[AvcConfiguration | AccessUnit]) -> list[AccessUnit]:
    return [event for event in events if isinstance(event, AccessUnit)]
