"""Calls with video whose RTP and RTCP get lost between gateway and phone, both ways at the same time.

The gateway is a process with real clients. What stands for the phone's video is the gateway's own, in the
test's process, behind sockets that lose (`benchmarks/lossy_network.py`): no phone here tells how it recovers.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks.lossy_network import HOST, Wire, open_wire
from benchmarks.video_ends import Camera, Client, Picture, agreement, call_video
from benchmarks.video_loss import WITH_NACK, Network, check, networks, note_requests, recoveries
from examples.rtmp_phone import RtmpPhone
from rtmp.events import StatusReceived
from siprtmp_b2bua.call_video import CallVideo
from siprtmp_b2bua.video_sdp import H264
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.video_clip import make_clip

__all__ = ["gateway"]
pytestmark = [pytest.mark.interop("sipp"), pytest.mark.undisturbed]

GROUP = 50
CLIP = make_clip(200, width=176, height=144, bitrate=200_000, gop=GROUP)
CAMERA = Camera(CLIP.header, [body for _, body in CLIP.pictures], GROUP)
PICTURES = 200
NETWORKS = [
    network
    for network in networks()
    if network.name in (("5 % lost", "ten in a row") if network.feedback == WITH_NACK else ("1 % lost",))
]


class Lines:
    """The wires of a call's RTP and RTCP; the gateway is their `sender`."""

    def __init__(self, rtp: Wire, rtcp: Wire) -> None:
        self.rtp, self.rtcp = rtp, rtcp

    @classmethod
    async def open(cls, network: Network, stack: AsyncExitStack) -> "Lines":
        lines = cls(
            await open_wire(network.make(1), network.make(2)),
            await open_wire(network.make(3), network.make(4)),
        )
        for wire in (lines.rtp, lines.rtcp):
            stack.callback(wire.close)
        return lines

    def connect(self, gateway_port: int, phone_port: int) -> None:
        for wire, offset in ((self.rtp, 0), (self.rtcp, 1)):
            wire.sender, wire.receiver = (HOST, gateway_port + offset), (HOST, phone_port + offset)


def scenario(directory: Path, lines: Lines, feedback: frozenset[str]) -> Path:
    """SIPp's answer with the feedback that the phone knows, and the port of its RTCP."""
    text = (SCENARIOS / "uas_answer_h264.xml").read_text()
    attributes = [f"a=rtcp-fb:[$h264_format] {each}" for each in sorted(feedback)]
    attributes.append(f"a=rtcp:{lines.rtcp.port}")
    fmtp = "      [$h264_fmtp]\n"
    path = directory / f"uas_{lines.rtp.port}.xml"
    path.write_text(text.replace(fmtp, fmtp + "".join(f"      {each}\n" for each in attributes)))
    return path


def video_client(phone: RtmpPhone) -> Client:
    """Keeps what the phone plays, and what it is asked for."""
    client = Client()
    phone.on_video = client.play_video

    def on_status(status: StatusReceived) -> None:
        if status.code == "NetStream.Video.KeyFrameRequested":
            client.key_picture_wanted()

    phone.publisher.on_status = on_status
    return client


async def send_both_ways(
    phone: RtmpPhone, client: Client, end: CallVideo, viewer: Client
) -> tuple[list[Picture], list[Picture]]:
    sent = await asyncio.gather(
        CAMERA.send(phone.send_video, client, PICTURES), CAMERA.send(end.push_tag, viewer, PICTURES)
    )
    await asyncio.sleep(0.5)  # what is asked for again comes within that
    return sent[0], sent[1]


async def call(gateway: Gateway, network: Network, directory: Path) -> None:
    async with AsyncExitStack() as stack:
        lines = await Lines.open(network, stack)
        callee = await stack.enter_async_context(
            Sipp(
                scenario(directory, lines, network.feedback),
                rtp_echo=True,
                keys={"video_port": lines.rtp.port},
                timeout_s=40.0,
            )
        )
        phone = await RtmpPhone.connect(gateway.url())
        client, viewer = video_client(phone), Client()
        end = stack.enter_context(call_video(viewer, []))
        phone.send_video(0, CLIP.header)
        assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video == "h264"
        port = re.search(r"m=video (\d+) ", callee.messages())
        assert port is not None
        lines.connect(int(port[1]), end.line((H264,)).port)
        requests_s = [note_requests(lines.rtcp, of_sender=of_gateway) for of_gateway in (False, True)]
        end.agree(agreement(lines.rtp.port, lines.rtcp.port, network.feedback))
        sent = await send_both_ways(phone, client, end, viewer)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()
    assert lines.rtp.lost > 0
    for pictures, played, moments_s in zip(sent, (viewer, client), requests_s, strict=True):
        check(pictures, played)
        times_s = [at_s for at_s, _ in played.pictures]
        assert len(times_s) > PICTURES * (0.7 if network.feedback == WITH_NACK else 0.4), network.name
        _, answered_s = recoveries(moments_s, times_s)
        assert answered_s or network.feedback == WITH_NACK, network.name
        assert max(answered_s, default=0.0) <= 1.0, network.name


async def test_pictures_are_whole_and_back_within_a_second_of_a_request(
    gateway: Gateway, tmp_path: Path
) -> None:
    await asyncio.gather(*(call(gateway, network, tmp_path) for network in NETWORKS))
    assert gateway.log().count("refused: none") == len(NETWORKS)
    assert len(re.findall(r"[1-9]\d* resent", gateway.log())) == 2
