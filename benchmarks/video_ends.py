"""The two ends of a call's video without SIP and RTMP: a camera, a `CallVideo` on each side, a player."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.lossy_network import HOST
from media_bridge.h264.avc_tag import AvcTag
from rtmp.messages import Payload
from siprtmp_b2bua.call_video import CallVideo
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.video_agreement import VideoAgreement
from siprtmp_b2bua.video_sdp import H264, VideoFormat

FRAME_S = 0.04
Picture = tuple[bytes, ...]
"""Its NAL units."""


class Client:
    """What a call tells its client: it keeps what it plays, and when that came."""

    stream_time_ms = 0
    video_configuration = None

    def __init__(self) -> None:
        self.tags: list[tuple[float, int, bytes]] = []
        self.wants_key_picture = False

    def play_video(self, timestamp_ms: int, tag: Payload) -> None:
        """Keep a tag."""
        self.tags.append((asyncio.get_running_loop().time(), timestamp_ms, bytes(tag)))

    def key_picture_wanted(self) -> None:
        """Note the wish for the camera."""
        self.wants_key_picture = True

    def __getattr__(self, name: str) -> Callable[..., None]:
        raise AssertionError(f"a call's video has nothing to do with {name}")

    @property
    def pictures(self) -> list[tuple[float, Picture]]:
        """Those that were played, and when."""
        return [(at_s, nal_units(tag)) for at_s, _, tag in self.tags if tag[1] == 1]


@dataclass(frozen=True, slots=True)
class Camera:
    """A stream as tags: its configuration, and pictures of which every `group`-th is a key picture."""

    header: bytes
    pictures: Sequence[bytes]
    group: int

    async def send(
        self, push_tag: Callable[[int, bytes], object], client: Client, count: int
    ) -> list[Picture]:
        """Send pictures in real time, with a key picture when the client is asked; return what was sent."""
        loop = asyncio.get_running_loop()
        begin_s, sent, index = loop.time(), list[Picture](), 0
        push_tag(0, self.header)
        for number in range(count):
            await asyncio.sleep(begin_s + number * FRAME_S - loop.time())
            if client.wants_key_picture:
                client.wants_key_picture = False
                index = -(-index // self.group) * self.group
            body = self.pictures[index % len(self.pictures)]
            push_tag(round(number * FRAME_S * 1000), body)
            sent.append(nal_units(body))
            index += 1
        return sent


def nal_units(body: bytes) -> Picture:
    """Return the NAL units of a picture's tag that carry it: no parameter sets, no delimiters."""
    tag = AvcTag.parse(body)
    assert tag is not None
    return tuple(bytes(nal) for nal in tag.access_unit(0, 4).nal_units if nal[0] & 31 not in (7, 8, 9))


@contextmanager
def call_video(client: Client, asked: list[None]) -> Iterator[CallVideo]:
    """The video of a call; `asked` grows each time when a key picture is to be asked for by SIP."""
    config = GatewayConfig.model_validate({"sip": {"int_ip": HOST}})
    video = CallVideo("call-1", config, client, lambda: asked.append(None))  # type: ignore[arg-type]
    try:
        yield video
    finally:
        video.close()


def agreement(port: int, rtcp_port: int, feedback: frozenset[str]) -> VideoAgreement:
    """What both sides have agreed on; the peer is at these ports."""
    return VideoAgreement(
        codec=H264,
        address=HOST,
        port=port,
        rtcp_port=rtcp_port,
        payload_type=96,
        format=VideoFormat(96, H264),
        received_payload_types=frozenset({96}),
        sends=True,
        receives=True,
        feedback=feedback,
    )
