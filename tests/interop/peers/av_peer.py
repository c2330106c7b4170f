"""The media of a SIP phone on four sockets of ours: RTP and RTCP of audio and of video, received and sent.

SIPp does the signalling (`Sipp(..., rtp_port=peer.audio_port, keys={"video_port": peer.video_port})`). What
comes is kept, sender reports with it; what is sent is wherever the gateway's description says. It reads and
writes RTCP by itself, so that it does not believe our own of it.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from tests.interop.peers.ports import HOST, free_rtp_port
from tests.interop.peers.rtp_capture import CapturedPacket

_SENDER_REPORT = 200
_NTP_EPOCH_S = 2_208_988_800
_HEADER = struct.Struct("!BBHII")
_REPORT = struct.Struct("!BBHIQIII")
_SDES = struct.Struct("!BBHIBB")


@dataclass(frozen=True, slots=True)
class CapturedReport:
    """A sender report (RFC 3550 §6.4.1): Unix time by the peer's clock, and the timestamp of that moment.

    `arrival_s` is when it came, as of a `CapturedPacket`.
    """

    arrival_s: float
    ssrc: int
    unix_s: float
    timestamp: int


class MediaLine(asyncio.DatagramProtocol):
    """RTP on a port, RTCP on the next: one m-line."""

    def __init__(self, port: int, rate_hz: int, payload_type: int, ssrc: int) -> None:
        self.port = port
        self.payload_type = payload_type
        self.packets: list[CapturedPacket] = []
        self.reports: list[CapturedReport] = []
        self.target: tuple[str, int] | None = None
        self.ssrc = ssrc
        self.rate_hz = rate_hz
        self._number = self._octets = self._count = 0
        self._transports: list[asyncio.DatagramTransport] = []

    async def open(self, stack: AsyncExitStack) -> None:
        """Bind both sockets for as long as the stack lasts."""
        loop = asyncio.get_running_loop()
        for number in range(2):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=(HOST, self.port + number)
            )
            stack.callback(transport.close)
            self._transports.append(transport)

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        """Keep a packet or a report."""
        now_s = time.monotonic()
        if 192 <= data[1] <= 223:
            if data[1] == _SENDER_REPORT:
                _, _, _, ssrc, ntp, timestamp, _, _ = _REPORT.unpack_from(data)
                self.reports.append(CapturedReport(now_s, ssrc, ntp / 2**32 - _NTP_EPOCH_S, timestamp))
        else:
            self.packets.append(CapturedPacket.parse(data, now_s))

    def moment_s(self, timestamp: int, arrival_s: float) -> float:
        """Return the moment of a timestamp by the newest report that had come by then, or the first."""
        known = [report for report in self.reports if report.arrival_s <= arrival_s]
        report = known[-1] if known else self.reports[0]
        ticks = (timestamp - report.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        return report.unix_s + ticks / self.rate_hz

    def send(self, payloads: Sequence[bytes], timestamp: int) -> None:
        """Send the payloads of one frame or picture."""
        assert self.target is not None
        for place, payload in enumerate(payloads, 1):
            marker = (place == len(payloads)) << 7
            header = _HEADER.pack(
                0x80, marker | self.payload_type, self._number, timestamp & 0xFFFFFFFF, self.ssrc
            )
            self._transports[0].sendto(header + payload, self.target)
            self._number = self._number + 1 & 0xFFFF
            self._count += 1
            self._octets += len(payload)

    def report(self, unix_s: float, timestamp: int) -> None:
        """Send a sender report with a CNAME."""
        assert self.target is not None
        ntp = round((unix_s + _NTP_EPOCH_S) * 2**32)
        report = _REPORT.pack(
            0x80, _SENDER_REPORT, 6, self.ssrc, ntp, timestamp & 0xFFFFFFFF, self._count, self._octets
        )
        name = b"phone\0"
        cname = _SDES.pack(0x81, 202, (10 + len(name)) // 4 - 1, self.ssrc, 1, len(name) - 1) + name
        host, port = self.target
        self._transports[1].sendto(report + cname, (host, port + 1))


class AvPeer:
    """Both lines; `payload_type` is that of the video."""

    def __init__(self, payload_type: int) -> None:
        first = free_rtp_port()
        self.audio = MediaLine(first, 8000, 0, 0xA0A0)
        self.video = MediaLine(first + 2, 90_000, payload_type, 0xB0B0)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for line in (self.audio, self.video):
            await line.open(self._stack)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
