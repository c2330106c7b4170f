"""The client's video on its way: when it passes, when it is transcoded, who makes key pictures."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.picture_packetizer import PacketizedPicture
from media_bridge.video_downlink import VideoDownlink
from rtmp.enhanced_flv import EnhancedVideo, Track, VideoPacketType
from rtmp.flv import FrameType
from siprtmp_b2bua.client_port import ClientPort
from siprtmp_b2bua.config import MediaConfig
from siprtmp_b2bua.video_to_sip import VideoToSip
from tests.interop.peers.polling import until
from tests.interop.video_clip import HIGH, Clip, make_clip, nal_units
from tests.media_bridge.video_samples import make_sample
from tests.siprtmp_b2bua.test_video_decision import PEER

PLAIN = make_clip(20, gop=10)
RICH = make_clip(20, gop=10, options=HIGH | {"bf": "0"})
SINGLE = replace(PEER, packetization_mode=0)
BOTH = replace(PEER, profile_level_id="640028")


class Wishes(ClientPort):
    """Counts what a client is asked for; a client's connection has no part in these tests."""

    def __init__(self) -> None:
        self.count = 0

    def key_picture_wanted(self) -> None:
        self.count += 1


class Way:
    """A way to SIP, and what came out of it."""

    def __init__(self, **settings: object) -> None:
        self.client = Wishes()
        self.sent: list[PacketizedPicture] = []
        self.to_sip = VideoToSip(
            "call-1", MediaConfig.model_validate(settings), self.client, self.sent.append
        )

    def push(self, clip: Clip, begin: int = 0, end: int | None = None) -> None:
        self.to_sip.push_tag(0, clip.header)
        for time_ms, body in clip.pictures[begin:end]:
            self.to_sip.push_tag(time_ms, body)

    async def push_slowly(self, tags: list[tuple[int, bytes]]) -> None:
        """One at a time, so that none is left out."""
        for time_ms, body in tags:
            before = len(self.sent)
            self.to_sip.push_tag(time_ms, body)
            await self.wait_for(before + 1)

    async def wait_for(self, count: int) -> None:
        await until(lambda: len(self.sent) >= count, f"{count} pictures", 10.0)

    @property
    def keys(self) -> list[int]:
        return [number for number, each in enumerate(self.sent) if each.is_key]


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    for each in threading.enumerate():
        if each.name.startswith("transcode"):
            each.join(5.0)
            assert not each.is_alive()


def bodies(pictures: list[PacketizedPicture]) -> list[tuple[bytes, ...]]:
    """What a receiver makes of them."""
    downlink, tags = VideoDownlink(Depacketizer()), []
    for number, picture in enumerate(pictures):
        for position, payload in enumerate(picture.payloads):
            is_last = position == len(picture.payloads) - 1
            tags += downlink.push(
                payload, timestamp=picture.timestamp, marker=is_last, is_after_loss=False, now_ms=number * 40
            )
    return [nal_units(tag.body) for tag in tags if tag.body[1] == 1]


async def test_what_is_legal_passes_untouched_and_without_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    way = Way()
    way.push(PLAIN, 0, 0)
    way.to_sip.agree(PEER)
    way.push(PLAIN)
    assert bodies(way.sent) == [nal_units(body) for _, body in PLAIN.pictures]
    assert not [each for each in threading.enumerate() if each.name.startswith("transcode")]
    assert [each.message for each in caplog.records] == ["call-1: video passes as it is"]
    way.to_sip.key_picture_requested()
    assert way.client.count == 1
    assert way.to_sip.summary() == "20 pictures, 2 key, 0 bad tags"
    way.to_sip.close()


async def test_a_profile_too_high_is_transcoded_until_it_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    way = Way()
    way.to_sip.agree(PEER)
    way.to_sip.push_tag(0, RICH.header)
    await way.push_slowly(list(RICH.pictures[:5]))
    way.to_sip.key_picture_requested()
    await way.push_slowly(list(RICH.pictures[5:9]))
    assert way.keys == [0, 5]
    assert way.client.count == 0
    assert [each.timestamp for each in way.sent] == [time_ms * 90 for time_ms, _ in RICH.pictures[:9]]
    way.to_sip.agree(BOTH)
    assert way.client.count == 1
    way.to_sip.push_tag(*RICH.pictures[9])
    way.push(RICH, 10)
    assert bodies(way.sent)[9:] == [nal_units(body) for _, body in RICH.pictures[10:]]
    way.to_sip.close()
    messages = [each.message.partition(": ")[2] for each in caplog.records if "video " in each.message]
    assert messages == [
        "video is transcoded: profile High is above Constrained Baseline",
        "video passes as it is",
    ]
    assert "transcoded: 9 decoded" in way.to_sip.summary()


async def test_never_passes_all(caplog: pytest.LogCaptureFixture) -> None:
    way = Way(video_transcoding="never")
    way.to_sip.agree(PEER)
    way.push(RICH)
    assert bodies(way.sent) == [nal_units(body) for _, body in RICH.pictures]
    way.to_sip.agree(SINGLE)
    way.push(RICH)
    assert len(way.sent) == 20
    assert "video that cannot be sent: a NAL unit" in caplog.text
    way.to_sip.close()


async def test_a_nal_unit_too_large_for_mode_0_begins_transcoding_with_itself() -> None:
    way = Way()
    way.to_sip.agree(SINGLE)
    way.to_sip.push_tag(0, PLAIN.header)
    await way.push_slowly(list(PLAIN.pictures))
    assert len(way.sent) == 20
    assert max(len(payload) for each in way.sent for payload in each.payloads) <= 1200
    assert len(way.sent[0].payloads) > 3
    assert len(bodies(way.sent)) == 20
    assert way.client.count == 0
    way.to_sip.agree(PEER)
    way.push(PLAIN)
    assert bodies(way.sent)[20:] == [nal_units(body) for _, body in PLAIN.pictures]
    way.to_sip.close()


async def test_another_configuration_decides_anew() -> None:
    way = Way()
    way.to_sip.agree(PEER)
    way.push(PLAIN)
    way.to_sip.push_tag(0, RICH.header)
    await way.push_slowly([(time_ms + 800, body) for time_ms, body in RICH.pictures])
    way.push(PLAIN)
    received = bodies(way.sent)
    assert len(received) == 60
    assert received[:20] == received[40:] == [nal_units(body) for _, body in PLAIN.pictures]
    way.to_sip.close()


async def test_a_client_with_sorenson_h263_is_seen() -> None:
    sample = make_sample("flv", frames=20)
    way = Way()
    way.to_sip.agree(PEER)
    await way.push_slowly(sample.tags)
    assert way.keys == [0]
    assert len(bodies(way.sent)) == 20
    way.to_sip.close()


async def test_enhanced_h264_passes_untouched() -> None:
    def enhanced(body: bytes, kind: VideoPacketType) -> bytes:
        frame_type = FrameType(body[0] >> 4)
        return EnhancedVideo(frame_type, kind, (Track("avc1", body[5:]),)).serialize()

    way = Way()
    way.to_sip.agree(PEER)
    way.to_sip.push_tag(0, enhanced(PLAIN.header, VideoPacketType.SEQUENCE_START))
    for time_ms, body in PLAIN.pictures:
        way.to_sip.push_tag(time_ms, enhanced(body, VideoPacketType.CODED_FRAMES))
    assert bodies(way.sent) == [nal_units(body) for _, body in PLAIN.pictures]
    way.to_sip.close()


async def test_on_hold_nothing_is_transcoded_and_it_goes_on_with_a_key_picture() -> None:
    way = Way()
    way.to_sip.agree(PEER)
    way.to_sip.push_tag(0, RICH.header)
    await way.push_slowly(list(RICH.pictures[:3]))
    way.to_sip.agree(replace(PEER, sends=False))
    way.push(RICH, 3, 6)
    way.to_sip.agree(PEER)
    assert way.client.count > 0
    way.push(RICH, 6, 10)
    await way.push_slowly(list(RICH.pictures[10:]))
    assert [each.timestamp // 90 for each in way.sent] == [
        time_ms for time_ms, _ in (*RICH.pictures[:3], *RICH.pictures[10:])
    ]
    assert way.keys == [0, 3]
    way.to_sip.close()


async def test_a_bit_rate_too_high_is_seen_at_a_key_picture() -> None:
    way, clip = Way(), make_clip(80, bitrate=1_500_000, gop=20)
    way.to_sip.agree(replace(PEER, bandwidth_bps=300_000))
    way.push(clip, 0, 60)
    assert len(way.sent) == 60
    await way.push_slowly(list(clip.pictures[60:]))
    sizes = [sum(map(len, each.payloads)) for each in way.sent]
    assert sum(sizes[60:]) < sum(sizes[:20]) / 2
    assert all(later.timestamp > earlier.timestamp for earlier, later in pairwise(way.sent))
    way.to_sip.close()


@pytest.mark.parametrize(("wait_s", "count"), [(0.001, 1), (0.0, 2), (60.0, 2)])
async def test_a_client_that_withholds_key_pictures(wait_s: float, count: int) -> None:
    """Once the peer has waited too long, its next wish does not reach the client any more."""
    way = Way(key_frame_wait_s=wait_s)
    way.to_sip.agree(PEER)
    way.push(PLAIN, 0, 5)
    way.to_sip.key_picture_requested()
    loop, begin_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    await until(lambda: loop.time() - begin_s > 0.002, "2 ms")
    way.push(PLAIN, 5, 10)
    await way.push_slowly(list(PLAIN.pictures[10:12]))
    way.to_sip.key_picture_requested()
    await way.push_slowly(list(PLAIN.pictures[12:14]))
    assert way.client.count == count
    assert way.keys == ([0, 10, 12] if count == 1 else [0, 10])
    assert len(bodies(way.sent)) == 14
    way.to_sip.close()


async def test_close_while_at_work() -> None:
    way = Way()
    way.to_sip.agree(PEER)
    way.push(RICH)
    way.to_sip.close()
    way.push(RICH)
    assert way.sent == []
