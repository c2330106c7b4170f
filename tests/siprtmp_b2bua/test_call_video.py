"""The video of a call over a network that loses: two of them send to each other through lossy sockets."""

import asyncio
import socket
import statistics
from dataclasses import replace
from itertools import count

from benchmarks.lossy_network import HOST, Fate
from benchmarks.video_ends import Camera, Client, agreement, call_video
from benchmarks.video_loss import PLI_ALONE, WITH_NACK, LossFigures, Network, measure, networks
from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.packet import serialize_plain
from siprtmp_b2bua.call_video import CallVideo
from siprtmp_b2bua.sdes import SrtpKeys
from siprtmp_b2bua.video_sdp import FEEDBACK, H264
from tests.interop.peers.polling import until
from tests.interop.video_clip import BASELINE, Clip, make_clip, nal_units

GOP = 10
CLIP = make_clip(200, width=320, height=240, bitrate=1_000_000, options=BASELINE, gop=GOP)
SELDOM = 50
SMALL = make_clip(200, width=176, height=144, bitrate=200_000, options=BASELINE, gop=SELDOM)
"""With a key picture every two seconds, so that who needs one has to ask, in six packets."""

SUITE, SHORT_TAG = CryptoSuite.AES_CM_128_HMAC_SHA1_80, CryptoSuite.AES_CM_128_HMAC_SHA1_32


async def send(video: CallVideo, client: Client, pictures: int) -> list[tuple[bytes, ...]]:
    """Send pictures as a camera does that makes a key picture when asked; return what was sent."""
    return await camera(CLIP, GOP).send(video.push_tag, client, pictures)


def camera(clip: Clip, group: int) -> Camera:
    return Camera(clip.header, [body for _, body in clip.pictures], group)


async def over_the_networks(*found: Network) -> list[LossFigures]:
    """Send pictures over each, RTCP too; those that arrive are whole and in order."""
    return await asyncio.gather(*(measure(network, camera(SMALL, SELDOM), 200) for network in found))


async def test_what_is_lost_is_sent_again() -> None:
    results = await over_the_networks(*[each for each in networks() if each.feedback == WITH_NACK])
    assert [each.network for each in results][2:4] == ["5 % lost", "ten in a row"]
    for each in results:
        assert each.arrived_share > 0.7, each
        since_s = each.answered_s if each.network == "5 % lost" else each.recoveries_s
        assert max(since_s, default=0.0) <= 1.0, each
        assert (each.lost_share == 0) is (each.network in ("nothing lost", "out of order"))
    nothing_lost = [each for each in results if not each.lost_share]
    assert [(each.arrived_share, each.requests) for each in nothing_lost] == [(1.0, 0)] * 2


async def test_without_that_a_loss_costs_the_pictures_up_to_the_next_key_picture() -> None:
    """That comes within a second of the request, unless one of the two gets lost, too: then of the next one.

    Where 5 % are lost, that is one in three of these key pictures, and one in twenty requests.
    """
    results = await over_the_networks(*[each for each in networks() if each.feedback == PLI_ALONE])
    for each in results:
        assert max(each.answered_s, default=0.0) <= 1.0, each
        assert bool(each.answered_s) >= (each.lost_share > 0), each
        assert each.arrived_share > (0.02 if each.network == "5 % lost" else 0.3), each
    assert results[0].arrived_share == 1.0
    recovered = [at_s for each in results if each.network != "5 % lost" for at_s in each.recoveries_s]
    assert statistics.median(recovered) <= 1.0


async def test_one_loss_is_one_request() -> None:
    """Also where more pictures come in vain before the key picture: when that has come, none is asked for."""

    def one_lost(seed: int) -> Fate:
        numbers = count()
        return lambda: None if seed == 1 and next(numbers) == 150 else 0.1

    (result,) = await over_the_networks(Network("one lost", PLI_ALONE, one_lost))
    assert result.requests == 1
    assert len(result.recoveries_s) == 1
    assert result.arrived_share > 0.9


async def test_keys_that_fit_and_keys_that_do_not() -> None:
    """Pictures come with the right keys alone, and again after one that was wrong has been put right."""
    ours, theirs, wrong = (CryptoAttribute.generate(1, SUITE) for _ in range(3))
    client, viewer, asked = Client(), Client(), list[None]()
    with call_video(client, asked) as sender, call_video(viewer, asked) as receiver:

        def agree(video: CallVideo, other: CallVideo, keys: SrtpKeys | None) -> None:
            port = other.line((H264,)).port
            video.agree(replace(agreement(port, port + 1, frozenset(FEEDBACK)), srtp=keys))

        def received() -> int:
            return len([tag for _, _, tag in viewer.tags if tag[1] == 1])

        agree(sender, receiver, SrtpKeys(ours, theirs))
        for bad in (None, SrtpKeys(theirs, wrong), SrtpKeys(theirs, replace(ours, suite=SHORT_TAG))):
            agree(receiver, sender, bad)
            await send(sender, client, GOP)
            assert not received()
        for _ in range(2):  # the second time as in a re-INVITE that changes nothing
            agree(receiver, sender, SrtpKeys(theirs, ours))
            agree(sender, receiver, SrtpKeys(ours, theirs))
            before = received()
            await send(sender, client, 2 * GOP)
            assert received() > before + GOP // 2
        agree(receiver, sender, SrtpKeys(theirs, wrong))
        agree(sender, receiver, SrtpKeys(wrong, theirs))
        before = received()
        await send(sender, client, 2 * GOP)
        assert received() > before + GOP // 2, "after a change of key"


async def test_without_feedback_sip_is_asked() -> None:
    """Pictures come in vain, as the key picture before them got lost."""
    asked = list[None]()
    with call_video(Client(), asked) as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        port = peer.getsockname()[1]
        receiver.agree(agreement(port, port + 1, frozenset()))
        for number in range(1, 10):
            nal = nal_units(CLIP.pictures[number][1])[0]
            packet = serialize_plain(96, True, number, number * 3600, 1, nal[:1000])
            peer.sendto(packet, (HOST, receiver.line((H264,)).port))
        await until(lambda: asked, "SIP to be asked")
        await asyncio.sleep(0)
        assert len(asked) == 1, "not more than once a second"
