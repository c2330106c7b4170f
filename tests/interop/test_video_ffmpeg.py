"""Large pictures that FFmpeg publishes go through a call and come back bit for bit.

FFmpeg can publish, but not call: calls are made by commands on the connection that publishes. So it publishes
to the gateway's live streams, in real time, and a phone plays that and sends its messages on as they come.
"""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from examples.rtmp_phone import RtmpPhone
from rtmp.aio import RtmpClient
from tests.interop.conftest import Peers
from tests.interop.peers.ffmpeg import FfmpegPublisher, run_ffmpeg
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.ports import HOST
from tests.interop.peers.rtp_reflector import RtpReflector
from tests.interop.peers.sipp import Sipp
from tests.interop.video_clip import Clip, nal_units, read_clip
from tests.interop.video_screen import Screen, assert_same

pytestmark = [pytest.mark.interop("sipp", "ffmpeg"), pytest.mark.undisturbed]

SLICES = 4
PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25,noise=alls=20:allf=t", "-frames:v", "60")
X264 = ("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "31", "-pix_fmt", "yuv420p")
OPTIONS = ("-bf", "2", "-g", "25", "-x264-params", f"slices={SLICES}:keyint=25:min-keyint=25:scenecut=0")


def make_file(path: Path) -> Clip:
    """1080p in High profile with B-pictures; all key pictures but the first have some 200 kB."""
    run_ffmpeg(*PICTURES, *X264, *OPTIONS, str(path))
    clip = read_clip(path.read_bytes())
    first, *sizes = [len(body) for _, body in clip.pictures if body[0] >> 4 == 1]
    assert first > 50_000
    assert len(sizes) == 2
    assert all(180_000 < size < 260_000 for size in sizes), sizes
    assert clip.configuration.sps[0][1] == 100, "High"
    slices = Counter(
        len([nal for nal in nal_units(body) if nal[0] & 31 in (1, 5)]) for _, body in clip.pictures
    )
    assert slices == {SLICES: len(clip.pictures)}
    assert any(int.from_bytes(body[2:5], "big") for _, body in clip.pictures), "pictures are reordered"
    return clip


async def test_1080p_of_ffmpeg_comes_back_bit_for_bit(peers: Peers, tmp_path: Path) -> None:
    path = tmp_path / "clip.flv"
    clip = await asyncio.to_thread(make_file, path)
    gateway = await peers.start(Gateway("-d"))
    async with (
        RtpReflector() as reflector,
        Sipp("uas_answer_h264", rtp_echo=True, keys={"video_port": reflector.port}) as callee,
    ):
        phone = await RtmpPhone.connect(gateway.url())
        screen = Screen(phone)
        phone.send_video(0, clip.header)  # so that its profile is offered
        assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video == "h264"
        live = f"rtmp://{HOST}:{gateway.rtmp_port}/live"
        player = await RtmpClient.connect(live)
        stream = await player.create_stream()
        stream.on_video = phone.send_video
        await stream.play("clip")
        publisher = await peers.start(FfmpegPublisher(path, f"{live}/clip"))
        await publisher.finish()
        await screen.wait_for(len(clip.pictures))
        assert_same(clip, screen)
        assert reflector.packets > sum(len(body) for _, body in clip.pictures) / 1200
        player.close()
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()
    await gateway.wait_logged("video passes as it is")
    await gateway.wait_logged(f"video to SIP: {len(clip.pictures)} pictures, 3 key, 0 bad tags")
    gateway.check_clean()
