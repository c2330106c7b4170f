"""nginx-rtmp as a relay around ours: it pushes a stream to us, and pulls one from us, bit for bit."""

import pytest

from tests.interop.conftest import Peers
from tests.interop.flv_tags import Tag, media_of, outline, read_tags
from tests.interop.live_relay import LiveRelay, Media, media, relay
from tests.interop.peers import until
from tests.interop.peers.ffmpeg import FfmpegPlayer, FfmpegPublisher, file_packets
from tests.interop.peers.nginx_rtmp import NginxRtmp

__all__ = ["media", "relay"]
pytestmark = pytest.mark.interop("ffmpeg", "nginx")


async def test_nginx_pulls(peers: Peers, relay: LiveRelay, media: Media) -> None:
    source = media.flv("h264-aac")
    nginx = await peers.start(NginxRtmp(relay.url()))
    ffmpeg = await peers.start(FfmpegPlayer(nginx.pull_url()))
    await relay.wait_players(1)
    own = await relay.play(nginx.pull_url())
    publisher = await peers.start(FfmpegPublisher(source, relay.url()))

    await publisher.finish()
    published = media_of(read_tags(source))
    await until(lambda: len(own.tags) == len(published), "the whole stream behind nginx")
    for came, sent in zip(by_kind(own.tags), by_kind(published), strict=True):
        assert outline(came) == outline(sent)
    await nginx.stop()  # it does not tell players that a stream has ended
    await ffmpeg.finish()
    assert ffmpeg.packets() == file_packets(source)


async def test_nginx_pushes(peers: Peers, relay: LiveRelay, media: Media) -> None:
    source = media.flv("h264-aac")
    own = await relay.play()
    nginx = await peers.start(NginxRtmp(relay.url()))
    publisher = await peers.start(FfmpegPublisher(source, nginx.push_url()))

    await publisher.finish()
    await own.wait_unpublished()
    published = media_of(read_tags(source))
    for came, sent in zip(by_kind(own.tags), by_kind(published), strict=True):
        check_rest(came, sent)
    assert sum(tag.is_key for tag in own.tags) > 2


def by_kind(tags: list[Tag]) -> tuple[list[Tag], list[Tag]]:
    """Audio and video, each in its order: nginx keeps a header back until something follows it."""
    return [tag for tag in tags if not tag.is_video], [tag for tag in tags if tag.is_video]


def check_rest(came: list[Tag], published: list[Tag]) -> None:
    """The header first, then all from where nginx had connected, which for video is a key picture."""
    header, rest = came[0], came[1:]
    assert header.is_header
    assert header.payload == published[0].payload
    assert rest[0].is_key or not rest[0].is_video
    assert outline(rest) == outline(published[-len(rest) :])
    assert len(rest) > len(published) / 2
