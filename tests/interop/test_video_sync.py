"""Lip-sync: what is seen and heard at one moment stays together within 40 ms, each way.

Towards SIP that is judged as a phone does that goes by sender reports (RFC 3550 §6.4.1), towards RTMP by the
timestamps. The flashes of the first seconds do not count, as it takes reports to know; of the others the
middle one does, since a busy machine makes single pictures late.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from examples.phone_audio import ReceivedFrame
from examples.rtmp_phone import RtmpPhone
from media_bridge.codecs.g711 import G711Decoder, G711Encoder
from media_bridge.frames import AudioCodec
from media_bridge.h264.avc_tag import AvcTag
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.nal import join_annex_b
from media_bridge.h264.packetizer import Packetizer
from media_bridge.video_uplink import VideoUplink
from tests.interop.flash_and_beep import Offsets, beep_starts, beeps, flash_starts, flashes, publish
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.av_peer import AvPeer, MediaLine
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.ports import HOST
from tests.interop.peers.sipp import Sipp

__all__ = ["gateway"]
pytestmark = [pytest.mark.interop("sipp"), pytest.mark.undisturbed]

SECONDS = 9.0
PAYLOAD_TYPE = 96
"""The first that the gateway offers."""
LIMIT_MS = 40.0
LATE_S = 0.12
BEGIN_S = 0.5
"""What it takes to encode it all; what is sent then is in real time from the beginning on."""


class Player:
    """What an RTMP client plays."""

    def __init__(self, phone: RtmpPhone) -> None:
        self.frames: list[ReceivedFrame] = []
        self.tags: list[tuple[int, bytes]] = []
        phone.on_frame = self.frames.append
        phone.on_video = lambda timestamp_ms, tag: self.tags.append((timestamp_ms, bytes(tag)))

    def offsets(self) -> Offsets:
        """By the timestamps."""
        assert all(before[0] <= after[0] for before, after in pairwise(self.tags))
        configuration = AvcTag.parse(next(tag for _, tag in self.tags if tag[1] == 0))
        assert configuration is not None
        pictures = [(time_ms / 1000, tag[5:]) for time_ms, tag in self.tags if tag[1] == 1]
        beep_s = beep_starts((frame.timestamp_ms / 1000, frame.rate_hz, frame.pcm) for frame in self.frames)
        return Offsets.of(flash_starts(pictures, bytes(configuration.data)), beep_s)


def offsets_by_reports(peer: AvPeer) -> Offsets:
    """What a phone plays that puts both lines on the clock of their sender reports."""
    decoder = G711Decoder(AudioCodec.PCMU)
    beep_s = beep_starts(
        (peer.audio.moment_s(packet.timestamp, packet.arrival_s), 8000, decoder.decode(packet.payload))
        for packet in peer.audio.packets
        if packet.payload_type == peer.audio.payload_type
    )
    return Offsets.of(flash_starts(_access_units(peer.video)), beep_s)


def _access_units(line: MediaLine) -> list[tuple[float, bytes]]:
    depacketizer, parameter_sets, pictures = Depacketizer(), b"", []
    for packet in line.packets:
        for part in depacketizer.push(
            packet.payload, timestamp=packet.timestamp, marker=packet.marker, is_after_loss=False
        ):
            if isinstance(part, AvcConfiguration):
                parameter_sets = join_annex_b(part.parameter_sets)
            else:
                unit = parameter_sets + join_annex_b(part.nal_units)
                pictures.append((line.moment_s(part.timestamp, packet.arrival_s), unit))
    return pictures


async def send(peer: AvPeer, *, audio_late_s: float, video_late_s: float, reports: bool) -> None:
    """Send both lines in real time, one of them later than the other; the reports say what it all is."""
    loop = asyncio.get_running_loop()
    begin_s, begin_unix_s = loop.time() + BEGIN_S, time.time() + BEGIN_S
    schedule: list[tuple[float, Callable[[], None]]] = []
    encoder = G711Encoder(AudioCodec.PCMU)
    for number, pcm in enumerate(beeps(8000, SECONDS)):
        payload, timestamp = encoder.encode(pcm), 160 * number
        at_s = timestamp / 8000 + audio_late_s
        schedule.append((at_s, partial(peer.audio.send, [payload], timestamp)))
    uplink, clip = VideoUplink(Packetizer()), flashes(SECONDS)
    uplink.push(0, clip.header)
    for time_ms, body in clip.pictures:
        picture = uplink.push(time_ms, body)
        assert picture is not None
        at_s = time_ms / 1000 + video_late_s
        schedule.append((at_s, partial(peer.video.send, picture.payloads, picture.timestamp)))
    for second in range(int(SECONDS) if reports else 0):
        for line in (peer.audio, peer.video):
            report = partial(line.report, begin_unix_s + second, line.rate_hz * second)
            schedule.append((second, report))
    for at_s, act in sorted(schedule, key=lambda each: each[0]):
        if (wait_s := begin_s + at_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        act()


def callee_of(peer: AvPeer) -> Sipp:
    """SIPp, which leaves the media to us."""
    keys = {"video_port": peer.video.port}
    return Sipp("uas_answer_h264", rtp_port=peer.audio.port, keys=keys)


async def test_there_and_back(gateway: Gateway) -> None:
    """What comes back has gone both ways, and there is nobody between who reads reports."""
    async with Sipp("uas_answer_h264", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        player = Player(phone)
        await phone.invite(callee.sip_uri(), "ulaw", "h264")
        await publish(phone, SECONDS)
        await phone.bye()
        await phone.close()
    offsets = player.offsets()
    assert abs(offsets.settled_ms) < 2 * LIMIT_MS, offsets


@pytest.mark.parametrize(
    ("pause_s", "audio_late_s", "video_late_s"),
    [(0.0, 0.0, 0.0), (1.3, LATE_S, 0.0), (0.0, 0.0, LATE_S)],
    ids=["at once", "audio late, after a pause", "video late"],
)
async def test_to_sip(gateway: Gateway, pause_s: float, audio_late_s: float, video_late_s: float) -> None:
    """The client may take its time before it sends anything, while pjmedia already counts."""
    async with AvPeer(PAYLOAD_TYPE) as peer, callee_of(peer) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "h264")
        await asyncio.sleep(pause_s)
        await publish(phone, SECONDS, audio_late_s=audio_late_s, video_late_s=video_late_s)
        await phone.bye()
        await phone.close()
    offsets = offsets_by_reports(peer)
    assert abs(offsets.settled_ms) < LIMIT_MS, offsets


@pytest.mark.parametrize(
    ("audio_late_s", "video_late_s", "reports"),
    [(0.0, 0.0, False), (0.0, 0.0, True), (LATE_S, 0.0, True), (0.0, LATE_S, True)],
    ids=["no reports", "both in time", "audio late", "video late"],
)
async def test_to_rtmp(gateway: Gateway, audio_late_s: float, video_late_s: float, reports: bool) -> None:
    async with AvPeer(PAYLOAD_TYPE) as peer, callee_of(peer) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        player = Player(phone)
        await phone.invite(callee.sip_uri(), "ulaw", "h264")
        offer = await callee.wait_message("m=video")
        for line, kind in ((peer.audio, "audio"), (peer.video, "video")):
            port = re.search(rf"m={kind} (\d+)", offer)
            assert port is not None
            line.target = HOST, int(port[1])
        await send(peer, audio_late_s=audio_late_s, video_late_s=video_late_s, reports=reports)
        await phone.bye()
        await phone.close()
    offsets = player.offsets()
    assert abs(offsets.settled_ms) < LIMIT_MS, offsets
