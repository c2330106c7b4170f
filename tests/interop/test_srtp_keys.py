"""Keys of audio with an MKI or session parameters, which pjsip reads over: such a key is as none at all."""

import asyncio
from pathlib import Path

import pytest

from examples.phone_events import Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from media_bridge.rtp.crypto_attribute import CryptoAttribute
from tests.interop.gateway_fixtures import ALICE, registrar
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.signals import Listener, send_tone
from tests.interop.test_srtp import SUITE, SecureEcho, gateway, keys_answered, policy, registered

__all__ = ["gateway", "policy", "registrar"]
pytestmark = pytest.mark.interop("sipp")

OPTIONS = ["|1:4", "|2^20|1:4", " UNENCRYPTED_SRTP", " UNENCRYPTED_SRTCP", " UNAUTHENTICATED_SRTP", " KDR=3"]


def new_key(option: str = "") -> str:
    """What follows the tag."""
    return CryptoAttribute.generate(1, SUITE).serialize().partition(" ")[2] + option


def scenario_with(directory: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A scenario with some of its text replaced."""
    text = (SCENARIOS / f"{name}.xml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = directory / f"{name}_keys.xml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("policy", ["accept", "require"])
async def test_the_key_that_can_be_used_is_taken(
    gateway: Gateway, registrar: Sipp, tmp_path: Path, policy: str
) -> None:
    """It is the last of those that are offered, and sound is heard both ways with it."""
    phone = await registered(gateway, registrar)
    listener, last = Listener(phone), len(OPTIONS) + 1
    others = "".join(f"a=crypto:{tag} {new_key(option)}\n      " for tag, option in enumerate(OPTIONS, 1))
    scenario = scenario_with(
        tmp_path,
        "uac_srtp",
        ("a=crypto:1 [audio_crypto]", f"{others}a=crypto:{last} [audio_crypto]"),
        ("RTP/SAVP 0.*a=crypto:1 ", f"RTP/SAVP 0.*a=crypto:{last} "),
    )
    async with SecureEcho() as audio:
        keys = {"audio_crypto": audio.offered, "video_crypto": new_key()}
        caller = Sipp(scenario, remote=gateway.sip_address, service=ALICE, rtp_port=audio.port, keys=keys)
        async with caller:
            await phone.wait_for(Invited, 5.0)
            await phone.accept("pcmu", "h264")
            audio.use(keys_answered(caller)[0], audio.key)
            listening = asyncio.create_task(listener.wait_for_tone())
            await send_tone(phone, 1.0)
            assert await listening > 0.9
            await phone.bye()
            (await caller.wait()).check()
    await phone.close()


@pytest.mark.parametrize("policy", ["accept", "require"])
@pytest.mark.parametrize("option", OPTIONS)
async def test_an_offer_without_any_is_refused(gateway: Gateway, registrar: Sipp, option: str) -> None:
    phone = await registered(gateway, registrar)
    keys = {"audio_crypto": new_key(option), "video_crypto": new_key()}
    async with Sipp("uac_srtp", remote=gateway.sip_address, service=ALICE, keys=keys) as caller:
        result = await caller.wait()
    assert result.failed == 1
    assert "SIP/2.0 488" in result.messages
    await gateway.wait_logged("its audio has no SRTP key without an MKI and session parameters")
    await phone.close()


async def test_an_offer_that_could_do_without_is_answered_in_the_clear(
    gateway: Gateway, registrar: Sipp, tmp_path: Path
) -> None:
    phone = await registered(gateway, registrar)
    listener = Listener(phone)
    scenario = scenario_with(
        tmp_path,
        "uac_srtp",
        ("[rtp_port] RTP/SAVP 0", "[rtp_port] RTP/AVP 0"),
        ("RTP/SAVP 0.*a=crypto:1 .*m=video", "RTP/AVP 0.*m=video"),
    )
    keys = {"audio_crypto": new_key("|1:4"), "video_crypto": new_key()}
    caller = Sipp(scenario, remote=gateway.sip_address, service=ALICE, rtp_echo=True, keys=keys)
    async with caller:
        await phone.wait_for(Invited, 5.0)
        await phone.accept("pcmu")
        listening = asyncio.create_task(listener.wait_for_tone())
        await send_tone(phone, 1.0)
        assert await listening > 0.9
        await phone.bye()
        await caller.wait()
        answer = (caller.directory / "messages.log").read_text().partition("SIP/2.0 200 OK")[2]
    assert "a=crypto" not in answer.partition("CSeq: 1 ACK")[0]
    await phone.close()


@pytest.mark.parametrize("policy", ["require"])
@pytest.mark.parametrize("option", OPTIONS)
async def test_an_answer_with_such_a_key_ends_the_call(gateway: Gateway, tmp_path: Path, option: str) -> None:
    scenario = scenario_with(
        tmp_path,
        "uas_answer",
        ("m=audio [rtp_port] RTP/AVP 0", "m=audio [rtp_port] RTP/SAVP 0"),
        ("a=rtpmap:0 PCMU/8000", f"a=rtpmap:0 PCMU/8000\n      a=crypto:1 {new_key(option)}"),
    )
    phone = await RtmpPhone.connect(gateway.url())
    async with Sipp(scenario) as callee:
        with pytest.raises(CallRefused, match="488"):
            await phone.invite(callee.sip_uri(), "pcmu")
        await callee.wait_message("BYE sip:", 5.0)
    await phone.close()
