"""The RTP of a SIP peer's m=video line, packet by packet: what a test wants it to send, and what it gets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.avc_tag import AvcTag
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.packetizer import Packetizer
from media_bridge.rtp.packet import RtpPacket, serialize_plain
from media_bridge.rtp.rtcp import Compound, parse_compound
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_rtp_port
from tests.interop.video_clip import Clip

FRAME_S = 0.04


class VideoPeer(asyncio.DatagramProtocol):
    """RTP on a port, RTCP on the next. It sends where RTP comes from, and takes what comes to be in order."""

    ssrc = 9

    def __init__(self) -> None:
        self.port = free_rtp_port()
        self.received: list[tuple[bytes, ...]] = []
        """NAL units of the pictures that came."""
        self.source_ssrc = 0
        """Of what comes."""
        self.payload_type = 96
        self.reports: list[Compound] = []
        """RTCP that came."""
        self.source: tuple[str, int] | None = None
        self._depacketizer = Depacketizer()
        self._transports: list[asyncio.DatagramTransport] = []
        self.number = 0
        """Of the packet that was sent last."""
        self._timestamp = 0

    async def open(self, stack: AsyncExitStack) -> None:
        """Bind both sockets for as long as the stack lasts."""
        loop = asyncio.get_running_loop()
        for port in (self.port, self.port + 1):
            transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, port))
            stack.callback(transport.close)
            self._transports.append(transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if 192 <= data[1] <= 223:
            self.reports.append(parse_compound(data))
            return
        self.source = address
        packet = RtpPacket.parse(data)
        self.source_ssrc = packet.ssrc
        for part in self._depacketizer.push(packet.payload, timestamp=packet.timestamp, marker=packet.marker):
            if isinstance(part, AccessUnit):
                self.received.append(tuple(bytes(nal) for nal in part.nal_units))

    async def heard(self) -> tuple[str, int]:
        """Wait until packets come; return where from."""
        await until(lambda: self.source is not None, "RTP from the gateway")
        assert self.source is not None
        return self.source

    def send(self, payloads: Sequence[bytes]) -> None:
        """Send what belongs to one picture, with the marker at its end."""
        for place, payload in enumerate(payloads, 1):
            self.number += 1
            marker = place == len(payloads)
            number = self.number & 0xFFFF
            self.send_raw(
                serialize_plain(self.payload_type, marker, number, self._timestamp, self.ssrc, payload)
            )
        self._timestamp += round(FRAME_S * 90_000)

    def send_raw(self, data: bytes) -> None:
        """Send a datagram."""
        self._transports[0].sendto(data, self.source)

    def send_report(self, data: bytes) -> None:
        """Send RTCP to the port above that of RTP."""
        assert self.source is not None
        host, port = self.source
        self._transports[1].sendto(data, (host, port + 1))

    async def send_clip(self, clip: Clip, *, begin: int = 0) -> None:
        """Send a clip from some picture on as a camera does."""
        for _, body in clip.pictures[begin:]:
            tag = AvcTag.parse(body)
            assert tag is not None
            self.send(Packetizer().payloads(tag.access_unit(0, 4), clip.configuration.parameter_sets))
            await asyncio.sleep(FRAME_S)


@asynccontextmanager
async def video_peer() -> AsyncIterator[VideoPeer]:
    """A peer on ports of its own."""
    peer = VideoPeer()
    async with AsyncExitStack() as stack:
        await peer.open(stack)
        yield peer
