"""H.264 clips for tests: pictures that x264 encodes here, as the FLV tags of a publisher."""

import asyncio
import io
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from examples.rtmp_phone import RtmpPhone
from media_bridge.h264.avc_tag import AvcTag, AvcTagKind
from media_bridge.h264.configuration import AvcConfiguration
from rtmp.flv_file import FlvParser
from rtmp.messages import MessageType

BASELINE = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency"}
HIGH = {"profile": "high", "preset": "veryfast", "bf": "2", "slices": "4"}


@dataclass(frozen=True)
class Clip:
    """The configuration's tag, and the pictures' with their times."""

    header: bytes
    pictures: tuple[tuple[int, bytes], ...]

    @property
    def configuration(self) -> AvcConfiguration:
        """The parameter sets."""
        tag = AvcTag.parse(self.header)
        assert tag is not None
        return AvcConfiguration.parse(tag.data)


def make_clip(
    frames: int = 60,
    *,
    width: int = 320,
    height: int = 240,
    rate: int = 25,
    bitrate: int = 300_000,
    options: dict[str, str] = BASELINE,
    gop: int = 25,
) -> Clip:
    """Encode moving noise, of which no two pictures are alike."""
    file = io.BytesIO()
    random = np.random.default_rng(1)
    noise = random.integers(0, 255, (height * 2, width * 2, 3), dtype=np.uint8)
    with av.open(file, "w", format="flv") as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={**options, "g": str(gop), "keyint_min": str(gop)}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = bitrate
        stream.time_base = Fraction(1, rate)
        for number in range(frames):
            at = number * 3 % height
            picture = (noise[at : at + height, at : at + width] // 4 + np.uint8(number * 2 % 128)).astype(
                np.uint8
            )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return read_clip(file.getvalue())


def read_clip(flv: bytes) -> Clip:
    """Return the pictures of an FLV file."""
    parser = FlvParser()
    parser.feed(flv)
    header, pictures = b"", []
    while (tag := parser.next_tag()) is not None:
        if tag.type_id != MessageType.VIDEO:
            continue
        body = bytes(tag.body)
        if body[1] == AvcTagKind.SEQUENCE_HEADER:
            header = body
        elif body[1] == AvcTagKind.PICTURE:
            pictures.append((tag.timestamp_ms, body))
    return Clip(header, tuple(pictures))


async def send_clip(phone: RtmpPhone, clip: Clip, *, speed: float = 1.0) -> None:
    """Send a clip as a camera does."""
    phone.send_video(0, clip.header)
    await send_tags(phone, clip.pictures, speed=speed)


async def send_tags(phone: RtmpPhone, tags: Iterable[tuple[int, bytes]], *, speed: float = 1.0) -> None:
    """Send messages at their times."""
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    for time_ms, body in tags:
        await asyncio.sleep(begin_s + time_ms / 1000 / speed - loop.time())
        phone.send_video(time_ms, body)


def nal_units(body: bytes) -> tuple[bytes, ...]:
    """Return the NAL units of a picture's tag that carry it: no parameter sets, no delimiters."""
    tag = AvcTag.parse(body)
    assert tag is not None
    unit = tag.access_unit(0, 4)
    return tuple(bytes(nal) for nal in unit.nal_units if nal[0] & 31 not in (7, 8, 9))
