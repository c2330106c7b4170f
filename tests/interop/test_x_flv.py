"""x-flv: the clients of two gateways get each other's streams as they are, message by message."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from examples.phone_audio import SendCodec, TagEncoder
from examples.phone_events import Accepted, Byed, Holded, Invited
from examples.rtmp_phone import RtmpPhone
from media_bridge.x_flv import MAX_BODY
from rtmp.messages import MessageType
from tests.interop.conftest import Peers
from tests.interop.flv_tags import Tag
from tests.interop.gateway_fixtures import ALICE, gateway, registrar
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.polling import until
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.signals import assert_tone_heard
from tests.interop.video_clip import Clip, make_clip
from tests.interop.video_screen import Statuses
from tests.media_bridge.video_samples import make_sample

__all__ = ["gateway", "registrar"]
pytestmark = pytest.mark.interop("sipp")

AUDIO, VIDEO = int(MessageType.AUDIO), int(MessageType.VIDEO)
AUDIO_LINE = re.compile(r"^ +total (\d+)pkt", re.MULTILINE)
"""In what pjsip logs of a call's audio at its end: packets each way."""
X_FLV = "a=rtpmap:97 x-flv/90000"
AAC_HEADER = bytes.fromhex("af001210")


class Screen:
    """Keeps all messages that a phone plays."""

    def __init__(self, phone: RtmpPhone) -> None:
        self.tags: list[Tag] = []
        phone.on_audio = lambda time_ms, tag: self.tags.append(Tag(AUDIO, time_ms, bytes(tag)))
        phone.on_video = lambda time_ms, tag: self.tags.append(Tag(VIDEO, time_ms, bytes(tag)))

    async def wait_for(self, messages: int) -> None:
        """Wait for so many messages."""
        await until(lambda: len(self.tags) >= messages, f"{messages} messages", 10.0)

    def check(self, sent: list[Tag]) -> None:
        """Assert that the messages came as they were, at their distances in time."""
        assert [(tag.type_id, tag.payload) for tag in self.tags] == [
            (tag.type_id, tag.payload) for tag in sent
        ]
        begin_ms, sent_ms = self.tags[0].timestamp_ms, sent[0].timestamp_ms
        steps = [tag.timestamp_ms - begin_ms for tag in self.tags]
        assert steps == [tag.timestamp_ms - sent_ms for tag in sent]


def bodies(tags: Iterable[Tag]) -> list[tuple[int, bytes]]:
    """What messages hold, without their times."""
    return [(tag.type_id, tag.payload) for tag in tags]


def speex(frames: int) -> Iterable[Tag]:
    """Speex as Flash sends it."""
    encoder = TagEncoder(SendCodec.SPEEX_WIDEBAND)
    for number in range(frames):
        time_ms, tag = encoder.encode(bytes((number % 7, number % 3)) * 320)
        yield Tag(AUDIO, time_ms, tag)


def stream(video: Iterable[tuple[int, bytes]], frames: int = 50) -> list[Tag]:
    """Speech and pictures in one stream, in the order of their times."""
    tags = [*speex(frames), *(Tag(VIDEO, time_ms, bytes(body)) for time_ms, body in video)]
    return sorted(tags, key=lambda tag: tag.timestamp_ms)


def with_header(clip: Clip) -> list[tuple[int, bytes]]:
    return [(0, clip.header), *clip.pictures]


async def send(phone: RtmpPhone, tags: list[Tag]) -> None:
    """Send messages at their times."""
    loop = asyncio.get_running_loop()
    begin_s = loop.time() - tags[0].timestamp_ms / 1000
    for tag in tags:
        await asyncio.sleep(begin_s + tag.timestamp_ms / 1000 - loop.time())
        if tag.type_id == AUDIO:
            phone.send_audio(tag.timestamp_ms, tag.payload)
        else:
            phone.send_video(tag.timestamp_ms, tag.payload)


@pytest.fixture
async def other(peers: Peers) -> AsyncIterator[Gateway]:
    """The gateway of the other client."""
    running = await peers.start(Gateway("-d", settings={"SIP__REGISTER_TIMEOUT_S": "2"}))
    yield running
    running.check_clean()


class Pair:
    """Two phones in a call, each at a gateway of its own; Alice was called."""

    def __init__(self, bob: RtmpPhone, alice: RtmpPhone) -> None:
        self.bob, self.alice = bob, alice
        self.bobs, self.alices = Screen(bob), Screen(alice)
        self.answers: tuple[Accepted, Accepted] = (Accepted(None, None), Accepted(None, None))


@asynccontextmanager
async def pair_of(gateway: Gateway, other: Gateway, registrar: Sipp) -> AsyncIterator[Pair]:
    """Connect the phones."""
    alice = await RtmpPhone.connect(other.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    bob = await RtmpPhone.connect(gateway.url())
    yield Pair(bob, alice)
    for phone in (alice, bob):
        await phone.close()


async def call(pair: Pair, other: Gateway, called: tuple[str, ...], accepted: tuple[str, ...]) -> None:
    """Let Bob call and Alice accept."""
    host, port = other.sip_address
    calling = asyncio.create_task(pair.bob.invite(f"sip:{ALICE}@{host}:{port}", *called))
    await pair.alice.wait_for(Invited, 5.0)
    answer = await pair.alice.accept(*accepted)
    pair.answers = await calling, answer


async def test_both_clients_get_what_the_other_sends(
    gateway: Gateway, other: Gateway, registrar: Sipp
) -> None:
    streams = stream(with_header(make_clip(25))), stream(make_sample("flv", frames=25).tags)
    streams[0].append(Tag(AUDIO, 1020, b""))  # Flash sends such when the microphone is muted
    async with pair_of(gateway, other, registrar) as pair:
        await call(pair, other, ("wideband", "h264", "flv"), ("flv", "h264", "wideband"))
        assert pair.answers == (Accepted("default", "default"), Accepted("default", "default"))
        await asyncio.gather(send(pair.bob, streams[0]), send(pair.alice, streams[1]))
        await asyncio.gather(pair.alices.wait_for(len(streams[0])), pair.bobs.wait_for(len(streams[1])))
        pair.alices.check(streams[0])
        pair.bobs.check(streams[1])
        await pair.bob.bye()
        await pair.alice.wait_for(Byed, 5.0)
    await gateway.wait_logged("video to SIP: x-flv, 51 audio and 26 video messages, 0 too long")
    await gateway.wait_logged("to RTMP: 50 audio and 25 video messages, .*, 0 lost, dropped: none")
    for each in (gateway, other):
        assert "video x-flv, both ways" in each.log()
        packets = [int(count) for count in AUDIO_LINE.findall(each.log())]
        assert len(packets) == 2
        assert max(packets) <= 2, "before the answer was read"


async def test_it_is_what_two_clients_agree_on_without_naming_codecs(
    gateway: Gateway, other: Gateway, registrar: Sipp
) -> None:
    sent = stream(with_header(make_clip(10)), frames=20)
    async with pair_of(gateway, other, registrar) as pair:
        pair.bob.send_audio(0, AAC_HEADER)  # before the call
        await call(pair, other, (), ())
        assert pair.answers == (Accepted(None, None), Accepted(None, None))
        await send(pair.bob, sent)
        await pair.alices.wait_for(len(sent) + 1)
        assert bodies(pair.alices.tags) == [(AUDIO, AAC_HEADER), *bodies(sent)]
        await pair.alice.bye()
        await pair.bob.wait_for(Byed, 5.0)


async def test_what_is_too_long_is_dropped_and_the_call_goes_on(
    gateway: Gateway, other: Gateway, registrar: Sipp
) -> None:
    clip = make_clip(25, width=1280, height=720, bitrate=16_000_000)
    sent = stream(with_header(clip))
    fitting = [tag for tag in sent if len(tag.payload) <= MAX_BODY]
    assert 0 < len(sent) - len(fitting) < len(clip.pictures)
    async with pair_of(gateway, other, registrar) as pair:
        await call(pair, other, ("wideband", "flv"), ("wideband", "flv"))
        await send(pair.bob, sent)
        await pair.alices.wait_for(len(fitting))
        assert bodies(pair.alices.tags) == bodies(fitting)
        await pair.bob.bye()
        await pair.alice.wait_for(Byed, 5.0)
    await gateway.wait_logged(f"video messages, {len(sent) - len(fitting)} too long")
    assert gateway.log().count("where x-flv has at most") == 1


async def test_who_begins_to_play_gets_the_headers_and_a_key_picture_is_asked_for(
    gateway: Gateway, other: Gateway, registrar: Sipp
) -> None:
    clip = make_clip(10)
    sent = [Tag(AUDIO, 0, AAC_HEADER), *stream(with_header(clip), frames=20)]
    async with pair_of(gateway, other, registrar) as pair:
        statuses = Statuses(pair.bob)
        await call(pair, other, ("wideband", "flv"), ("wideband", "flv"))
        await send(pair.bob, sent)
        await pair.alices.wait_for(len(sent))
        player = await pair.alice.client.create_stream()
        late: list[bytes] = []
        player.on_audio = player.on_video = lambda _, tag: late.append(bytes(tag))
        await player.play("remote")
        await until(lambda: len(late) == 2, "the headers")
        assert set(late) == {AAC_HEADER, clip.header}
        await statuses.wait_for("NetStream.Video.KeyFrameRequested")
        pair.bob.send_video(2000, clip.pictures[0][1])
        await until(lambda: late[2:] == [clip.pictures[0][1]], "the key picture")
        await pair.bob.bye()
        await pair.alice.wait_for(Byed, 5.0)


@pytest.mark.parametrize("holder", ["caller", "callee"])
async def test_it_goes_on_after_hold(gateway: Gateway, other: Gateway, registrar: Sipp, holder: str) -> None:
    clip = make_clip(10)
    sent = stream(with_header(clip), frames=20)
    async with pair_of(gateway, other, registrar) as pair:
        await call(pair, other, ("wideband", "flv"), ("wideband", "flv"))
        (phone, screen), (held, held_screen) = (pair.bob, pair.bobs), (pair.alice, pair.alices)
        if holder == "callee":
            (phone, screen), (held, held_screen) = (held, held_screen), (phone, screen)
        await send(held, sent)
        await screen.wait_for(len(sent))
        statuses = Statuses(held)
        await phone.hold(True)
        assert (await held.wait_for(Holded, 5.0)).held
        held_gateway = other if holder == "caller" else gateway
        await held_gateway.wait_logged("video x-flv, on hold")
        held.send_audio(1000, b"\xb2on hold")  # nobody hears that
        await phone.hold(False)
        assert not (await held.wait_for(Holded, 5.0)).held
        await statuses.wait_for("NetStream.Video.KeyFrameRequested")
        for each in (gateway, other):
            await until(lambda each=each: each.log().count("x-flv, both ways") == 2, "the answer")
        rest = [tag for tag in sent if tag.payload != clip.header]
        await asyncio.gather(send(held, rest), send(phone, sent))
        await asyncio.gather(screen.wait_for(2 * len(sent)), held_screen.wait_for(len(sent)))
        assert bodies(screen.tags[len(sent) :]) == [(VIDEO, clip.header), *bodies(rest)]
        assert bodies(held_screen.tags) == bodies(sent)
        times = [tag.timestamp_ms for tag in screen.tags]
        assert times == sorted(times)
        await phone.bye()
        await held.wait_for(Byed, 5.0)


async def test_digits_go_by_sip_info(gateway: Gateway, tmp_path: Path) -> None:
    """Nothing goes over the audio line, though its answer has telephone-event."""
    scenario = (SCENARIOS / "uas_info_dtmf.xml").read_text()
    events = "m=audio [rtp_port] RTP/AVP 0 101\n      a=rtpmap:101 telephone-event/8000\n"
    scenario = scenario.replace("m=audio [rtp_port] RTP/AVP 0\n", events)
    scenario = scenario.replace("m=video 0 [$video_format]", "m=video [video_port] [$video_format]\n" + X_FLV)
    path = tmp_path / "uas_info_dtmf_x_flv.xml"
    path.write_text(scenario)
    phone = await RtmpPhone.connect(gateway.url())
    async with Sipp(path, keys={"digit": "5"}) as callee:
        assert await phone.invite(callee.sip_uri(), "ulaw", "dtmf", "flv") == Accepted("default", "default")
        await phone.send_dtmf("5")
        await callee.wait_message("INFO ", 5)
        await phone.bye()
        (await callee.wait()).check()
    await phone.close()


@pytest.mark.parametrize(
    ("codecs", "expected"), [((), Accepted(None, None)), (("ulaw", "flv"), Accepted("default", "default"))]
)
async def test_a_call_without_an_offer_is_offered_it(
    gateway: Gateway, registrar: Sipp, tmp_path: Path, codecs: tuple[str, ...], expected: Accepted
) -> None:
    """The peer takes it in its ACK, and here sends back what it gets."""
    sent = stream(with_header(make_clip(10)), frames=20)
    scenario = (SCENARIOS / "uac_delayed_offer_h264.xml").read_text()
    h264 = "H264/90000\n      a=fmtp:[$video_format] profile-level-id=42e01f;packetization-mode=1"
    assert h264 in scenario
    path = tmp_path / "uac_delayed_offer_x_flv.xml"
    path.write_text(scenario.replace(h264, "x-flv/90000"))
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    screen = Screen(phone)
    async with Sipp(path, remote=gateway.sip_address, service=ALICE, rtp_echo=True, pause_ms=2500) as caller:
        await phone.wait_for(Invited, 5.0)
        assert await phone.accept(*codecs) == expected
        offer = (await caller.wait_message("\nACK ", 5.0)).partition("\nACK ")[0]
        assert re.search(r"^m=video \d+ RTP/AVP 97$", offer, re.MULTILINE)
        assert X_FLV in offer.splitlines()
        await send(phone, sent)
        await screen.wait_for(len(sent))
        screen.check(sent)
        await phone.wait_for(Byed, 5.0)
        (await caller.wait()).check()
    await phone.close()


@pytest.mark.parametrize("codecs", [(), ("ulaw", "flv"), ("ulaw",)])
async def test_a_phone_that_calls_without_an_offer_has_an_ordinary_call(
    gateway: Gateway, registrar: Sipp, codecs: tuple[str, ...]
) -> None:
    """What is offered is what the client has accepted with, and no more."""
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@127.0.0.1:{registrar.port}"), ALICE, "pw")
    caller = Sipp(
        "uac_delayed_offer", remote=gateway.sip_address, service=ALICE, rtp_echo=True, pause_ms=2500
    )
    async with caller:
        await phone.wait_for(Invited, 5.0)
        assert (await phone.accept(*codecs)).video is None
        offer = (await caller.wait_message("\nACK ", 5.0)).partition("\nACK ")[0]
        assert ("m=video" in offer) is (codecs != ("ulaw",))
        assert bool(re.search(r"^m=audio \d+ RTP/AVP 0$", offer, re.MULTILINE)) is bool(codecs)
        await assert_tone_heard(phone)
        await phone.wait_for(Byed, 5.0)
        (await caller.wait()).check()
    await phone.close()


async def test_a_phone_without_it_has_an_ordinary_call(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        assert await phone.invite(callee.sip_uri(), "flv", "ulaw") == Accepted("speex", None)
        invite = await callee.wait_message("m=video", 5.0)
        assert re.search(r"^m=video \d+ RTP/AVP 97$", invite, re.MULTILINE)
        assert X_FLV in invite.splitlines()
        await assert_tone_heard(phone)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()


async def test_a_phone_with_h264_gets_that(gateway: Gateway) -> None:
    async with Sipp("uas_answer_h264", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        assert await phone.invite(callee.sip_uri(), "ulaw", "flv", "h264") == Accepted("speex", "h264")
        invite = await callee.wait_message("m=video", 5.0)
        assert re.search(r"^m=video \d+ RTP/AVP 97 96 98$", invite, re.MULTILINE)
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()
