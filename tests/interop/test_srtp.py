"""Encrypted calls: SRTP with keys in SDP, for audio and video, with phones and a PBX, and on the wire."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from examples.phone_events import Byed, Holded, Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.srtp import SrtpContext
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import ALICE, client_of, registrar
from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.polling import until
from tests.interop.peers.rtp_capture import CapturedPacket, RtpCapture
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import Listener, assert_tone_heard, send_tone, tone_share
from tests.interop.video_clip import make_clip, send_clip
from tests.interop.video_screen import Screen, assert_same, decode, stripes

__all__ = ["registrar"]
pytestmark = pytest.mark.interop("sipp")

SUITE = CryptoSuite.AES_CM_128_HMAC_SHA1_80
TAG_BYTES = 10
ENABLED = "SRTP is Enabled (cryptosuite=AES_CM_128_HMAC_SHA1_80)"
"""What baresip says of each stream."""


@pytest.fixture
def policy() -> str:
    """The setting media.srtp, unless a test has another."""
    return "accept"


@pytest.fixture
async def gateway(peers: Peers, policy: str) -> AsyncIterator[Gateway]:
    """A gateway that logs all there is to log, and must outlive the test."""
    settings = {"SIP__REGISTER_TIMEOUT_S": "2", "MEDIA__SRTP": policy}
    running = await peers.start(Gateway("-D", settings=settings))
    yield running
    running.check_clean()


def whole_log(gateway: Gateway) -> str:
    """All that a gateway has logged so far."""
    return gateway.process.output_path.read_text(errors="replace")


async def registered(gateway: Gateway, registrar: Sipp) -> RtmpPhone:
    """Register a client."""
    return await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")


class SecureEcho(RtpCapture):
    """Decrypts what comes, once it has been given keys, and sends it back."""

    def __init__(self) -> None:
        super().__init__()
        self.key = CryptoAttribute.generate(1, SUITE)
        self.encrypted: list[bytes] = []
        self.decrypted: list[CapturedPacket] = []
        self._srtp: SrtpContext | None = None
        self._is_plain = False

    @property
    def offered(self) -> str:
        """The attribute with its key, without the tag."""
        return self.key.serialize().partition(" ")[2]

    def use(self, theirs: CryptoAttribute, reply: CryptoAttribute | None) -> None:
        """Set the key of what comes, and that of what goes back; None: it goes back in the clear."""
        self._srtp = SrtpContext(reply or self.key, theirs)
        self._is_plain = reply is None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a packet."""
        super().datagram_received(data, addr)
        if self._srtp is None:
            return
        plain = self._srtp.unprotect(data)
        self.encrypted.append(data)
        self.decrypted.append(CapturedPacket.parse(plain, 0.0))
        self.send(plain if self._is_plain else self._srtp.protect(plain))


@pytest.mark.parametrize("policy", ["accept", "require"])
async def test_what_is_on_the_wire(gateway: Gateway, registrar: Sipp) -> None:
    """Packets without the key of the call are as none at all; those with it are heard and seen."""
    phone = await registered(gateway, registrar)
    listener, screen, clip = Listener(phone), Screen(phone), make_clip(25)
    async with SecureEcho() as audio, SecureEcho() as video:
        echoes = (audio, video)
        keys = {"audio_crypto": audio.offered, "video_crypto": video.offered, "video_port": video.port}
        caller = Sipp("uac_srtp", remote=gateway.sip_address, service=ALICE, rtp_port=audio.port, keys=keys)
        async with caller:
            await phone.wait_for(Invited, 5.0)
            assert (await phone.accept("pcmu", "h264")).video == "h264"
            answered = await until(lambda: keys_answered(caller), "the answer")
            for reply in (CryptoAttribute.generate(1, SUITE), None):
                for echo, theirs in zip(echoes, answered, strict=True):
                    echo.decrypted.clear()
                    echo.use(theirs, reply)
                await asyncio.gather(send_tone(phone, 1.0), send_clip(phone, clip))
                await until(lambda: all(len(echo.decrypted) > 20 for echo in echoes), "packets")
                assert listener.frames, "silence"
                assert max(map(tone_share, listener.frames)) < 0.5
                assert not screen.pictures
            for echo, theirs in zip(echoes, answered, strict=True):
                echo.use(theirs, echo.key)
            listening = asyncio.create_task(listener.wait_for_tone())
            await asyncio.gather(send_tone(phone, 1.0), send_clip(phone, clip), screen.wait_for(20))
            assert await listening > 0.9
            await phone.bye()
            (await caller.wait()).check()
    for echo in echoes:
        for packet, encrypted in zip(echo.decrypted[::-1], echo.encrypted[::-1], strict=False):
            assert packet.payload not in encrypted
            assert len(encrypted) == 12 + len(packet.payload) + TAG_BYTES
    for key in (audio.key, video.key, *answered):
        assert key.serialize().partition("inline:")[2] not in whole_log(gateway)
    assert "inline:***" in whole_log(gateway)
    await phone.close()


def keys_answered(caller: Sipp) -> list[CryptoAttribute]:
    """The keys of audio and video in the answer that SIPp got, as soon as it has it."""
    path = caller.directory / "messages.log"
    _, found, answer = path.read_text().partition("SIP/2.0 200 OK") if path.exists() else ("", "", "")
    keys = re.findall(r"^a=crypto:(.*?)\r?$", answer, re.MULTILINE)
    return [CryptoAttribute.parse(key) for key in keys] if found and len(keys) == 2 else []


Encryption = Literal["srtp", "srtp-mand", "srtp-mandf"]


@pytest.mark.interop("baresip")
@pytest.mark.parametrize(
    ("policy", "encryption", "caller"),
    [
        ("accept", "srtp-mand", "phone"),
        ("accept", "srtp", "phone"),
        ("require", "srtp-mandf", "phone"),
        ("require", "srtp-mand", "client"),
    ],
)
async def test_a_phone_and_a_client(
    gateway: Gateway, peers: Peers, registrar: Sipp, encryption: Encryption, caller: str
) -> None:
    """They hear and see each other, before the phone puts the client on hold and after that."""
    bob = await peers.start(Baresip("bob", video=True, srtp=encryption))
    phone = await registered(gateway, registrar)
    listener, screen = Listener(phone), Screen(phone)
    if caller == "client":
        accepted = await phone.invite(bob.sip_uri(), "ulaw", "h264")
    else:
        await bob.call("sip:{}@{}:{}".format(ALICE, *gateway.sip_address))
        await phone.wait_for(Invited, 5.0)
        accepted = await phone.accept("ulaw", "h264")
    assert accepted.video == "h264"
    for held in (True, False):
        assert await listener.wait_for_tone(bob.tone_hz) > 0.9
        before = len(screen.pictures)
        await asyncio.gather(send_clip(phone, make_clip(50)), screen.wait_for(before + 10))
        if held:
            for name, is_held in (("hold", True), ("resume", False)):
                await bob.command(name)
                assert (await phone.wait_for(Holded, 5.0)).held is is_held
        listener.frames.clear()
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    assert stripes(decode(screen)[-1]) == ["red", "green", "blue"]
    said = bob.process.output_path.read_text()
    assert f"srtp: audio: {ENABLED}" in said
    assert f"srtp: video: {ENABLED}" in said
    assert "receiving with resolution 320 x 240" in said
    await phone.close()


@pytest.mark.interop("baresip")
async def test_a_phone_that_answers_with_keys_nobody_asked_for(gateway: Gateway, peers: Peers) -> None:
    """It does so if it would like SRTP; the call is plain until it offers that itself, here after hold."""
    bob = await peers.start(Baresip("bob", video=True, srtp="srtp"))
    phone = await RtmpPhone.connect(gateway.url())
    listener, screen = Listener(phone), Screen(phone)
    assert (await phone.invite(bob.sip_uri(), "ulaw", "h264")).video == "h264"
    assert await listener.wait_for_tone(bob.tone_hz) > 0.9
    await asyncio.gather(send_clip(phone, make_clip(25)), screen.wait_for(5))
    said = bob.process.output_path.read_text()
    assert "a=crypto" not in said.partition("SIP/2.0 ")[0]
    assert ENABLED not in said
    for name, is_held in (("hold", True), ("resume", False)):
        await bob.command(name)
        assert (await phone.wait_for(Holded, 5.0)).held is is_held
    listener.frames.clear()
    before = len(screen.pictures)
    assert await listener.wait_for_tone(bob.tone_hz) > 0.9
    await asyncio.gather(send_clip(phone, make_clip(25)), screen.wait_for(before + 5))
    await gateway.wait_logged(f"video H264, both ways, SRTP {SUITE.value}")
    await phone.bye()
    await bob.wait_event("CALL_CLOSED")
    await phone.close()


@pytest.mark.interop("asterisk")
@pytest.mark.parametrize("policy", ["require"])
async def test_a_pbx_that_has_no_plain_calls(gateway: Gateway, peers: Peers) -> None:
    """It echoes pictures bit for bit, calls a client, and connects two of them."""
    pbx = await peers.start(Asterisk(srtp=True))
    alice, bob = await asyncio.gather(client_of(gateway, pbx, "alice"), client_of(gateway, pbx, "bob"))
    screen, clip = Screen(alice), make_clip(50)
    alice.send_video(0, clip.header)
    assert (await alice.invite(pbx.sip_uri("stream-echo"), "ulaw", "h264")).video == "h264"
    await send_clip(alice, clip)
    await screen.wait_for(len(clip.pictures))
    assert_same(clip, screen)
    await alice.bye()

    listener = Listener(bob)
    calling = asyncio.create_task(pbx.originate_extension("bob", "tone"))
    await bob.wait_for(Invited, 5.0)
    await bob.accept("pcmu")
    assert await listener.wait_for_tone() > 0.9
    for held in (True, False):
        await bob.hold(held)
    listener.frames.clear()
    assert await listener.wait_for_tone() > 0.9
    await bob.bye()
    await calling
    await pbx.wait_channels(0)

    inviting = asyncio.create_task(alice.invite(pbx.sip_uri("bob"), "pcmu"))
    await bob.wait_for(Invited, 5.0)
    await bob.accept("pcmu")
    await inviting
    await assert_tone_heard(alice, bob, seconds=1.0)
    await alice.bye()
    await bob.wait_for(Byed, 5.0)
    await pbx.wait_channels(0)
    for phone in (alice, bob):
        await phone.close()


async def test_an_offer_where_srtp_is_not_required_is_plain(gateway: Gateway) -> None:
    phone = await RtmpPhone.connect(gateway.url())
    async with Sipp("uas_answer_h264", rtp_echo=True) as callee:
        assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video == "h264"
        await phone.bye()
        (await callee.wait()).check()
        said = (callee.directory / "messages.log").read_text()
    assert "RTP/AVP" in said
    assert "a=crypto" not in said
    assert "RTP/SAVP" not in said
    await phone.close()


@pytest.mark.parametrize("policy", ["require"])
async def test_plain_calls_where_srtp_is_required(gateway: Gateway, registrar: Sipp) -> None:
    phone = await registered(gateway, registrar)
    caller = Sipp("uac_expect_reject", remote=gateway.sip_address, service=ALICE, keys={"code": 488})
    async with caller:
        (await caller.wait()).check()
    await gateway.wait_logged("refused with 488: its audio is not RTP/SAVP, and media.srtp is require")
    async with Sipp("uas_answer") as callee:
        with pytest.raises(CallRefused, match="488"):
            await phone.invite(callee.sip_uri(), "pcmu")
        said = (callee.directory / "messages.log").read_text()
    assert re.search(r"m=audio \d+ RTP/SAVP 0\r?\n", said)
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in said
    await phone.close()


@pytest.mark.parametrize("policy", ["off"])
async def test_encrypted_calls_where_srtp_is_off(gateway: Gateway, registrar: Sipp) -> None:
    phone = await registered(gateway, registrar)
    key = CryptoAttribute.generate(1, SUITE).serialize().partition(" ")[2]
    keys = {"audio_crypto": key, "video_crypto": key}
    async with Sipp("uac_srtp", remote=gateway.sip_address, service=ALICE, keys=keys) as caller:
        result = await caller.wait()
    assert result.failed == 1
    assert "SIP/2.0 488" in result.messages
    await phone.close()
