"""H.264 that an Enhanced RTMP client publishes into a call: with its modifiers, from its default track."""

import pytest

from examples.rtmp_phone import RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.enhanced_tags import WRAPPINGS, enhanced_clip
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp
from tests.interop.video_clip import HIGH, make_clip, send_clip
from tests.interop.video_screen import Screen, assert_same

__all__ = ["gateway"]
pytestmark = [pytest.mark.interop("sipp"), pytest.mark.undisturbed]


async def test_pictures_come_back_bit_for_bit(gateway: Gateway) -> None:
    """In one call after the other, each with another way to write the same messages."""
    clip = make_clip(25, options=HIGH)
    for wrap in WRAPPINGS.values():
        published = enhanced_clip(clip, wrap)
        async with Sipp("uas_answer_h264", rtp_echo=True) as callee:
            phone = await RtmpPhone.connect(gateway.url())
            screen = Screen(phone)
            phone.send_video(0, published.header)
            assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video == "h264"
            await send_clip(phone, published)
            await screen.wait_for(len(clip.pictures))
            assert_same(clip, screen)
            await phone.bye()
            (await callee.wait()).check()
            await phone.close()


@pytest.mark.interop("baresip")
async def test_video_is_offered_when_a_client_begins_to_publish_it(gateway: Gateway, peers: Peers) -> None:
    """By a client that has named no codecs; its configuration has a modifier and two tracks."""
    bob = await peers.start(Baresip("bob", video=True))
    phone = await RtmpPhone.connect(gateway.url())
    screen = Screen(phone)
    await phone.invite(bob.sip_uri())
    await send_clip(phone, enhanced_clip(make_clip(75), WRAPPINGS["modifier, many tracks"]))
    await screen.wait_for(20)
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    assert "receiving with resolution 320 x 240" in bob.log()
    await phone.close()
