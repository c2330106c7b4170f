"""GStreamer publishes live, with its own RTMP and with librtmp: players get the very stream."""

import pytest

from tests.interop.conftest import Peers
from tests.interop.flv_tags import media_of, outline, read_tags
from tests.interop.live_relay import LiveRelay, Media, media, relay
from tests.interop.peers.ffmpeg import FfmpegPlayer, file_packets
from tests.interop.peers.gstreamer import gstreamer_publisher

__all__ = ["media", "relay"]
pytestmark = pytest.mark.interop("ffmpeg", "gst-launch-1.0")


@pytest.mark.parametrize("sink", ["rtmp2sink", "rtmpsink"])
async def test_gstreamer_publishes(peers: Peers, relay: LiveRelay, media: Media, sink: str) -> None:
    own = await relay.play()
    ffmpeg = await peers.start(FfmpegPlayer(relay.url()))
    await relay.wait_players(2)
    publisher = await peers.start(gstreamer_publisher(media.flv("h264-aac"), relay.url(), sink))

    assert await publisher.finish() == ""
    await own.wait_unpublished()
    muxed = read_tags(publisher.output)
    assert outline(own.tags) == outline(media_of(muxed))
    assert len(own.data) == len(muxed) - len(own.tags)  # it sends onMetaData again for every new bit rate
    assert await ffmpeg.finish() == ""
    assert ffmpeg.packets() == file_packets(publisher.output)
