"""FFmpeg and our client publish and play by RTMPS: what goes in comes out, bit for bit and at its times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rtmp.messages import MessageType
from tests.interop.conftest import Peers
from tests.interop.flv_tags import media_of, outline, read_tags
from tests.interop.live_relay import LiveRelay, Media, media, running_relay
from tests.interop.peers.ffmpeg import FfmpegDecoder, FfmpegPlayer, FfmpegPublisher, file_packets
from tests.rtmp.certificates import make_server_tls

__all__ = ["media"]
pytestmark = pytest.mark.interop("ffmpeg", "openssl")


@pytest.fixture
async def relay(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> AsyncIterator[LiveRelay]:
    """A relay behind TLS that must have nothing to complain about."""
    async with running_relay(caplog, make_server_tls(tmp_path)) as running:
        yield running


@pytest.mark.parametrize("name", ["h264-aac", "large-key-pictures"])
async def test_ffmpeg_publishes_and_all_play(peers: Peers, relay: LiveRelay, media: Media, name: str) -> None:
    source, url = media.flv(name), relay.url()
    assert url.startswith("rtmps://")
    own = await relay.play()
    ffmpeg = await peers.start(FfmpegPlayer(url))
    decoder = await peers.start(FfmpegDecoder(url))
    await relay.wait_players(3)
    publisher = await peers.start(FfmpegPublisher(source, url))

    assert await publisher.finish() == ""
    await own.wait_unpublished()
    assert outline(own.tags) == outline(media_of(read_tags(source)))
    assert await ffmpeg.finish() == ""
    assert ffmpeg.packets() == file_packets(source)
    assert await decoder.finish() == ""


async def test_our_client_publishes_and_all_play(peers: Peers, relay: LiveRelay, media: Media) -> None:
    source, url = media.flv("h264-aac"), relay.url()
    tags = media_of(read_tags(source))
    own = await relay.play()
    ffmpeg = await peers.start(FfmpegPlayer(url))
    await relay.wait_players(2)
    client = await relay.connect()
    stream = await client.create_stream()
    await stream.publish(url.rpartition("/")[2])
    for tag in tags:
        send = stream.send_audio if tag.type_id == MessageType.AUDIO else stream.send_video
        send(tag.timestamp_ms, tag.payload)
        await client.drain()
    client.close()

    await own.wait_unpublished()
    assert outline(own.tags) == outline(tags)
    assert await ffmpeg.finish() == ""
    assert ffmpeg.packets() == file_packets(source)
