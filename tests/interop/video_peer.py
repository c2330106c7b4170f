"""The RTP of a SIP peer's m=video line, packet by packet: what a test wants it to send, and what it gets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.avc_tag import AvcTag
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.packetizer import Packetizer
from media_bridge.rtp.packet import RtpPacket, serialize_plain
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST
from tests.interop.video_clip import Clip

FRAME_S = 0.04


class VideoPeer(asyncio.DatagramProtocol):
    """Without RTCP. It sends where packets come from, and believes each that comes to be in order."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, ...]] = []
        """NAL units of the pictures that came."""
        self.source: tuple[str, int] | None = None
        self._depacketizer = Depacketizer()
        self._transport: asyncio.DatagramTransport
        self._number = self._timestamp = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.source = address
        packet = RtpPacket.parse(data)
        for part in self._depacketizer.push(packet.payload, timestamp=packet.timestamp, marker=packet.marker):
            if isinstance(part, AccessUnit):
                self.received.append(tuple(bytes(nal) for nal in part.nal_units))

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    async def heard(self) -> tuple[str, int]:
        """Wait until packets come; return where from."""
        await until(lambda: self.source is not None, "RTP from the gateway")
        assert self.source is not None
        return self.source

    def send(self, payloads: Sequence[bytes], *, payload_type: int = 96, advance_s: float = FRAME_S) -> None:
        """Send what belongs to one picture, with the marker at its end."""
        for place, payload in enumerate(payloads, 1):
            self._number += 1
            marker = place == len(payloads)
            self.send_raw(
                serialize_plain(payload_type, marker, self._number & 0xFFFF, self._timestamp, 9, payload)
            )
        self._timestamp += round(advance_s * 90_000)

    def send_raw(self, data: bytes) -> None:
        """Send a datagram."""
        self._transport.sendto(data, self.source)

    async def send_clip(self, clip: Clip) -> None:
        """Send a clip as a camera does."""
        for _, body in clip.pictures:
            tag = AvcTag.parse(body)
            assert tag is not None
            self.send(Packetizer().payloads(tag.access_unit(0, 4), clip.configuration.parameter_sets))
            await asyncio.sleep(FRAME_S)


@asynccontextmanager
async def video_peer() -> AsyncIterator[VideoPeer]:
    """A peer on a port of its own."""
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(VideoPeer, local_addr=(HOST, 0))
    try:
        yield peer
    finally:
        transport.close()
