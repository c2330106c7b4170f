"""Bad video in a call, from both sides: it is dropped, counted and logged, and good pictures follow."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from examples.rtmp_phone import RtmpPhone
from media_bridge.h264.avc_tag import sequence_header_body
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.rtp.packet import serialize_plain
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.signals import Listener, send_tone
from tests.interop.video_clip import make_clip, nal_units, send_clip
from tests.interop.video_peer import VideoPeer, video_peer
from tests.interop.video_screen import Screen
from tests.media_bridge.h264.bit_writer import BitWriter, simple_sps

__all__ = ["gateway"]
pytestmark = [pytest.mark.interop("sipp"), pytest.mark.undisturbed]

CLIP = make_clip(15, gop=15)
PICTURES = [nal_units(body) for _, body in CLIP.pictures]
HEADER, KEY, INTER = CLIP.header, CLIP.pictures[0][1], CLIP.pictures[1][1]
PPS = CLIP.configuration.pps

KEY_TAG = b"\x17\x01\0\0\0"
HUGE_SPS = simple_sps(mbs=(200_000, 200_000)).bits(0, 1).nal()
ENDLESS_SPS = BitWriter(b"\x67\x42\xc0\x1e").bits(0, 300).nal()
WIDE_SPS = simple_sps(mbs=(1000, 36)).bits(0, 1).nal()


def header(sps: bytes) -> bytes:
    return sequence_header_body(AvcConfiguration((sps,), PPS))


BAD_TAGS = {
    "nothing": [b"", b"\x17", b"\x17\x00", b"\x27\x01\0"],
    "unknown codecs": [b"\x1f", b"\x91none\0\0\0", b"\x97\xff", b"\x96\x21avc1"],
    "avcC cut short": [HEADER[:size] for size in range(5, len(HEADER) - 4, 3)],
    "avcC that lies": [HEADER[:10] + b"\xff" + HEADER[11:], HEADER[:11] + b"\xff\xff" + HEADER[13:]],
    "absurd SPS": [tag for sps in (HUGE_SPS, ENDLESS_SPS, WIDE_SPS) for tag in (header(sps), KEY, INTER)],
    "past the end": [KEY_TAG + b"\x7f\xff\xff\xff\x65\x88", KEY_TAG + b"\0\0\0\x05\x65", KEY_TAG + b"\0\0\0"],
    "too many": [KEY_TAG + b"\0\0\0\x01\x65" * 100_000],
    "cut pictures": [KEY[: len(KEY) // 2], INTER[:-1]],
    "zeros": [KEY_TAG + bytes(5000), b"\x27\x01" + bytes(5000)],
}


class AudioCheck:
    """Asserts that the tone, which is sent all the time, comes back."""

    def __init__(self, phone: RtmpPhone) -> None:
        self._listener = Listener(phone)

    async def flows(self) -> None:
        self._listener.frames.clear()
        assert await self._listener.wait_for_tone() > 0.9


@asynccontextmanager
async def calling(
    gateway: Gateway, directory: Path
) -> AsyncIterator[tuple[RtmpPhone, VideoPeer, AudioCheck]]:
    """A call whose audio SIPp echoes, and whose video at the other end is ours.

    SIPp would take an INFO that asks for a key picture for the end of the call, so it does not allow any.
    """
    header = "Content-Type: application/sdp"
    scenario = (SCENARIOS / "uas_answer_h264.xml").read_text()
    path = directory / "uas_no_info.xml"
    path.write_text(scenario.replace(header, f"Allow: INVITE, ACK, BYE, CANCEL\n      {header}"))
    async with (
        video_peer() as peer,
        Sipp(path, rtp_echo=True, keys={"video_port": peer.port}, timeout_s=60.0) as callee,
    ):
        phone = await RtmpPhone.connect(gateway.url())
        accepted = await phone.invite(callee.sip_uri(), "ulaw", "h264")
        assert accepted.video == "h264"
        talking = asyncio.create_task(send_tone(phone, 60.0))
        audio = AudioCheck(phone)
        await audio.flows()
        yield phone, peer, audio
        await audio.flows()
        talking.cancel()
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def both_see(phone: RtmpPhone, peer: VideoPeer) -> None:
    """A clip goes each way, and comes as it was."""
    screen = Screen(phone)
    peer.received.clear()
    await send_clip(phone, CLIP)
    await peer.heard()
    await until(lambda: len(peer.received) >= len(PICTURES), "the client's pictures")
    assert peer.received == PICTURES
    await send_good(peer)
    await until(lambda: seen(screen) == PICTURES, "the peer's pictures")


def seen(screen: Screen) -> list[tuple[bytes, ...]]:
    """The pictures that came to the client."""
    return [nal_units(body) for _, body in screen.pictures]


async def send_good(peer: VideoPeer) -> None:
    """Send the clip, and a packet of another picture.

    Who has set the marker amid a NAL unit is not believed any more that a picture ends there.
    """
    await peer.send_clip(CLIP)
    peer.send([b"\x09\x10"])


async def test_what_a_client_publishes(gateway: Gateway, tmp_path: Path) -> None:
    async with calling(gateway, tmp_path) as (phone, peer, audio):
        await both_see(phone, peer)
        for name, tags in BAD_TAGS.items():
            for tag in tags:
                phone.send_video(0, tag)
            await audio.flows()
            phone.send_video(0, HEADER)
            peer.received.clear()
            await send_clip(phone, CLIP)
            await until(lambda: len(peer.received) >= len(PICTURES), f"pictures after {name}")
            assert peer.received[-len(PICTURES) :] == PICTURES, name
    assert gateway.log().count("video that cannot be sent") == 1
    bad = re.search(r"call-1: video to SIP: .* (\d+) bad tags", gateway.log())
    assert bad is not None
    assert int(bad[1]) > 20


def packet(payload: bytes, *, payload_type: int = 96, ssrc: int = 9, number: int = 0) -> bytes:
    return serialize_plain(payload_type, True, number, 0, ssrc, payload)


IDR = PICTURES[0][0]
BAD_PAYLOADS = {
    "a fragment without its start": [bytes((0x7C, 0x05)) + IDR[1:900], bytes((0x7C, 0x45)) + IDR[900:1000]],
    "a fragment without its end": [bytes((0x7C, 0x85)) + IDR[1:900]],
    "a fragment of nothing": [b"\x7c", b"\x7c\x85", b"\x7c\xc5"],
    "an aggregate past its end": [b"\x78\xff\xff" + IDR[:500], b"\x78\0", b"\x78\0\x03\x65\x88\x80\0"],
    "an aggregate of aggregates": [b"\x78\0\x03\x78\0\0\0\x02\x7c\x85"],
    "other types": [b"\x79\0\0\0\x01\x65", b"\x7b\x01", b"\x1f\x00", b"\0", b"\xe5" + IDR[1:200]],
    "absurd SPS": [HUGE_SPS, ENDLESS_SPS, b"\x67", b"\x67\xff\xff\xff", b"\x68"],
    "zeros": [bytes(1200)],
    "nothing": [b""],
}


async def test_what_the_peer_sends(gateway: Gateway, tmp_path: Path) -> None:
    async with calling(gateway, tmp_path) as (phone, peer, audio):
        await both_see(phone, peer)
        for name, payloads in BAD_PAYLOADS.items():
            screen = Screen(phone)
            for payload in payloads:
                peer.send([payload])
            for data in (
                b"",
                b"\x80",
                b"\x80\x60" + bytes(9),
                b"\xbf" + packet(b"")[1:],
                b"\x40" + bytes(20),
            ):
                peer.send_raw(data)
            peer.send_raw(packet(IDR[:1000], payload_type=34))
            await send_good(peer)
            await until(lambda: seen(screen)[-len(PICTURES) :] == PICTURES, f"pictures after {name}")  # noqa: B023
            await audio.flows()
        await both_see(phone, peer)
    for what in (
        "cut_fragment",
        "malformed",
        "of a wrong payload type",
        "malformed RTP",
        "bad_parameter_set",
    ):
        assert re.search(
            rf"WARNING .* call-1: dropped of what came for its video: .*\d {what}", gateway.log()
        )
        assert re.search(rf"call-1: video to SIP: .*\d {what}", gateway.log())


async def test_strangers_and_floods(gateway: Gateway, tmp_path: Path) -> None:
    """Pictures go on in spite of strangers; those that the peer itself floods away come again afterwards."""
    async with calling(gateway, tmp_path) as (phone, peer, audio):
        await both_see(phone, peer)
        target = await peer.heard()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((HOST, 0))
            flood = asyncio.create_task(send_flood(lambda data: stranger.sendto(data, target), ssrc=77))
            await audio.flows()
            await both_see(phone, peer)
            flood.cancel()
        flood = asyncio.create_task(send_flood(peer.send_raw, ssrc=9))
        await asyncio.gather(until(lambda: " too many" in gateway.log(), "a log line", 25.0), audio.flows())
        flood.cancel()
        await both_see(phone, peer)
    log = gateway.log()
    for what in ("from strangers", "too many"):
        assert re.search(rf"call-1: dropped of what came for its video: .*\d {what}", log)
        assert re.search(rf"call-1: video to SIP: .*refused: .*\d {what}", log)
    assert log.count("dropped of what came") <= 12, "a line a second at most"


async def send_flood(send: Callable[[bytes], object], *, ssrc: int, seconds: float = 30.0) -> None:
    """Some 8000 packets a second that look right."""
    loop = asyncio.get_running_loop()
    end_s, number = loop.time() + seconds, 0
    while loop.time() < end_s:
        for _ in range(80):
            number += 1
            send(packet(b"\x09\x10", ssrc=ssrc, number=number & 0xFFFF, payload_type=34))
        await asyncio.sleep(0.01)
