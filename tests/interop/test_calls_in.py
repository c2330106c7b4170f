"""SIP phones (SIPp) call an RTMP client, and call where there is none."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from examples.phone_events import Byed, Cancelled, Holded, Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.errors import CallFailed
from tests.interop.gateway_fixtures import ALICE, gateway, registrar
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import assert_tone_heard

__all__ = ["gateway", "registrar"]
pytestmark = pytest.mark.interop("sipp")


@pytest.fixture
async def alice(gateway: Gateway, registrar: Sipp) -> AsyncIterator[RtmpPhone]:
    """A registered client, without a display name: SIPp would put our whole Contact into its request URIs."""
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    yield phone
    await phone.close()
    (await registrar.wait(5)).check()


def caller(gateway: Gateway, scenario: str, *, service: str = ALICE, **options: object) -> Sipp:
    """A SIPp that calls the gateway."""
    return Sipp(scenario, remote=gateway.sip_address, service=service, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["ulaw", "pcmu"])
async def test_accept_talk_and_be_hung_up(gateway: Gateway, alice: RtmpPhone, codec: str) -> None:
    async with caller(gateway, "uac_invite_ringing", rtp_echo=True, pause_ms=1500) as sipp:
        invited = await alice.wait_for(Invited, 5)
        assert "SIPp" in invited.caller
        assert ALICE in invited.called
        accepted = await alice.accept(codec, "dtmf")
        assert accepted.audio == ("speex" if codec == "ulaw" else "pcmu")
        await assert_tone_heard(alice, seconds=1.0)
        await alice.wait_for(Byed, 5)
        (await sipp.wait()).check()


async def test_the_answer_names_only_the_accepted_codec(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_wait_bye") as sipp:
        await alice.wait_for(Invited, 5)
        await alice.accept("pcmu")
        await alice.bye()
        result = (await sipp.wait()).check()
        answer = result.messages[result.messages.index("SIP/2.0 200 OK") :]
        assert "RTP/AVP 0\r\n" in answer or "RTP/AVP 0\n" in answer


async def test_hang_up_what_was_accepted(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_wait_bye") as sipp:
        await alice.wait_for(Invited, 5)
        await alice.accept()
        await alice.bye()
        (await sipp.wait()).check()


@pytest.mark.parametrize(("status", "code"), [("486 Busy Here", 486), ("603", 603), ("480 Away", 480)])
async def test_reject(gateway: Gateway, alice: RtmpPhone, status: str, code: int) -> None:
    async with caller(gateway, "uac_expect_reject", keys={"code": code}) as sipp:
        await alice.wait_for(Invited, 5)
        await alice.reject(status)
        (await sipp.wait()).check()


async def test_the_caller_gives_up(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_cancel") as sipp:
        await alice.wait_for(Invited, 5)
        await alice.wait_for(Cancelled, 5)
        (await sipp.wait()).check()


@pytest.mark.parametrize("scenario", ["uac_cancel_race", "uac_bye_at_once", "uac_bye_race"])
async def test_races(gateway: Gateway, alice: RtmpPhone, scenario: str) -> None:
    async with caller(gateway, scenario) as sipp:
        if scenario == "uac_cancel_race":
            await alice.wait_for(Cancelled, 5)
        else:
            await alice.wait_for(Invited, 5)
            await alice.accept()
            if scenario == "uac_bye_race":
                await alice.bye()
            else:
                await alice.wait_for(Byed, 5)
        (await sipp.wait()).check()


async def test_a_second_caller_hears_busy(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_wait_bye") as first:
        await alice.wait_for(Invited, 5)
        await alice.accept()
        async with caller(gateway, "uac_second_call_busy") as second:
            (await second.wait()).check()
        await alice.bye()
        (await first.wait()).check()


@pytest.mark.parametrize("scenario", ["uac_no_common_codec", "uac_no_audio", "uac_malformed_sdp"])
async def test_offers_that_cannot_be_taken_never_reach_the_client(
    gateway: Gateway, alice: RtmpPhone, scenario: str
) -> None:
    async with caller(gateway, scenario) as sipp:
        (await sipp.wait()).check()
    with pytest.raises(TimeoutError):
        await alice.wait_for(Invited, 0.1)


async def test_a_client_whose_codecs_were_not_offered(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_expect_reject", keys={"code": 488}) as sipp:
        await alice.wait_for(Invited, 5)
        with pytest.raises(CallRefused, match="488"):
            await alice.accept("wideband")
        (await sipp.wait()).check()


async def test_an_invite_without_an_offer(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_delayed_offer", pause_ms=500) as sipp:
        await alice.wait_for(Invited, 5)
        await alice.accept("pcmu")
        await alice.wait_for(Byed, 5)
        (await sipp.wait()).check()


async def test_the_caller_holds_and_resumes(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_reinvite_hold", pause_ms=300) as sipp:
        await alice.wait_for(Invited, 5)
        await alice.accept()
        assert (await alice.wait_for(Holded, 5)).held is True
        assert (await alice.wait_for(Holded, 5)).held is False
        await alice.wait_for(Byed, 5)
        (await sipp.wait()).check()


async def test_nobody_of_that_name(gateway: Gateway, alice: RtmpPhone) -> None:
    async with caller(gateway, "uac_unknown_user", service="mallory") as sipp:
        (await sipp.wait()).check()
    assert gateway.process.returncode is None


async def test_no_client_at_all(gateway: Gateway) -> None:
    async with caller(gateway, "uac_unknown_user", service="mallory") as sipp:
        (await sipp.wait()).check()


async def test_the_line_is_free_again_after_each_call(gateway: Gateway, alice: RtmpPhone) -> None:
    for _ in range(6):  # more than pjsua has call slots
        async with caller(gateway, "uac_cancel") as sipp:
            await alice.wait_for(Cancelled, 5)
            (await sipp.wait()).check()


async def test_a_client_that_goes_away_ends_its_call(gateway: Gateway, registrar: Sipp) -> None:
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    async with caller(gateway, "uac_wait_bye") as sipp:
        await phone.wait_for(Invited, 5)
        await phone.accept()
        phone.client.abort()
        (await sipp.wait()).check()
    (await asyncio.wait_for(registrar.wait(), 5)).check()


async def test_a_hold_that_the_caller_has_not_answered_cannot_be_undone(
    gateway: Gateway, alice: RtmpPhone
) -> None:
    """pjsip would assert in a call that was offered video."""
    async with caller(gateway, "uac_video_info", pause_ms=9000) as sipp:
        await alice.wait_for(Invited, 5)
        await alice.accept("ulaw")
        sipp.freeze()
        await alice.hold(True)
        with pytest.raises(CallFailed, match="491 Request Pending"):
            await alice.hold(False)
        sipp.thaw()
        await alice.bye()
