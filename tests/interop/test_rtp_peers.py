"""The RTP session with GStreamer and FFmpeg as peers, which have implementations of their own."""

from __future__ import annotations

import base64
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.events import Event, KeyFrameRequested, SenderReportReceived
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.session_options import Negotiated, SessionOptions
from media_bridge.rtp.srtp import SrtpContext
from media_bridge.rtp.udp import RtpEndpoint
from media_bridge.rtp.udp_ports import UdpPorts, bind_udp_ports
from tests.interop.conftest import Peers
from tests.interop.peers import HOST, free_port_range, until
from tests.interop.peers.rtp_program import (
    FfmpegSrtpSender,
    read_output,
    rtpbin_receiver,
    rtpbin_sender,
    srtp_receiver,
)
from tests.interop.peers.udp_relay import UdpRelay
from tests.media_bridge.h264.bit_writer import simple_sps

pytestmark = pytest.mark.undisturbed

IDR = 5
VIDEO_CLOCK_HZ = 90_000
REPORT_TIMEOUT_S = 25.0
"""rtpbin reports every 5 s, give or take a half, and the first time perhaps before it has had our report."""

PICTURE = (b"\x41" + bytes(400), b"\x41" + bytes(400))
KEY_PICTURE = (simple_sps().bits(0, 1).nal(), b"\x68\xce\x3c\x80", b"\x65" + bytes(400))
"""What looks like H.264 to who only unpacks it."""


class LossySocket(socket.socket):
    """Loses every hundredth packet that is sent."""

    def __init__(self, other: socket.socket) -> None:
        super().__init__(fileno=other.detach())
        self._count = itertools.count(1)

    def sendto(self, data: bytes, address: tuple[str, int]) -> int:  # type: ignore[override]
        return len(data) if next(self._count) % 100 == 0 else super().sendto(data, address)


@dataclass
class Ours:
    """Our side, and what it was told."""

    endpoint: RtpEndpoint
    events: list[Event] = field(default_factory=list)

    @property
    def session(self) -> RtpSession:
        return self.endpoint.session

    def nal_types(self) -> list[int]:
        """The NAL units' types; of a fragmented one, of each fragment."""
        payloads = (event.packet.payload for event in self.events if isinstance(event, OrderedPacket))
        return [payload[1] & 0x1F if payload[0] & 0x1F == 28 else payload[0] & 0x1F for payload in payloads]

    def sends(self, condition: Callable[[], object]) -> Callable[[], object]:
        """A condition for `until` that sends a picture each time, and a key picture after each request.

        (rtpbin reports nothing for as long as it has something to ask for.)
        """
        answered = 0

        def ask() -> object:
            nonlocal answered
            requests = sum(isinstance(event, KeyFrameRequested) for event in self.events)
            picture = KEY_PICTURE if requests > answered else PICTURE
            answered = requests
            self.endpoint.send(picture, round(time.monotonic() * VIDEO_CLOCK_HZ))
            return condition()

        return ask


@asynccontextmanager
async def ours(
    remote: int, *, lossy: bool = False, srtp: SrtpContext | None = None, **changes: object
) -> AsyncIterator[Ours]:
    block = free_port_range()
    ports = bind_udp_ports(HOST, block[0], block[-1])
    if lossy:
        ports = UdpPorts(LossySocket(ports.rtp), ports.rtcp)
    negotiated = replace(Negotiated((HOST, remote), 96, frozenset({96})), **changes)  # type: ignore[arg-type]
    options = SessionOptions("interop", time.time() - time.monotonic())
    session = RtpSession(negotiated, options, time.monotonic(), srtp=srtp)
    events: list[Event] = []
    endpoint = RtpEndpoint(session, ports, events.extend)
    try:
        yield Ours(endpoint, events)
    finally:
        endpoint.close()


@pytest.mark.interop("gst-launch-1.0")
async def test_rtpbin_sends_to_us(peers: Peers) -> None:
    remote, rtcp, inside, *_ = free_port_range()
    async with ours(remote, pli=True) as us, UdpRelay(rtcp, inside, us.endpoint.rtp_port + 1):
        await peers.start(rtpbin_sender(us.endpoint.rtp_port, inside, rtcp))
        await until(lambda: us.nal_types().count(1) > 20, "pictures")
        first = us.nal_types().index(IDR)
        await until(lambda: [e for e in us.events if isinstance(e, SenderReportReceived)], "a sender report")
        report = next(e for e in us.events if isinstance(e, SenderReportReceived))
        assert report.ntp_s == pytest.approx(time.time(), abs=5)
        pictures = len(us.nal_types())
        assert IDR not in us.nal_types()[first + 100 :], "one key picture only"
        assert us.endpoint.request_key_frame()
        await until(lambda: IDR in us.nal_types()[pictures:], "a key picture in answer to PLI")
        statistics = us.session.statistics()
    assert (statistics.lost, statistics.counters.malformed, statistics.counters.rtcp_malformed) == (0, 0, 0)
    assert statistics.counters.strangers == statistics.counters.stray == 0


@pytest.mark.interop("gst-launch-1.0")
async def test_rtpbin_takes_our_reports_and_asks_for_a_key_picture(peers: Peers) -> None:
    remote, rtcp, inside, *_ = free_port_range()
    async with ours(remote, lossy=True, pli=True) as us, UdpRelay(rtcp, inside, us.endpoint.rtp_port + 1):
        await peers.start(rtpbin_receiver(remote, inside, rtcp, retransmission=False))
        measured = us.sends(lambda: us.session.statistics().round_trip_s is not None)
        assert await until(measured, "a report about our sender report", REPORT_TIMEOUT_S)
        asked = us.sends(lambda: [e for e in us.events if isinstance(e, KeyFrameRequested)])
        assert await until(asked, "PLI")
        lost = us.sends(lambda: us.session.statistics().peer_lost)
        assert await until(lost, "a report about what was lost", REPORT_TIMEOUT_S)
        statistics = us.session.statistics()
    assert statistics.round_trip_s is not None
    assert statistics.round_trip_s < 0.1
    assert statistics.counters.rtcp_malformed == 0


@pytest.mark.interop("gst-launch-1.0")
async def test_rtpbin_gets_again_what_it_asks_for(peers: Peers) -> None:
    remote, rtcp, inside, *_ = free_port_range()
    async with ours(remote, lossy=True, nack=True) as us, UdpRelay(rtcp, inside, us.endpoint.rtp_port + 1):
        await peers.start(rtpbin_receiver(remote, inside, rtcp, retransmission=True))
        assert await until(us.sends(lambda: us.session.statistics().counters.resent > 3), "NACK")


@pytest.mark.interop("ffmpeg")
async def test_ffmpeg_sends_srtp_to_us(peers: Peers) -> None:
    theirs = CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80)
    srtp = SrtpContext(CryptoAttribute.generate(1, theirs.suite), theirs)
    async with ours(free_port_range()[0], srtp=srtp) as us:
        await peers.start(FfmpegSrtpSender(us.endpoint.rtp_port, base64.b64encode(theirs.key).decode()))
        await until(lambda: us.session.statistics().counters.received > 50, "packets")
        await until(lambda: [e for e in us.events if isinstance(e, SenderReportReceived)], "a sender report")
        statistics = us.session.statistics()
    assert statistics.counters.unauthenticated == statistics.lost == 0


@pytest.mark.interop("gst-launch-1.0")
async def test_srtpdec_decrypts_what_we_send(peers: Peers) -> None:
    remote = free_port_range()[0]
    key = CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80)
    async with ours(remote, srtp=SrtpContext(key, key)) as us:
        receiver = await peers.start(srtp_receiver(remote, key.key, us.session.ssrc, 50))
        await until(us.sends(lambda: receiver.process.returncode is not None), "the end of the receiver")
        written = read_output(receiver)
    assert written.count(PICTURE[0]) == 50
