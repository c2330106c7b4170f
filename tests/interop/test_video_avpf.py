"""A call whose media are offered as RTP/AVPF (RFC 4585), with feedback by RTCP both ways."""

from pathlib import Path

import pytest

from examples.phone_events import Byed, Invited
from examples.rtmp_phone import RtmpPhone
from media_bridge.rtp.rtcp import serialize_compound
from media_bridge.rtp.rtcp_feedback import FullIntraRequest, Nack, PictureLoss
from media_bridge.rtp.rtcp_reports import ReceiverReport
from tests.interop.gateway_fixtures import ALICE, gateway, registrar
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.polling import until
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.signals import Listener, send_tone
from tests.interop.video_clip import make_clip, nal_units, send_clip
from tests.interop.video_peer import VideoPeer, video_peer
from tests.interop.video_screen import Screen, Statuses, assert_same

__all__ = ["gateway", "registrar"]
pytestmark = [pytest.mark.interop("sipp"), pytest.mark.undisturbed]

CLIP = make_clip(15, gop=15)
FEEDBACK = ("nack", "nack pli", "ccm fir")
KEY_FRAME = "NetStream.Video.KeyFrameRequested"


def scenario(directory: Path, *, audio: bool) -> Path:
    """The scenario uac_video_info in RTP/AVPF, with feedback, and without its INFO."""
    text = (SCENARIOS / "uac_video_info.xml").read_text()
    begin = text.index('  <send retrans="500">\n    <![CDATA[\n\n      INFO ')
    end = text.index('  <recv response="200"/>\n', begin)
    text = text[:begin] + text[text.index("  <pause/>", end) :]
    text = text.replace("RTP/AVP 99", "RTP/AVPF 99").replace(
        "RTP/AVP 0", "RTP/AVPF 0" if audio else "RTP/AVP 0"
    )
    fmtp = "      a=fmtp:99 "
    lines = "".join(f"      a=rtcp-fb:99 {each}\n" for each in FEEDBACK)
    path = directory / "uac_avpf.xml"
    path.write_text(text.replace(fmtp, f"{lines}{fmtp}"))
    return path


@pytest.mark.parametrize("audio", [False, True], ids=["video", "audio and video"])
async def test_feedback_both_ways(gateway: Gateway, registrar: Sipp, tmp_path: Path, audio: bool) -> None:
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen, statuses, listener = Screen(phone), Statuses(phone), Listener(phone)
    async with (
        video_peer() as peer,
        Sipp(
            scenario(tmp_path, audio=audio),
            remote=gateway.sip_address,
            service=ALICE,
            keys={"video_port": peer.port},
            rtp_echo=True,
            pause_ms=3500,
        ) as caller,
    ):
        peer.payload_type = 99
        await phone.wait_for(Invited, 5.0)
        assert (await phone.accept("ulaw", "h264")).video == "h264"
        answer = caller.messages()[caller.messages().index("SIP/2.0 200") :]
        assert "RTP/AVPF 99" in answer
        assert ("RTP/AVPF 0" in answer) is audio
        for each in FEEDBACK:
            assert f"a=rtcp-fb:99 {each}\n" in answer.replace("\r", "")
        await send_clip(phone, CLIP)
        await until(lambda: len(peer.received) == len(CLIP.pictures), "the client's pictures")
        assert peer.received == [nal_units(body) for _, body in CLIP.pictures]
        await ask_for_key_pictures(peer, statuses)
        await peer.send_clip(CLIP)
        await screen.wait_for(len(CLIP.pictures))
        assert_same(CLIP, screen)
        await lose_a_picture(peer)
        await send_tone(phone, 0.5)
        assert await listener.wait_for_tone() > 0.9
        await phone.wait_for(Byed, 8.0)
        (await caller.wait()).check()
    await phone.close()


async def ask_for_key_pictures(peer: VideoPeer, statuses: Statuses) -> None:
    """The client is told, by either message."""
    pli = PictureLoss(peer.ssrc, peer.source_ssrc)
    fir = FullIntraRequest(peer.ssrc, ((peer.source_ssrc, 1),))
    for request in (pli, fir):
        statuses.codes.clear()
        report = ReceiverReport(peer.ssrc, ())

        def is_told() -> bool:
            peer.send_report(serialize_compound((report, request)))  # noqa: B023 - used in this turn alone
            return KEY_FRAME in statuses.codes

        await until(is_told, f"the answer to {request}")


async def lose_a_picture(peer: VideoPeer) -> None:
    """The gateway asks for the packet, and then for a key picture."""
    peer.reports.clear()
    peer.number += 1
    lost = peer.number & 0xFFFF
    await peer.send_clip(CLIP, begin=1)

    def asked(kind: type[Nack | PictureLoss]) -> list[Nack | PictureLoss]:
        return [each for report in peer.reports for each in report.packets if isinstance(each, kind)]

    await until(lambda: asked(PictureLoss), "PLI")
    nacks = [each for each in asked(Nack) if isinstance(each, Nack)]
    assert lost in nacks[0].sequence_numbers
    assert {each.media_ssrc for each in asked(PictureLoss)} == {peer.ssrc}
