"""Video calls with a real phone, baresip: its decoder is asked, and its pictures are looked at."""

import asyncio
import re

import pytest

from examples.phone_events import Holded, Invited
from examples.rtmp_phone import RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import ALICE, gateway, registrar
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import Listener
from tests.interop.video_clip import HIGH, make_clip, send_clip, send_tags
from tests.interop.video_screen import Screen, Statuses, decode, stripes
from tests.media_bridge.video_samples import make_sample

__all__ = ["gateway", "registrar"]
pytestmark = [pytest.mark.interop("sipp"), pytest.mark.undisturbed]

DECODER_TROUBLE = re.compile(r"(?i)avcodec.*(error|fail)|h264 @ .*(error|conceal)")
"""In the log of baresip."""


@pytest.mark.interop("baresip")
@pytest.mark.parametrize("rtcp_mux", [False, True], ids=["two ports", "rtcp-mux"])
@pytest.mark.parametrize("caller", ["client", "phone"])
async def test_a_phone_and_a_client_see_each_other(
    gateway: Gateway, peers: Peers, caller: str, rtcp_mux: bool
) -> None:
    bob = await peers.start(Baresip("bob", video=True, rtcp_mux=rtcp_mux))
    registrar = await peers.start(Sipp("uas_register_ok", timeout_s=60))
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen = Screen(phone)
    if caller == "client":
        accepted = await phone.invite(bob.sip_uri(), "ulaw", "h264")
    else:
        host, port = gateway.sip_address
        await bob.call(f"sip:{ALICE}@{host}:{port}")
        await phone.wait_for(Invited, 5.0)
        accepted = await phone.accept("ulaw", "h264")
    assert accepted.video == "h264"
    await send_clip(phone, make_clip(75))
    await screen.wait_for(20)
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    assert "receiving with resolution 320 x 240" in bob.log()
    assert not DECODER_TROUBLE.search(bob.log())
    assert stripes(decode(screen)[-1]) == ["red", "green", "blue"]
    assert ("both ways, rtcp-mux" in gateway.log()) is rtcp_mux
    assert re.search(r"[1-9]\d* RTCP packets", gateway.log())
    assert "dropped of what came" not in gateway.log()
    await phone.close()


@pytest.mark.interop("baresip")
@pytest.mark.parametrize("caller", ["client", "phone"])
async def test_a_client_begins_to_publish_video_in_the_call(
    gateway: Gateway, peers: Peers, registrar: Sipp, caller: str
) -> None:
    bob = await peers.start(Baresip("bob", video=True))
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen, listener = Screen(phone), Listener(phone)
    if caller == "client":
        await phone.invite(bob.sip_uri())
    else:
        host, port = gateway.sip_address
        await bob.call(f"sip:{ALICE}@{host}:{port}")
        await phone.wait_for(Invited, 5.0)
        await phone.accept()
    assert await listener.wait_for_tone(bob.tone_hz) > 0.9
    assert not screen.tags
    await send_clip(phone, make_clip(75))
    await screen.wait_for(20)
    listener.frames.clear()
    assert await listener.wait_for_tone(bob.tone_hz) > 0.9
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    assert "receiving with resolution 320 x 240" in bob.log()
    assert not DECODER_TROUBLE.search(bob.log())
    assert stripes(decode(screen)[-1]) == ["red", "green", "blue"]
    await phone.close()


@pytest.mark.interop("baresip")
async def test_a_phone_in_packetization_mode_0_sees_a_client_in_high_profile(
    gateway: Gateway, peers: Peers
) -> None:
    bob = await peers.start(Baresip("bob", video=True, packetization_modes="0"))
    phone = await RtmpPhone.connect(gateway.url())
    screen = Screen(phone)
    assert (await phone.invite(bob.sip_uri(), "ulaw", "h264")).video == "h264"
    await send_clip(phone, make_clip(75, width=640, height=480, bitrate=1_500_000, options=HIGH))
    await screen.wait_for(10)
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    assert "receiving with resolution 640 x 480" in bob.log()
    assert not DECODER_TROUBLE.search(bob.log())
    assert "video is transcoded: profile High is above" in gateway.log()
    summary = re.search(r"video to SIP: (\d+) pictures, (\d+) key, 0 bad tags", gateway.log())
    assert summary is not None
    assert int(summary[1]) > 60
    await phone.close()


@pytest.mark.interop("baresip")
async def test_a_phone_sees_a_client_with_sorenson_h263(gateway: Gateway, peers: Peers) -> None:
    bob = await peers.start(Baresip("bob", video=True))
    phone = await RtmpPhone.connect(gateway.url())
    assert (await phone.invite(bob.sip_uri(), "ulaw", "h264")).video == "h264"
    await send_tags(phone, make_sample("flv", frames=75).tags)
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    assert "receiving with resolution 320 x 240" in bob.log()
    assert not DECODER_TROUBLE.search(bob.log())
    assert "video is transcoded: codec Sorenson H.263 is not H.264" in gateway.log()
    await phone.close()


@pytest.mark.interop("baresip")
@pytest.mark.parametrize("holder", ["client", "phone"])
async def test_video_goes_on_after_hold(gateway: Gateway, peers: Peers, holder: str) -> None:
    bob = await peers.start(Baresip("bob", video=True))
    phone = await RtmpPhone.connect(gateway.url())
    screen = Screen(phone)
    statuses = Statuses(phone)
    await phone.invite(bob.sip_uri(), "ulaw", "h264")
    clip = make_clip(25)
    await send_clip(phone, clip)
    await screen.wait_for(5)
    for held in (True, False):
        if holder == "client":
            await phone.hold(held)
        else:
            await bob.command("hold" if held else "resume")
            assert (await phone.wait_for(Holded, 5.0)).held is held
    await statuses.wait_for("NetStream.Video.KeyFrameRequested")
    before = len(screen.pictures)
    await asyncio.gather(send_clip(phone, clip), screen.wait_for(before + 5))
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    times = [time_ms for time_ms, _ in screen.tags]
    assert times == sorted(times)
    assert len(decode(screen)) == len(screen.pictures)
    assert "video to SIP: 50 pictures, 2 key" in gateway.log()
    await phone.close()


@pytest.mark.interop("baresip")
async def test_a_phone_without_video_is_called_all_the_same(gateway: Gateway, peers: Peers) -> None:
    bob = await peers.start(Baresip("bob"))
    phone = await RtmpPhone.connect(gateway.url())
    accepted = await phone.invite(bob.sip_uri(), "ulaw", "h264")
    assert (accepted.audio, accepted.video) == ("speex", None)
    listener = Listener(phone)
    assert await listener.wait_for_tone(bob.tone_hz) > 0.9
    for held in (True, False):
        await phone.hold(held)
    listener.frames.clear()
    assert await listener.wait_for_tone(bob.tone_hz) > 0.9
    await phone.bye()
    await phone.close()
