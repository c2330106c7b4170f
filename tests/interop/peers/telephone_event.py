"""DTMF digits in RTP: the telephone-event payload (RFC 4733 section 2.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

DIGITS = "0123456789*#ABCD"
PAYLOAD_SIZE = 4


@dataclass(frozen=True, slots=True)
class TelephoneEventPayload:
    """One packet's payload: event code, end bit, volume in -dBm0, duration in timestamp units."""

    event: int
    end: bool
    volume: int
    duration: int

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Parse the first four bytes; ValueError if there are fewer."""
        if len(payload) < PAYLOAD_SIZE:
            raise ValueError(f"telephone-event payload of {len(payload)} bytes, {PAYLOAD_SIZE} needed")
        return cls(
            payload[0], bool(payload[1] & 0x80), payload[1] & 0x3F, int.from_bytes(payload[2:4], "big")
        )


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """One key press: all packets of one RTP timestamp."""

    event: int
    timestamp: int
    duration: int
    """Longest duration reported, in timestamp units (8 a millisecond at 8000 Hz)."""
    packets: int
    end_packets: int
    """Packets with the end bit: a sender repeats the last one, three in all (section 2.5.1.4)."""
    marked: bool
    """Whether the first packet had the marker bit (section 2.5.1.1)."""

    @property
    def digit(self) -> str:
        """The key, or the event code in angle brackets for what is not a key (section 3.2)."""
        return DIGITS[self.event] if self.event < len(DIGITS) else f"<{self.event}>"


def collect_events(packets: Iterable[tuple[int, bool, bytes]]) -> list[TelephoneEvent]:
    """Group (timestamp, marker, payload) of telephone-event packets into key presses, in order of arrival."""
    events: dict[tuple[int, int], TelephoneEvent] = {}
    for timestamp, marker, data in packets:
        payload = TelephoneEventPayload.parse(data)
        key = (timestamp, payload.event)
        known = events.get(key) or TelephoneEvent(payload.event, timestamp, 0, 0, 0, marker)
        events[key] = TelephoneEvent(
            event=payload.event,
            timestamp=timestamp,
            duration=max(known.duration, payload.duration),
            packets=known.packets + 1,
            end_packets=known.end_packets + payload.end,
            marked=known.marked,
        )
    return list(events.values())
