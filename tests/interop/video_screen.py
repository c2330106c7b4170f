"""What the RTMP client of a call with video sees and is told."""

from collections.abc import Sequence

import av

from examples.rtmp_phone import RtmpPhone
from media_bridge.h264.avc_tag import AvcTag
from tests.interop.peers.polling import until
from tests.interop.video_clip import Clip, nal_units


class Screen:
    """Keeps the tags of a phone's video."""

    def __init__(self, phone: RtmpPhone) -> None:
        self.tags: list[tuple[int, bytes]] = []
        phone.on_video = lambda timestamp_ms, tag: self.tags.append((timestamp_ms, bytes(tag)))

    @property
    def headers(self) -> list[bytes]:
        """The configurations that came."""
        return [tag for _, tag in self.tags if tag[1] == 0]

    @property
    def pictures(self) -> list[tuple[int, bytes]]:
        """The pictures that came, with their times."""
        return [(time_ms, tag) for time_ms, tag in self.tags if tag[1] == 1]

    async def wait_for(self, pictures: int) -> None:
        """Wait for so many pictures."""
        await until(lambda: len(self.pictures) >= pictures, f"{pictures} pictures", 10.0)


class Statuses:
    """Keeps the codes that a phone's published stream gets."""

    def __init__(self, phone: RtmpPhone) -> None:
        self.codes: list[str] = []
        phone.publisher.on_status = lambda status: self.codes.append(status.code)

    async def wait_for(self, code: str) -> None:
        """Wait for a code."""
        await until(lambda: code in self.codes, code)


def assert_same(sent: Clip, received: Screen) -> None:
    """Assert that the pictures came back as they were, from the first one on."""
    wanted = [nal_units(body) for _, body in sent.pictures]
    got = [nal_units(body) for _, body in received.pictures]
    assert got == wanted
    times: Sequence[int] = [time_ms for time_ms, _ in received.tags]
    assert times == sorted(times)


def decode(screen: Screen) -> list[av.VideoFrame]:
    """Decode what a phone has received."""
    decoder = av.CodecContext.create("h264", "r")
    configuration = AvcTag.parse(screen.headers[0])
    assert configuration is not None
    decoder.extradata = bytes(configuration.data)
    frames = []
    for _, tag in screen.pictures:
        frames += decoder.decode(av.Packet(tag[5:]))
    return frames + decoder.decode(None)


def stripes(frame: av.VideoFrame) -> list[str]:
    """The colours of the left, middle and right thirds of a picture: what baresip has for a camera."""
    pixels = frame.to_ndarray(format="rgb24")
    height, width, _ = pixels.shape
    names = ("red", "green", "blue")
    return [names[int(pixels[height // 2, width * sixth // 6].argmax())] for sixth in (1, 3, 5)]
