"""The video of a call over a network that loses: two of them send to each other through lossy sockets."""

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import cast

from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.packet import serialize_plain
from rtmp.messages import Payload
from siprtmp_b2bua.call_video import CallVideo
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.sdes import SrtpKeys
from siprtmp_b2bua.video_agreement import VideoAgreement
from siprtmp_b2bua.video_sdp import FEEDBACK, H264, VideoFormat
from tests.interop.peers.polling import until
from tests.interop.video_clip import BASELINE, make_clip, nal_units

HOST = "127.0.0.1"
GOP = 10
FRAME_S = 0.04
CLIP = make_clip(200, width=320, height=240, bitrate=1_000_000, options=BASELINE, gop=GOP)

SUITE, SHORT_TAG = CryptoSuite.AES_CM_128_HMAC_SHA1_80, CryptoSuite.AES_CM_128_HMAC_SHA1_32

Fate = Callable[[], float | None]
"""What happens to the next packet: its delay in seconds, or None if it is lost."""


def random_loss(share: float) -> Fate:
    chance = random.Random(7)
    return lambda: None if chance.random() < share else 0.0


def bursts() -> Fate:
    """Every 150 packets or so ten are lost in a row."""
    chance, left = random.Random(5), 0

    def fate() -> float | None:
        nonlocal left
        left = 10 if left == 0 and chance.random() < 1 / 150 else max(left - 1, 0)
        return None if left else 0.0

    return fate


def reordering() -> Fate:
    chance = random.Random(3)
    return lambda: chance.choice((0.0, 0.0, 0.0, 0.004, 0.012))


class Wire(asyncio.DatagramProtocol):
    """A socket in the middle: what one end sends goes on to the other, or does not; all comes back."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        self.sender = self.receiver = (HOST, 0)
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if address != self.sender:
            self.transport.sendto(data, self.sender)
            return
        delay_s = self.fate()
        if delay_s is not None:
            asyncio.get_running_loop().call_later(delay_s, self.transport.sendto, data, self.receiver)


async def wire(fate: Fate) -> Wire:
    _, made = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Wire(fate), local_addr=(HOST, 0)
    )
    return made


class Client:
    """What a call tells its client."""

    stream_time_ms = 0
    video_configuration = None

    def __init__(self) -> None:
        self.tags: list[tuple[float, int, bytes]] = []
        self.wants_key_picture = False

    def play_video(self, timestamp_ms: int, tag: Payload) -> None:
        self.tags.append((asyncio.get_running_loop().time(), timestamp_ms, bytes(tag)))

    def key_picture_wanted(self) -> None:
        self.wants_key_picture = True

    def __getattr__(self, name: str) -> Callable[..., None]:
        raise AssertionError(f"a call's video has nothing to do with {name}")


async def send(video: CallVideo, client: Client, pictures: int) -> list[tuple[bytes, ...]]:
    """Send pictures as a camera does that makes a key picture when asked; return what was sent."""
    sent, index = [], 0
    video.push_tag(0, CLIP.header)
    for number in range(pictures):
        if client.wants_key_picture:
            client.wants_key_picture = False
            index = -(-index // GOP) * GOP
        body = CLIP.pictures[index % len(CLIP.pictures)][1]
        video.push_tag(number * 40, body)
        sent.append(nal_units(body))
        index += 1
        await asyncio.sleep(FRAME_S)
    return sent


@contextmanager
def call_video(client: Client, asked: list[None]) -> Iterator[CallVideo]:
    config = GatewayConfig.model_validate({"sip": {"int_ip": HOST}})
    video = CallVideo("call-1", config, client, lambda: asked.append(None))  # type: ignore[arg-type]
    try:
        yield video
    finally:
        video.close()


def agreement(port: int, rtcp_port: int, feedback: frozenset[str]) -> VideoAgreement:
    return VideoAgreement(
        codec=H264,
        address=HOST,
        port=port,
        rtcp_port=rtcp_port,
        payload_type=96,
        format=VideoFormat(96, H264),
        received_payload_types=frozenset({96}),
        sends=True,
        receives=True,
        feedback=feedback,
    )


async def over_the_network(fate: Fate, feedback: frozenset[str], pictures: int = 100) -> tuple[float, float]:
    """Send pictures one way; return the share that arrived, all of them whole, and the longest pause in s."""
    rtp, rtcp = await wire(fate), await wire(lambda: 0.0)
    client, viewer, asked = Client(), Client(), list[None]()
    with ExitStack() as stack:
        sender, receiver = (stack.enter_context(call_video(each, asked)) for each in (client, viewer))
        for each, offset in ((rtp, 0), (rtcp, 1)):
            each.sender = (HOST, sender.line((H264,)).port + offset)
            each.receiver = (HOST, receiver.line((H264,)).port + offset)
        for each_end in (sender, receiver):
            each_end.agree(agreement(rtp.port, rtcp.port, feedback))
        sent = await send(sender, client, pictures)
        await asyncio.sleep(0.3)  # what is asked for again comes within that
        for each in (rtp, rtcp):
            each.transport.close()
    received = [nal_units(tag) for _, _, tag in viewer.tags if tag[1] == 1]
    iterator = iter(sent)
    assert all(picture in iterator for picture in received), "damaged, twice, or out of order"
    times = [timestamp_ms for _, timestamp_ms, _ in viewer.tags]
    assert times == sorted(times)
    pauses = [after[0] - before[0] for before, after in pairwise(viewer.tags)]
    return len(received) / len(sent), max(pauses)


async def test_what_is_lost_is_sent_again() -> None:
    fates = (random_loss(0.01), random_loss(0.05), bursts(), reordering())
    results = await asyncio.gather(*(over_the_network(fate, frozenset(FEEDBACK)) for fate in fates))
    for arrived, pause_s in results:
        assert pause_s < 1.0
        assert arrived > 0.8
    assert results[3][0] == 1.0, "nothing was lost"


async def test_without_that_a_loss_costs_the_pictures_up_to_the_next_key_picture() -> None:
    fates = (random_loss(0.01), bursts(), reordering())
    results = await asyncio.gather(*(over_the_network(fate, frozenset({"nack pli"})) for fate in fates))
    for arrived, pause_s in results:
        assert pause_s < 1.0 + 5 * FRAME_S
        assert arrived > 0.3


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
