"""Moving pictures, encoded by real encoders as an RTMP client publishes them; and their comparison."""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from media_bridge.codecs.video_decoder import VideoDecoder
from media_bridge.h264.avc_tag import picture_body, sequence_header_body
from media_bridge.video_tag import VideoTag, VideoTagKind
from media_bridge.video_transcoding import TranscodedPicture
from rtmp.flv_file import FlvParser
from rtmp.messages import MessageType

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """Messages of a publisher with their times, and the pictures by the time when they are shown."""

    tags: list[tuple[int, bytes]]
    pictures: dict[int, Pixels]


def scene(frames: int, width: int, height: int) -> list[Pixels]:
    """Return a soft pattern that moves sideways."""
    y, x = np.mgrid[0:height, 0 : width + 4 * frames].astype(np.float32)
    waves = [
        128 + 90 * np.sin(x / 37 + y / 53),
        128 + 90 * np.cos(x / 61 - y / 29),
        128 + 90 * np.sin(y / 41),
    ]
    pattern = np.stack(waves, axis=-1).astype(np.uint8)
    return [np.ascontiguousarray(pattern[:, 4 * number : 4 * number + width]) for number in range(frames)]


def make_sample(
    encoder: str,
    *,
    frames: int = 50,
    width: int = 320,
    height: int = 240,
    rate: int = 25,
    gop: int = 25,
    bit_rate: int = 1_000_000,
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
) -> Sample:
    """Encode the scene with an encoder of FFmpeg's."""
    file, pictures = io.BytesIO(), scene(frames, width, height)
    with av.open(file, "w", format="flv") as container:
        stream = container.add_stream(encoder, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.bit_rate, stream.gop_size = bit_rate, gop
        stream.time_base = Fraction(1, rate)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    tags = read_tags(file.getvalue())
    first = min(shown_ms(time_ms, body) for time_ms, body in tags if is_picture(body))
    times = [first + round(number * 1000 / rate) for number in range(frames)]
    return Sample(tags, dict(zip(times, pictures, strict=True)))


def read_tags(flv: bytes) -> list[tuple[int, bytes]]:
    """Return the video messages of a file."""
    parser, tags = FlvParser(), []
    parser.feed(flv)
    while (tag := parser.next_tag()) is not None:
        if tag.type_id == MessageType.VIDEO:
            tags.append((tag.timestamp_ms, bytes(tag.body)))
    return tags


def is_picture(body: bytes) -> bool:
    """Whether a message has a picture."""
    return VideoTag.parse(body).kind is VideoTagKind.PICTURE


def shown_ms(time_ms: int, body: bytes) -> int:
    """Return when the picture of a message is shown."""
    return time_ms + VideoTag.parse(body).composition_time_ms


def decode(pictures: list[TranscodedPicture]) -> dict[int, Pixels]:
    """Decode what a peer would get, strictly; pictures by their time in ms."""
    shown: dict[int, Pixels] = {}
    decoder, configuration = None, None
    for each in pictures:
        if decoder is None or each.configuration != configuration:
            assert each.access_unit.is_key
            configuration = each.configuration
            header = VideoTag.parse(sequence_header_body(configuration))
            decoder = VideoDecoder(header.codec, bytes(header.data))
        data = VideoTag.parse(picture_body(each.access_unit)).data
        unit = each.access_unit
        for picture in decoder.decode(data, unit.timestamp // 90, is_key=unit.is_key):
            shown[picture.timestamp_ms] = picture.frame.to_ndarray(format="rgb24")
    return shown


def psnr_db(one: Pixels, other: Pixels) -> float:
    """Return the peak signal-to-noise ratio of two pictures; the first is scaled to the other's size."""
    height, width, _ = other.shape
    scaled = av.VideoFrame.from_ndarray(one, format="rgb24").reformat(width, height).to_ndarray()
    error = np.mean((scaled.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else 99.0
