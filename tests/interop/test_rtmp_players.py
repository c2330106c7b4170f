"""FFmpeg publishes live: every kind of player gets its packets, bit for bit, and ends when it does."""

import pytest

from rtmp.aio.live import Purpose
from rtmp.amf0 import decode_all
from rtmp.messages import MessageType
from tests.interop.conftest import Peers
from tests.interop.flv_tags import Tag, as_librtmp_writes, media_of, outline, read_tags
from tests.interop.live_relay import MEDIA, LiveRelay, Media, OwnPlayer, media, relay
from tests.interop.peers.ffmpeg import FfmpegDecoder, FfmpegPlayer, FfmpegPublisher, file_packets
from tests.interop.peers.gstreamer import Gstreamer, gstreamer_player
from tests.interop.peers.librtmp import Curl, Rtmpdump, curl_knows_rtmp

__all__ = ["media", "relay"]
pytestmark = pytest.mark.interop("ffmpeg", "rtmpdump", "gst-launch-1.0")

CONNECT_ARGUMENTS = ("S:alice", "N:7", "B:1", "O:1", "NS:codec:speex", "O:0")
GSTREAMER_LOSES = 4
"""rtmp2src ends at Stream EOF with what it has not passed on yet."""


@pytest.mark.parametrize("name", MEDIA)
async def test_all_players_get_the_same(peers: Peers, relay: LiveRelay, media: Media, name: str) -> None:
    source, url = media.flv(name), relay.url()
    published = media_of(read_tags(source))
    own = await relay.play()
    ffmpeg = await peers.start(FfmpegPlayer(url))
    gstreamer = await peers.start(gstreamer_player(url))
    rtmpdump = await peers.start(Rtmpdump(url, connect_arguments=CONNECT_ARGUMENTS))
    curl = await peers.start(Curl(url)) if curl_knows_rtmp() else None
    await relay.wait_players(4 if curl is None else 5)
    publisher = await peers.start(FfmpegPublisher(source, url))

    assert await publisher.finish() == ""
    await own.wait_unpublished()
    assert outline(own.tags) == outline(published)
    assert await ffmpeg.finish() == ""
    assert ffmpeg.packets() == file_packets(source)
    assert await rtmpdump.finish() == ""
    dumped = read_tags(rtmpdump.output)
    assert outline(media_of(dumped)) == outline(as_librtmp_writes(published))
    assert data_of(dumped) == own.data
    await check_gstreamer(gstreamer, published)
    if curl is not None:
        await relay.stop()
        assert await curl.finish() == ""
        assert outline(read_tags(curl.output)) == outline(dumped)
    arguments = ("alice", 7.0, True, {"codec": "speex"})
    assert arguments in [request.connect_arguments for request in relay.requests]
    assert [request.purpose for request in relay.requests].count(Purpose.PUBLISH) == 1


def test_the_large_key_pictures_are_large(media: Media) -> None:
    keys = [tag for tag in read_tags(media.flv("large-key-pictures")) if tag.is_key]
    assert len(keys) > 1
    assert min(len(tag.payload) for tag in keys) > 65_536


async def test_late_players_begin_at_a_key_picture(peers: Peers, relay: LiveRelay, media: Media) -> None:
    source, url = media.flv("h264-aac"), relay.url()
    early = await relay.play()
    publisher = await peers.start(FfmpegPublisher(source, url))
    await early.wait_key_pictures(3)
    publisher.freeze()
    decoder = await peers.start(FfmpegDecoder(url))
    ffmpeg = await peers.start(FfmpegPlayer(url))
    rtmpdump = await peers.start(Rtmpdump(url))
    gstreamer = await peers.start(gstreamer_player(url))
    await relay.wait_players(5)
    late = await relay.play()
    publisher.thaw()

    await publisher.finish()
    assert await decoder.finish() == ""
    assert await ffmpeg.finish() == ""
    assert await rtmpdump.finish() == ""
    await late.wait_unpublished()
    check_late(late, early)
    assert outline(media_of(read_tags(rtmpdump.output))) == outline(as_librtmp_writes(late.tags))
    everything, came = file_packets(source), ffmpeg.packets()
    assert came == everything[-len(came) :]
    await check_gstreamer(gstreamer, late.tags)


def check_late(late: OwnPlayer, early: OwnPlayer) -> None:
    """A late player got the headers, then all from a key picture on."""
    headers, rest = late.tags[:2], late.tags[2:]
    assert rest[0].is_key
    assert [tag.payload for tag in headers] == [tag.payload for tag in early.tags if tag.is_header]
    assert {tag.timestamp_ms for tag in headers} == {rest[0].timestamp_ms}
    assert outline(rest) == outline(early.tags[-len(rest) :])
    assert sum(tag.is_key for tag in rest) < sum(tag.is_key for tag in early.tags)
    assert late.data == early.data


async def check_gstreamer(player: Gstreamer, expected: list[Tag]) -> None:
    assert await player.finish() == ""
    tags = media_of(read_tags(player.output))
    assert outline(tags) == outline(expected[: len(tags)])
    assert len(tags) >= len(expected) - GSTREAMER_LOSES


def data_of(tags: list[Tag]) -> list[tuple[object, ...]]:
    return [tuple(decode_all(tag.payload)) for tag in tags if tag.type_id == MessageType.DATA_AMF0]
