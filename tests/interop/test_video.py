"""Video calls: what an RTMP client publishes as H.264 goes through SIP, and comes back, bit for bit.

What the phone cannot take is transcoded.
"""

import asyncio
from pathlib import Path

import pytest

from examples.phone_events import Byed, Holded, Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from tests.interop.conftest import Peers
from tests.interop.gateway_fixtures import ALICE, client_of, gateway, registrar
from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.polling import until
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.signals import Listener, assert_tone_heard, send_tone
from tests.interop.video_clip import BASELINE, HIGH, make_clip, send_clip
from tests.interop.video_screen import Screen, Statuses, assert_same, decode

__all__ = ["gateway", "registrar"]
pytestmark = pytest.mark.interop("sipp")


@pytest.mark.undisturbed
@pytest.mark.parametrize("options", [BASELINE, HIGH], ids=["baseline", "high"])
async def test_pictures_come_back_bit_for_bit(gateway: Gateway, options: dict[str, str]) -> None:
    clip = make_clip(50, options=options)
    async with Sipp("uas_answer_h264", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        screen = Screen(phone)
        phone.send_video(0, clip.header)  # so that its profile is offered
        accepted = await phone.invite(callee.sip_uri(), "ulaw", "h264")
        assert (accepted.audio, accepted.video) == ("speex", "h264")
        await send_clip(phone, clip)
        await screen.wait_for(len(clip.pictures))
        assert_same(clip, screen)
        assert len(screen.headers) == 1
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


@pytest.mark.undisturbed
async def test_an_invite_without_offer_gets_one_with_the_video_that_the_client_publishes(
    gateway: Gateway, registrar: Sipp
) -> None:
    clip = make_clip(25)
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen = Screen(phone)
    phone.send_video(0, clip.header)
    caller = Sipp(
        "uac_delayed_offer_h264", remote=gateway.sip_address, service=ALICE, rtp_echo=True, pause_ms=2500
    )
    async with caller:
        await phone.wait_for(Invited, 5.0)
        accepted = await phone.accept("ulaw", "h264")
        assert accepted.video == "h264"
        await send_clip(phone, clip)
        await screen.wait_for(len(clip.pictures))
        assert_same(clip, screen)
        await phone.wait_for(Byed, 5.0)
        (await caller.wait()).check()
    await phone.close()


@pytest.mark.undisturbed
async def test_a_long_offer_and_a_key_picture_asked_for_by_sip(gateway: Gateway, registrar: Sipp) -> None:
    clip = make_clip(25)
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen, statuses = Screen(phone), Statuses(phone)
    caller = Sipp("uac_video_info", remote=gateway.sip_address, service=ALICE, rtp_echo=True, pause_ms=1500)
    async with caller:
        await phone.wait_for(Invited, 5.0)
        accepted = await phone.accept("ulaw", "h264")
        assert accepted.video == "h264"
        await send_clip(phone, clip)
        await screen.wait_for(len(clip.pictures))
        assert_same(clip, screen)
        await statuses.wait_for("NetStream.Video.KeyFrameRequested")
        await phone.wait_for(Byed, 5.0)
        (await caller.wait()).check()
    await phone.close()


ANSWER_TO_INFO = """<recv request="ACK"/>
  <recv request="INFO">
    <action><ereg regexp="picture_fast_update" search_in="body" check_it="true" assign_to="wish"/></action>
  </recv>
  <Reference variables="wish"/>
  <send>
    <![CDATA[

      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]>
  </send>
"""


@pytest.mark.parametrize("allows_info", [True, False])
async def test_a_peer_without_feedback_is_asked_by_info_if_it_allows_that(
    gateway: Gateway, tmp_path: Path, allows_info: bool
) -> None:
    scenario = (SCENARIOS / "uas_answer_h264.xml").read_text()
    if allows_info:
        scenario = scenario.replace('<recv request="ACK"/>', ANSWER_TO_INFO)
    else:
        header = "Content-Type: application/sdp"
        scenario = scenario.replace(header, f"Allow: INVITE, ACK, BYE, CANCEL\n      {header}")
    path = tmp_path / "uas_h264_info.xml"
    path.write_text(scenario)
    clip = make_clip(25)
    phone = await RtmpPhone.connect(gateway.url())
    screen = Screen(phone)
    async with Sipp(path, rtp_echo=True) as callee:
        assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video == "h264"
        await send_clip(phone, clip)
        await screen.wait_for(len(clip.pictures))
        again = await phone.client.create_stream()
        await again.play("remote")  # what is seen there has to begin with a key picture
        if not allows_info:
            await gateway.wait_logged("no key picture asked for: 405")
        await phone.bye()
        (await callee.wait()).check()
    await phone.close()


@pytest.mark.undisturbed
@pytest.mark.interop("asterisk")
async def test_asterisk_echoes_and_connects_two_clients(gateway: Gateway, peers: Peers) -> None:
    """One start of the PBX serves both calls: it takes longer than they do."""
    pbx = await peers.start(Asterisk())
    alice, bob = await asyncio.gather(client_of(gateway, pbx, "alice"), client_of(gateway, pbx, "bob"))
    await echoed_by(pbx, alice)
    await see_each_other(pbx, alice, bob)
    for phone in (alice, bob):
        await phone.close()
    assert "dropped of what came" not in gateway.log()


async def echoed_by(pbx: Asterisk, phone: RtmpPhone) -> None:
    """Call StreamEcho; a large key picture, High profile, several slices.

    Slowly: Asterisk asks for nothing again, and its socket holds less than such a picture.
    """
    clip = make_clip(20, width=1920, height=1080, options=HIGH | {"qp": "34"})
    assert 200_000 < max(len(body) for _, body in clip.pictures) < 300_000
    screen = Screen(phone)
    phone.send_video(0, clip.header)
    accepted = await phone.invite(pbx.sip_uri("stream-echo"), "ulaw", "h264")
    assert accepted.video == "h264"
    listener = Listener(phone)
    await asyncio.gather(send_tone(phone, 1.0), listener.wait_for_tone())  # it has begun to echo
    await send_clip(phone, clip, speed=0.25)
    await screen.wait_for(len(clip.pictures))
    assert_same(clip, screen)
    await phone.bye()
    await pbx.wait_channels(0)


async def see_each_other(pbx: Asterisk, alice: RtmpPhone, bob: RtmpPhone) -> None:
    """Two clients call each other through the PBX."""
    screens = Screen(alice), Screen(bob)
    clips = make_clip(50, options=HIGH), make_clip(50, width=640, height=480)
    for phone, clip in zip((alice, bob), clips, strict=True):
        phone.send_video(0, clip.header)
    calling = asyncio.create_task(alice.invite(pbx.sip_uri("bob"), "pcmu", "h264"))
    await bob.wait_for(Invited, 5.0)
    assert (await bob.accept("pcmu", "h264")).video == "h264"
    assert (await calling).video == "h264"
    # Asterisk answers before it has connected the two, and drops what comes until then.
    await asyncio.gather(assert_tone_heard(alice, bob), assert_tone_heard(bob, alice))
    await asyncio.gather(send_clip(alice, clips[0]), send_clip(bob, clips[1]))
    await asyncio.gather(*(screen.wait_for(50) for screen in screens))
    assert_same(clips[0], screens[1])
    assert_same(clips[1], screens[0])
    await alice.bye()
    await bob.wait_for(Byed, 5.0)
    await pbx.wait_channels(0)


@pytest.mark.parametrize(
    "section",
    [
        "",
        "m=audio 9 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n",
        "m=video 9 RTP/AVP\n",
        "m=video 9 RTP/SAVPF 96\na=rtpmap:96 H264/90000\n",
        "m=video 9 RTP/AVP 96\nc=IN IP4 nobody.invalid\na=rtpmap:96 H264/90000\n",
        "m=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 ;;=;packetization-mode=9\n",
    ],
    ids=["none", "audio", "no format", "SRTP", "a name", "another mode"],
)
async def test_a_strange_answer_has_no_video_and_ends_no_other_call(
    gateway: Gateway, tmp_path: Path, section: str
) -> None:
    scenario = (SCENARIOS / "uas_answer_h264.xml").read_text()
    scenario = scenario.replace('variables="h264"', 'variables="h264,h264_format,h264_fmtp"')
    begin = scenario.index("      m=video [video_port]")
    end = scenario.index("    ]]>", begin)
    lines = "".join(f"      {line}\n" for line in section.splitlines())
    path = tmp_path / "uas_strange.xml"
    path.write_text(f"{scenario[:begin]}{lines}\n{scenario[end:]}")
    phone = await RtmpPhone.connect(gateway.url())
    async with Sipp(path) as callee:
        try:
            assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video is None
        except CallRefused:
            pass
        else:
            await phone.bye()
    async with Sipp("uas_answer_h264") as callee:
        assert (await phone.invite(callee.sip_uri(), "ulaw", "h264")).video == "h264"
        await phone.bye()
    await phone.close()


@pytest.mark.undisturbed
async def test_updates_change_the_video_of_a_call(gateway: Gateway, registrar: Sipp) -> None:
    """Nothing comes while either side is told to be silent, and all of it again after that."""
    clip = make_clip(12)
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen, statuses = Screen(phone), Statuses(phone)
    caller = Sipp("uac_update_video", remote=gateway.sip_address, service=ALICE, rtp_echo=True, pause_ms=1500)

    async def direction_is(direction: str, times: int) -> None:
        """The gateway has gone over to that, now for so many times."""
        await until(lambda: gateway.log().count(f"video H264, {direction}") == times, direction)

    async def seen() -> None:
        """Pictures go to the caller and come back."""
        before = len(screen.pictures)
        await send_clip(phone, clip)
        await screen.wait_for(before + len(clip.pictures))

    async with caller:
        await phone.wait_for(Invited, 5.0)
        assert (await phone.accept("ulaw", "h264")).video == "h264"
        await seen()
        await caller.wait_message("CSeq: 2 UPDATE", occurrences=2)  # and its answer
        await seen()
        await direction_is("to RTMP", 1)
        count = len(screen.pictures)
        await send_clip(phone, clip)
        await direction_is("both ways", 2)
        assert len(screen.pictures) == count
        await statuses.wait_for("NetStream.Video.KeyFrameRequested")
        await seen()
        assert (await phone.wait_for(Holded, 5.0)).held
        await direction_is("to RTMP", 2)
        count = len(screen.pictures)
        await send_clip(phone, clip)
        assert not (await phone.wait_for(Holded, 5.0)).held
        await direction_is("both ways", 3)
        assert len(screen.pictures) == count
        await seen()
        await phone.wait_for(Byed, 5.0)
        (await caller.wait()).check()
    times = [time_ms for time_ms, _ in screen.tags]
    assert times == sorted(times)
    assert len(decode(screen)) == len(screen.pictures) == 4 * len(clip.pictures)
    await phone.close()
