"""FLV tags to RTP payloads and back: the chains of a video call, without sockets."""

from itertools import count, pairwise

import pytest

from media_bridge.errors import CodecDataError, OversizeError
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.packet_type import PacketizationMode
from media_bridge.h264.packetizer import Packetizer
from media_bridge.picture_packetizer import PacketizedPicture
from media_bridge.video_downlink import TimedTag, VideoDownlink
from media_bridge.video_uplink import VideoUplink
from tests.interop.video_clip import HIGH, Clip, make_clip, nal_units

PLAIN = make_clip(30, width=64, height=48, gop=10)


def packetized(clip: Clip) -> list[PacketizedPicture]:
    uplink = VideoUplink(Packetizer())
    assert uplink.push(0, clip.header) is None
    pictures = [uplink.push(time_ms, body) for time_ms, body in clip.pictures]
    return [picture for picture in pictures if picture is not None]


def played(
    pictures: list[PacketizedPicture], lost: set[int] = frozenset()
) -> tuple[VideoDownlink, list[TimedTag]]:  # type: ignore[assignment]
    """Play pictures, without the packets of these numbers."""
    downlink, tags, numbers, missing = VideoDownlink(Depacketizer()), [], count(), False
    for index, picture in enumerate(pictures):
        for position, payload in enumerate(picture.payloads):
            if next(numbers) in lost:
                missing = True
                continue
            tags += downlink.push(
                payload,
                timestamp=picture.timestamp,
                marker=position == len(picture.payloads) - 1,
                is_after_loss=missing,
                now_ms=5000 + index * 40,
            )
            missing = False
    return downlink, tags


@pytest.mark.parametrize(
    "clip", [PLAIN, make_clip(30, width=320, height=240, options=HIGH)], ids=["plain", "high"]
)
def test_pictures_come_out_as_they_went_in(clip: Clip) -> None:
    _, tags = played(packetized(clip))
    assert tags[0].body[:2] == b"\x17\x00"
    pictures = [tag for tag in tags if tag.body[1] == 1]
    assert [nal_units(tag.body) for tag in pictures] == [nal_units(body) for _, body in clip.pictures]
    assert all(before.timestamp_ms <= after.timestamp_ms for before, after in pairwise(tags))
    shown = [time_ms + int.from_bytes(body[2:5], "big", signed=True) for time_ms, body in clip.pictures]
    shown_again = [tag.timestamp_ms + int.from_bytes(tag.body[2:5], "big", signed=True) for tag in pictures]
    offsets = [again - first for first, again in zip(shown, shown_again, strict=True)]
    assert max(offsets) - min(offsets) <= 1


def test_a_loss_costs_the_pictures_up_to_the_next_key_picture() -> None:
    pictures = packetized(PLAIN)
    lost = sum(len(picture.payloads) for picture in pictures[:5])
    downlink, tags = played(pictures, {lost})
    bodies = [tag.body for tag in tags if tag.body[1] == 1]
    expected = [body for _, body in PLAIN.pictures[:5] + PLAIN.pictures[10:]]
    assert list(map(nal_units, bodies)) == list(map(nal_units, expected))
    assert not downlink.wants_key_picture()


def test_a_key_picture_is_wanted_once_for_each_picture_in_vain() -> None:
    pictures = packetized(PLAIN)
    downlink, tags = played(pictures[1:4])
    assert tags == []
    assert downlink.wants_key_picture()
    assert not downlink.wants_key_picture()


def test_nothing_goes_on_before_a_key_picture() -> None:
    uplink = VideoUplink(Packetizer())
    uplink.push(0, PLAIN.header)
    assert uplink.push(40, PLAIN.pictures[1][1]) is None
    assert uplink.push(80, PLAIN.pictures[10][1]) is not None
    uplink.wait_for_key_picture()
    assert uplink.push(120, PLAIN.pictures[11][1]) is None
    assert uplink.stats().pictures == 1
    assert uplink.stats().dropped == {"no key picture yet": 2}


@pytest.mark.parametrize(
    "tag",
    [b"", b"\x17", b"\x12\x00", b"\x17\x01\0\0\0\0\0\0\xff\x65", b"\x17\x00\0\0\0\x01", b"\x17\x09\0\0\0"],
)
def test_after_a_bad_tag_the_next_key_picture_counts(tag: bytes) -> None:
    uplink = VideoUplink(Packetizer())
    uplink.push(0, PLAIN.header)
    uplink.push(0, PLAIN.pictures[0][1])
    with pytest.raises(CodecDataError):
        uplink.push(40, tag)
    assert uplink.push(80, PLAIN.pictures[1][1]) is None
    assert uplink.push(120, PLAIN.pictures[10][1]) is not None


def test_what_single_packets_cannot_carry() -> None:
    clip = make_clip(2, width=320, height=240)
    uplink = VideoUplink(Packetizer(PacketizationMode.SINGLE_NAL))
    uplink.push(0, clip.header)
    with pytest.raises(OversizeError):
        uplink.push(0, clip.pictures[0][1])
