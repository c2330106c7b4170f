"""A socket that receives RTP in place of a peer and says what came: payloads, key presses, gaps.

Give its `port` to a SIPp scenario as `rtp_port`: SIPp does the signalling, this takes the media.
"""

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_rtp_port
from tests.interop.peers.telephone_event import TelephoneEvent, collect_events

HEADER_SIZE = 12
MAX_PACKETS = 200_000


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """One RTP packet (RFC 3550 section 5.1) and when it came, in seconds of the monotonic clock."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    arrival_s: float

    @classmethod
    def parse(cls, data: bytes, arrival_s: float) -> Self:
        """Parse a packet; ValueError if it is not RTP version 2 or ends before its payload begins."""
        if len(data) < HEADER_SIZE or data[0] >> 6 != 2:
            raise ValueError(f"not RTP: {data[:HEADER_SIZE].hex()}")
        start = HEADER_SIZE + 4 * (data[0] & 0x0F)
        if data[0] & 0x10:
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        end = len(data) - (data[-1] if data[0] & 0x20 else 0)
        if start > end:
            raise ValueError(f"RTP header of {start} bytes in a packet of {len(data)}")
        return cls(
            payload_type=data[1] & 0x7F,
            marker=bool(data[1] & 0x80),
            sequence=int.from_bytes(data[2:4], "big"),
            timestamp=int.from_bytes(data[4:8], "big"),
            ssrc=int.from_bytes(data[8:12], "big"),
            payload=data[start:end],
            arrival_s=arrival_s,
        )


class RtpCapture(asyncio.DatagramProtocol):
    """Receives RTP on 127.0.0.1:`port` while the context lasts. With `echo` every packet also goes back."""

    def __init__(self, *, port: int | None = None, echo: bool = False) -> None:
        self.port = free_rtp_port() if port is None else port
        self.packets: list[CapturedPacket] = []
        self.malformed: list[bytes] = []
        self.remote: tuple[str, int] | None = None
        self._echo = echo
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep a packet; what is not RTP goes to `malformed`."""
        if len(self.packets) + len(self.malformed) >= MAX_PACKETS:
            return
        self.remote = addr
        try:
            self.packets.append(CapturedPacket.parse(data, time.monotonic()))
        except ValueError:
            self.malformed.append(data)
        if self._echo and self._transport is not None:
            self._transport.sendto(data, addr)

    def send(self, data: bytes, remote: tuple[str, int] | None = None) -> None:
        """Send a packet from the port, to the peer that last sent one unless `remote` is given."""
        target = remote or self.remote
        if self._transport is None or target is None:
            raise RuntimeError("nothing has been received yet, so there is nobody to send to")
        self._transport.sendto(data, target)

    def of_type(self, payload_type: int) -> list[CapturedPacket]:
        """The packets of a payload type, in order of arrival."""
        return [packet for packet in self.packets if packet.payload_type == payload_type]

    def telephone_events(self, payload_type: int) -> list[TelephoneEvent]:
        """The key presses under the payload type that SDP gave to telephone-event."""
        return collect_events((p.timestamp, p.marker, p.payload) for p in self.of_type(payload_type))

    def digits(self, payload_type: int) -> str:
        """The keys that were pressed and let go."""
        return "".join(event.digit for event in self.telephone_events(payload_type) if event.end_packets)

    def sequence_gaps(self) -> int:
        """How many times a packet is not the successor (modulo 65536) of the one before it, per SSRC."""
        gaps = 0
        last: dict[int, int] = {}
        for packet in self.packets:
            expected = (last.get(packet.ssrc, packet.sequence - 1) + 1) & 0xFFFF
            gaps += packet.sequence != expected
            last[packet.ssrc] = packet.sequence
        return gaps

    def longest_silence_s(self) -> float:
        """The longest time between two packets, in seconds; 0 for fewer than two."""
        arrivals = [packet.arrival_s for packet in self.packets]
        return max((later - earlier for earlier, later in pairwise(arrivals)), default=0.0)

    async def wait_packets(self, count: int, timeout_s: float = 10.0) -> list[CapturedPacket]:
        """Wait until at least `count` packets have come; all of them."""
        await until(lambda: len(self.packets) >= count, f"{count} RTP packets on port {self.port}", timeout_s)
        return self.packets

    async def wait_digits(self, digits: str, payload_type: int, timeout_s: float = 10.0) -> None:
        """Wait until exactly these keys have been pressed and let go."""
        await until(
            lambda: self.digits(payload_type) == digits,
            f"the digits {digits} as payload type {payload_type} on port {self.port}",
            timeout_s,
        )
