"""tshark reads what the live relay and its clients say, and finds nothing wrong."""

import os

import pytest

from rtmp.messages import MessageType
from tests.interop.conftest import Peers
from tests.interop.flv_tags import media_of, read_tags
from tests.interop.live_relay import LiveRelay, Media, media, relay
from tests.interop.peers.ffmpeg import FfmpegPlayer, FfmpegPublisher
from tests.interop.peers.librtmp import Rtmpdump
from tests.interop.peers.rtmp_capture import RtmpCapture

pytestmark = pytest.mark.undisturbed

__all__ = ["media", "relay"]

PLAYERS = 2


@pytest.mark.interop("ffmpeg", "rtmpdump", "tshark")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to capture")
async def test_a_relayed_session_is_well_formed(peers: Peers, relay: LiveRelay, media: Media) -> None:
    source = media.flv("large-key-pictures")
    capture = await peers.start(RtmpCapture(relay.server.port))
    players = [await peers.start(FfmpegPlayer(relay.url())), await peers.start(Rtmpdump(relay.url()))]
    await relay.wait_players(PLAYERS)
    publisher = await peers.start(FfmpegPublisher(source, relay.url()))
    for program in (publisher, *players):
        await program.finish()
    await relay.stop()
    await capture.finish()

    assert capture.faults() == ""
    published, seen = len(media_of(read_tags(source))), capture.messages()
    assert seen[False, MessageType.VIDEO] == published
    assert seen[True, MessageType.VIDEO] == PLAYERS * published
