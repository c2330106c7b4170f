"""An RTMP client calls SIP phones (SIPp): every way in which such a call can go."""

import asyncio
import itertools
from typing import Literal

import pytest

from examples.phone_events import Byed, Holded, Ringing
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.aio import RtmpClient
from tests.interop.gateway_fixtures import gateway
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import Listener, assert_tone_heard, send_tone

__all__ = ["gateway"]
pytestmark = pytest.mark.interop("sipp")


@pytest.mark.parametrize(
    ("codec", "scenario", "reported"),
    [
        ("pcmu", "uas_answer", "pcmu"),
        ("ulaw", "uas_answer", "speex"),
        ("wideband", "uas_answer_speex_16000", "speex"),
        ("narrowband", "uas_answer_speex_8000", "speex"),
    ],
)
async def test_a_tone_comes_back(gateway: Gateway, codec: str, scenario: str, reported: str) -> None:
    async with Sipp(scenario, rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        accepted = await phone.invite(callee.sip_uri(), codec, "dtmf")
        assert (accepted.audio, accepted.video) == (reported, None)
        await assert_tone_heard(phone, seconds=1.5)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_timestamps_count_samples(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw")
        listener = Listener(phone)
        await send_tone(phone, 1.0)
        await phone.bye()
        steps = {b.timestamp_ms - a.timestamp_ms for a, b in itertools.pairwise(listener.frames)}
        assert steps == {20}
        await phone.close()


@pytest.mark.parametrize("handshake", ["digest", "plain"])
@pytest.mark.parametrize("object_encoding", [0, 3])
async def test_clients_of_both_encodings_and_handshakes(
    gateway: Gateway, handshake: Literal["digest", "plain"], object_encoding: int
) -> None:
    async with Sipp("uas_answer") as callee:
        client = await RtmpClient.connect(
            gateway.url(), "", "", "Ann", handshake=handshake, object_encoding=object_encoding
        )
        await client.call("invite", callee.sip_uri(), "pcmu")
        ringing, accepted = await client.next_call(5), await client.next_call(5)
        assert (ringing.name, ringing.arguments) == ("ringing", ("180 Ringing",))
        assert (accepted.name, accepted.arguments) == ("accepted", ("pcmu", None))
        await client.call("bye")
        (await callee.wait()).check()
        client.close()
        await client.wait_closed()


async def test_no_codec_named_accepts_without_arguments(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        accepted = await phone.invite(callee.sip_uri())
        assert (accepted.audio, accepted.video) == (None, None)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_the_callee_hangs_up(gateway: Gateway) -> None:
    async with Sipp("uas_hangup", pause_ms=300) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "pcmu")
        await phone.wait_for(Byed, 5)
        (await callee.wait()).check()
        await phone.close()


async def test_both_hang_up_at_once(gateway: Gateway) -> None:
    async with Sipp("uas_bye_crossing") as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "pcmu")
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_busy(gateway: Gateway) -> None:
    async with Sipp("uas_busy") as callee:
        phone = await RtmpPhone.connect(gateway.url())
        with pytest.raises(CallRefused, match="486 Busy Here"):
            await phone.invite(callee.sip_uri(), "pcmu")
        (await callee.wait()).check()
        await phone.close()


async def test_bye_while_it_rings_cancels(gateway: Gateway) -> None:
    async with Sipp("uas_ring_until_cancel") as callee:
        phone = await RtmpPhone.connect(gateway.url())
        call = asyncio.ensure_future(phone.invite(callee.sip_uri(), "pcmu"))
        assert (await phone.wait_for(Ringing, 5)).status == "180 Ringing"
        await phone.bye()
        (await callee.wait()).check()
        call.cancel()
        await phone.close()


async def test_early_media_is_heard_before_the_answer(gateway: Gateway) -> None:
    async with Sipp("uas_early_media", rtp_echo=True, pause_ms=1500) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        listener = Listener(phone)
        call = asyncio.ensure_future(phone.invite(callee.sip_uri(), "pcmu"))
        assert (await phone.wait_for(Ringing, 5)).status == "183 Session Progress"
        await listener.wait_for_frames(10)
        assert not call.done()
        await call
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_the_callee_holds_and_resumes(gateway: Gateway) -> None:
    async with Sipp("uas_hold", rtp_echo=True, pause_ms=300) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "pcmu")
        assert (await phone.wait_for(Holded, 5)).held is True
        assert (await phone.wait_for(Holded, 5)).held is False
        await assert_tone_heard(phone, seconds=0.5)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_a_phone_that_does_not_answer_with_our_codec(gateway: Gateway) -> None:
    async with Sipp("uas_answer_speex_16000") as callee:
        phone = await RtmpPhone.connect(gateway.url())
        with pytest.raises(CallRefused):
            await phone.invite(callee.sip_uri(), "pcma")
        await phone.close()


@pytest.mark.parametrize(
    ("destination", "status"), [("nobody here", "404"), ("sip:x@127.0.0.1:1\r\nX: y", "404")]
)
async def test_bad_destinations(gateway: Gateway, destination: str, status: str) -> None:
    phone = await RtmpPhone.connect(gateway.url())
    with pytest.raises(CallRefused, match=status):
        await phone.invite(destination)
    await phone.close()


async def test_unknown_codecs_are_not_acceptable(gateway: Gateway) -> None:
    phone = await RtmpPhone.connect(gateway.url())
    with pytest.raises(CallRefused, match="488 Not Acceptable Here"):
        await phone.invite("sip:x@127.0.0.1", "g999")
    await phone.close()
