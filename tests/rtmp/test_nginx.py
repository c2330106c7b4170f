"""Our clients with nginx-rtmp between them, which relays payloads and timestamps as they come.

Of the order between audio and video it changes one thing: it holds the AAC header back until the first audio.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from rtmp.aio import LinkState, ReconnectingPlayer, ReconnectingPublisher, RtmpClient, StateChange
from rtmp.aio.client_stream import ClientStream
from rtmp.backoff import BackoffPolicy
from tests.rtmp.flv_tags import AUDIO, VIDEO, Tag, make_tags
from tests.rtmp.nginx_server import needs_nginx, nginx

pytestmark = [
    pytest.mark.interop,
    needs_nginx,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)"),
]


class Received:
    """The media of a player, and a way to wait for so many."""

    def __init__(self, player: ClientStream | ReconnectingPlayer) -> None:
        self.tags: list[Tag] = []
        self.metadata: list[Any] = []
        self.changed = asyncio.Event()
        player.on_audio = lambda timestamp_ms, payload: self.take(AUDIO, timestamp_ms, payload)
        player.on_video = lambda timestamp_ms, payload: self.take(VIDEO, timestamp_ms, payload)
        player.on_data = lambda _, values: self.metadata.append(values)

    def take(self, type_id: int, timestamp_ms: int, payload: Any) -> None:
        self.tags.append(Tag(type_id, timestamp_ms, bytes(payload)))
        self.changed.set()

    async def wait(self, count: int) -> None:
        while len(self.tags) < count:
            self.changed.clear()
            await self.changed.wait()

    def of(self, type_id: int) -> list[Tag]:
        return [tag for tag in self.tags if tag.type_id == type_id]


def shifted(tags: list[Tag], type_id: int, offset_ms: int) -> list[Tag]:
    return [Tag(type_id, tag.timestamp_ms + offset_ms, tag.payload) for tag in tags if tag.type_id == type_id]


@pytest.mark.parametrize("announce", [False, True])
@pytest.mark.parametrize("offset_ms", [0, 123_456, (1 << 24) - 700])
async def test_what_is_pushed_is_pulled(tmp_path: Path, announce: bool, offset_ms: int) -> None:
    """Bit for bit, with the same timestamps, also where they begin to need the extended field."""
    tags = await make_tags(tmp_path)
    media = [tag for tag in tags if tag.type_id in (AUDIO, VIDEO)]
    async with nginx(tmp_path) as port, asyncio.timeout(20):
        url = f"rtmp://127.0.0.1:{port}/live"
        puller, pusher = await RtmpClient.connect(url), await RtmpClient.connect(url)
        player, publisher = await puller.create_stream(), await pusher.create_stream()
        received = Received(player)
        await player.play("cam", -1000.0, announce=announce)
        await publisher.publish("cam", announce=announce)
        publisher.send_data(offset_ms, "@setDataFrame", "onMetaData", {"width": 320.0})
        for tag in media:
            send = publisher.send_audio if tag.type_id == AUDIO else publisher.send_video
            send(tag.timestamp_ms + offset_ms, tag.payload)
        assert pusher.dropped_media == 0
        await received.wait(len(media))
        publisher.close()
        for client in (puller, pusher):
            client.close()
            await client.wait_closed()
    for type_id in (AUDIO, VIDEO):
        assert received.of(type_id) == shifted(media, type_id, offset_ms)
    assert [values[1]["width"] for values in received.metadata if values[0] == "onMetaData"] == [320.0]


class UpCount:
    """How often streams have come up."""

    def __init__(self) -> None:
        self.count = 0
        self.changed = asyncio.Event()

    def __call__(self, change: StateChange) -> None:
        self.count += change.state is LinkState.UP
        self.changed.set()

    async def wait(self, count: int) -> None:
        while self.count < count:
            self.changed.clear()
            await self.changed.wait()


async def test_both_survive_a_restart(tmp_path: Path) -> None:
    tags = await make_tags(tmp_path, seconds=1.0)
    media = [tag for tag in tags if tag.type_id in (AUDIO, VIDEO)]
    headers = [tag for tag in media if tag.payload[1] == 0]
    frames = [tag for tag in media if tag.payload[1] != 0]
    assert len(headers) == 2
    ups, policy = UpCount(), BackoffPolicy(first_s=0.05, longest_s=0.2)
    async with nginx(tmp_path) as port:
        url = f"rtmp://127.0.0.1:{port}/live"
        player = ReconnectingPlayer(url, "cam", policy=policy, on_state=ups)
        publisher = ReconnectingPublisher(url, "cam", policy=policy, on_state=ups)
        received = Received(player)
        player.start()
        publisher.start()
        async with asyncio.timeout(10):
            await ups.wait(2)
            send_all(publisher, media)
            await received.wait(len(media))
    async with nginx(tmp_path, port), asyncio.timeout(20):
        await ups.wait(4)
        send_all(publisher, frames)
        await received.wait(2 * len(media))
        await publisher.close()
        await player.close()
    again = received.tags[len(media) :]
    assert sorted(tag.payload for tag in again) == sorted(tag.payload for tag in media)
    assert publisher.dropped_media == 0


def send_all(publisher: ReconnectingPublisher, tags: list[Tag]) -> None:
    for tag in tags:
        send = publisher.send_audio if tag.type_id == AUDIO else publisher.send_video
        send(tag.timestamp_ms, tag.payload)
