"""A gateway that names its publishers: real encoders prove who they are, real players need not."""

import json
from collections.abc import AsyncIterator

import pytest

from rtmp.auth.auth_scheme import AuthScheme
from tests.interop.conftest import Peers
from tests.interop.flv_tags import as_librtmp_writes, media_of, outline, read_tags
from tests.interop.live_relay import NAME, Media, media
from tests.interop.peers import HOST, PeerFailed
from tests.interop.peers.ffmpeg import FfmpegPlayer, FfmpegPublisher, file_packets
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.gstreamer import gstreamer_publisher
from tests.interop.peers.librtmp import Rtmpdump

__all__ = ["media"]
pytestmark = pytest.mark.interop("ffmpeg")

USER, PASSWORD, WRONG = "bob", "long-password_0123456789", "a-guess"


@pytest.fixture(params=AuthScheme, ids=lambda scheme: scheme.value)
def scheme(request: pytest.FixtureRequest) -> AuthScheme:
    """How publishers authenticate."""
    scheme: AuthScheme = request.param
    return scheme


@pytest.fixture
async def gateway(peers: Peers, scheme: AuthScheme) -> AsyncIterator[Gateway]:
    """A gateway with one publisher; it must outlive the test, and no password be in its log."""
    settings = {"LIVE__PUBLISHERS": json.dumps({USER: PASSWORD}), "LIVE__AUTHMOD": scheme.value}
    running = await peers.start(Gateway("-d", settings=settings))
    yield running
    running.check_clean()
    assert PASSWORD not in running.log()
    assert WRONG not in running.log()


def live_url(gateway: Gateway, credentials: str = "") -> str:
    """Where a stream is published and played."""
    return f"rtmp://{credentials}{HOST}:{gateway.rtmp_port}/live/{NAME}"


async def test_ffmpeg_publishes_with_the_password_and_plays_without(
    peers: Peers, gateway: Gateway, media: Media
) -> None:
    source = media.flv("mp3")
    player = await peers.start(FfmpegPlayer(live_url(gateway)))
    await gateway.wait_logged(f"plays live/{NAME}")
    publisher = await peers.start(FfmpegPublisher(source, live_url(gateway, f"{USER}:{PASSWORD}@")))

    assert await publisher.finish() == ""
    assert await player.finish() == ""
    assert player.packets() == file_packets(source)


@pytest.mark.parametrize(
    ("credentials", "says"),
    [
        (f"{USER}:{WRONG}@", "Incorrect username/password"),
        (f"eve:{PASSWORD}@", "Incorrect username/password"),
        ("", "No credentials set"),
    ],
)
async def test_ffmpeg_does_not_publish_with_anything_else(
    peers: Peers, gateway: Gateway, media: Media, credentials: str, says: str
) -> None:
    publisher = await peers.start(FfmpegPublisher(media.flv("mp3"), live_url(gateway, credentials)))
    with pytest.raises(PeerFailed, match=says):
        await publisher.finish()
    if credentials:
        user = credentials.partition(":")[0]
        await gateway.wait_logged(f"refused: it did not prove to be '{user}'")
    assert "publishes" not in gateway.log()


@pytest.mark.interop("gst-launch-1.0", "rtmpdump")
@pytest.mark.parametrize("scheme", [AuthScheme.ADOBE], indirect=True)  # it knows no other
async def test_gstreamer_publishes_with_the_password(peers: Peers, gateway: Gateway, media: Media) -> None:
    await check_gstreamer(peers, gateway, media, live_url(gateway, f"{USER}:{PASSWORD}@"), "rtmp2sink")


@pytest.mark.interop("gst-launch-1.0", "rtmpdump")
@pytest.mark.parametrize("scheme", [AuthScheme.LLNW], indirect=True)  # Debian's librtmp crashes at "adobe"
async def test_librtmp_publishes_with_the_password(peers: Peers, gateway: Gateway, media: Media) -> None:
    location = f"'{live_url(gateway)} pubUser={USER} pubPasswd={PASSWORD}'"
    await check_gstreamer(peers, gateway, media, location, "rtmpsink")


async def check_gstreamer(peers: Peers, gateway: Gateway, media: Media, location: str, sink: str) -> None:
    """A sink publishes; who plays gets what it sent."""
    player = await peers.start(Rtmpdump(live_url(gateway)))
    await gateway.wait_logged(f"plays live/{NAME}")
    publisher = await peers.start(gstreamer_publisher(media.flv("h264-aac"), location, sink))

    assert await publisher.finish() == ""
    assert await player.finish() == ""
    sent = as_librtmp_writes(media_of(read_tags(publisher.output)))
    assert outline(media_of(read_tags(player.output))) == outline(sent)
