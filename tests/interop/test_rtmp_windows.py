"""Acknowledgement windows go by in both directions, faster than in real time, and no byte is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmp.aio import ServerConnection
from rtmp.messages import MessageType
from rtmp.session import Session
from rtmp.session_control import DEFAULT_WINDOW
from tests.interop.conftest import Peers
from tests.interop.flv_tags import media_of, outline, read_tags
from tests.interop.live_relay import H264, NOISE, LiveRelay, OwnPlayer, relay
from tests.interop.peers.ffmpeg import FfmpegPlayer, file_packets, run_ffmpeg
from tests.interop.peers.polling import until

__all__ = ["relay"]
pytestmark = pytest.mark.interop("ffmpeg")

WINDOWS = 4
BATCH = 256 * 1024
"""Bytes sent before all must be on their way: players that are behind would lose pictures, as they should."""


def is_acknowledged(session: Session) -> bool:
    """Whether no more than a window is on its way, as far as the peer has said."""
    return session.bytes_sent - session.bytes_acknowledged <= DEFAULT_WINDOW


async def wait_sent(own: OwnPlayer, count: int, players: set[ServerConnection]) -> None:
    """Wait until so many tags have come, and nothing waits at the server."""
    await until(
        lambda: len(own.tags) == count and all(not each.write_buffer_size for each in players),
        f"the first {count} tags",
    )


async def test_more_than_several_windows_in_both_directions(
    peers: Peers, relay: LiveRelay, tmp_path: Path
) -> None:
    source = tmp_path / "long.flv"
    run_ffmpeg(*NOISE, "-t", "14", *H264, str(source))
    tags = media_of(read_tags(source))
    assert sum(len(tag.payload) for tag in tags) > WINDOWS * DEFAULT_WINDOW
    own = await relay.play()
    ffmpeg = await peers.start(FfmpegPlayer(relay.url()))
    await relay.wait_players(2)
    client = await relay.connect()
    stream = await client.create_stream()
    connections: set[ServerConnection] = set(relay.server.connections)
    (publishing,) = (each for each in connections if not each.session.is_in_use)
    await stream.publish(relay.url().rpartition("/")[2])
    players = connections - {publishing}
    waiting = 0
    for count, tag in enumerate(tags, 1):
        send = stream.send_audio if tag.type_id == MessageType.AUDIO else stream.send_video
        send(tag.timestamp_ms, tag.payload)
        await client.drain()
        waiting += len(tag.payload)
        if waiting > BATCH:
            waiting = 0
            await wait_sent(own, count, players)
    for session in (client.session, *(each.session for each in players)):
        await until(lambda session=session: is_acknowledged(session), "the last acknowledgement")
        assert session.bytes_acknowledged > (WINDOWS - 1) * DEFAULT_WINDOW
    assert [each.dropped_media for each in connections] == [0, 0, 0]
    client.close()
    await own.wait_unpublished()
    assert outline(own.tags) == outline(tags)
    assert await ffmpeg.finish() == ""
    assert ffmpeg.packets() == file_packets(source)
