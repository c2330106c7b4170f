"""The times of video towards RTMP never go back, whatever the peer's stream does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from benchmarks.lossy_network import HOST
from benchmarks.video_ends import FRAME_S, Client, agreement, call_video
from media_bridge.h264.packetizer import Packetizer
from media_bridge.rtp.packet import serialize_plain
from media_bridge.video_uplink import VideoUplink
from siprtmp_b2bua.call_video import CallVideo
from siprtmp_b2bua.video_sdp import H264
from tests.interop.peers.polling import until
from tests.interop.video_clip import BASELINE, make_clip

GOP = 5
CLIP = make_clip(30, width=64, height=64, bitrate=60_000, options=BASELINE, gop=GOP)


class Sender:
    """A peer whose numbers and clock can be set anew at any time."""

    def __init__(self, socket_: socket.socket, port: int) -> None:
        self.ssrc, self.number, self.timestamp = 1, 65_530, (1 << 32) - 20_000
        self._socket, self._target = socket_, (HOST, port)
        self._index = 0
        self._uplink = VideoUplink(Packetizer())
        self._uplink.push(0, CLIP.header)

    async def send(self, pictures: int, *, lost: frozenset[int] = frozenset()) -> None:
        """Send pictures in real time; those whose place is in `lost` get lost."""
        for place in range(pictures):
            picture = self._uplink.push(0, CLIP.pictures[self._index % len(CLIP.pictures)][1])
            assert picture is not None
            self._index += 1
            self._send(picture.payloads, is_lost=place in lost)
            self.timestamp += 3600
            await asyncio.sleep(FRAME_S)

    def _send(self, payloads: Sequence[bytes], *, is_lost: bool) -> None:
        for place, payload in enumerate(payloads, 1):
            timestamp = self.timestamp & 0xFFFFFFFF
            marker = place == len(payloads)
            packet = serialize_plain(96, marker, self.number & 0xFFFF, timestamp, self.ssrc, payload)
            self.number += 1
            if not is_lost:
                self._socket.sendto(packet, self._target)


@contextmanager
def receiving(client: Client) -> Iterator[tuple[CallVideo, Sender]]:
    with (
        call_video(client, []) as video,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
    ):
        peer.bind((HOST, 0))
        port = peer.getsockname()[1]
        video.agree(agreement(port, port + 1, frozenset()))
        yield video, Sender(peer, video.line((H264,)).port)


def assert_in_time(client: Client, pictures: int) -> None:
    """Not back, and in step with when the tags came."""
    times = [time_ms for _, time_ms, _ in client.tags]
    assert times == sorted(times)
    assert len([tag for *_, tag in client.tags if tag[1] == 1]) >= pictures
    begin_s, begin_ms, _ = client.tags[0]
    late_ms = [1000 * (at_s - begin_s) - (time_ms - begin_ms) for at_s, time_ms, _ in client.tags]
    assert max(map(abs, late_ms)) < 250, late_ms


async def test_loss() -> None:
    client = Client()
    with receiving(client) as (_, sender):
        await sender.send(30, lost=frozenset({3, 12, 13, 14, 22}))
    assert_in_time(client, 15)


@pytest.mark.parametrize("timestamp", [0, 7_000_000, (1 << 31) + 5], ids=["back", "ahead", "half around"])
async def test_another_source(timestamp: int) -> None:
    client = Client()
    with receiving(client) as (_, sender):
        await sender.send(15)
        sender.ssrc, sender.number, sender.timestamp = 2, 100, timestamp
        await sender.send(15)
    assert_in_time(client, 25)


async def test_a_jump_of_the_clock() -> None:
    client = Client()
    with receiving(client) as (_, sender):
        await sender.send(15)
        sender.timestamp -= 90_000 * 3600
        await sender.send(15)
    assert_in_time(client, 25)


@pytest.mark.parametrize("goes_on", [False, True], ids=["stands still", "goes on"])
async def test_hold_and_resume(goes_on: bool) -> None:
    """While it is on hold the peer's clock stands still, or goes on."""
    client = Client()
    with receiving(client) as (video, sender):
        await sender.send(15)
        port = sender._socket.getsockname()[1]
        both = agreement(port, port + 1, frozenset())
        video.agree(replace(both, receives=False, sends=False))
        timestamp = sender.timestamp
        count = len(client.tags)
        await sender.send(10)
        assert len(client.tags) == count
        if not goes_on:
            sender.timestamp = timestamp
        video.agree(both)
        await sender.send(15)
        await until(lambda: len(client.tags) > count, "video again")
    assert_in_time(client, 25)


async def test_audio_that_falls_behind_at_once() -> None:
    """The video goes after it, by more than from one picture to the next, but not back in time."""
    client = Client()
    with receiving(client) as (video, sender):
        await sender.send(10)
        before_ms = client.tags[-1][1]
        video.note_audio(before_ms - 900)
        await sender.send(10)
    times = [time_ms for _, time_ms, _ in client.tags]
    assert times == sorted(times)
    assert times[-1] < before_ms + 200
