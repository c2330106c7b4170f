"""Pictures that x264 encodes, by PyAV, and what FFmpeg's decoder says of them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av

from media_bridge.h264.access_unit import CLOCK_HZ, AccessUnit
from media_bridge.h264.nal import NalType, join_annex_b, nal_type, split_annex_b


@dataclass(frozen=True)
class EncodedPicture:
    """NAL units of a picture; times in frames."""

    nals: tuple[bytes, ...]
    pts: int
    dts: int

    def access_unit(self, rate: Fraction = Fraction(30), start: int = 0) -> AccessUnit:
        """The picture with its RTP timestamp."""
        return AccessUnit(self.nals, int(start + self.pts * CLOCK_HZ / rate) & 0xFFFFFFFF)

    @property
    def sps(self) -> bytes:
        return next(nal for nal in self.nals if nal_type(nal) == NalType.SPS)


@dataclass(frozen=True)
class Encoding:
    """What x264 is asked for. `noise` is how many lines of each picture are new noise."""

    width: int = 320
    height: int = 240
    frames: int = 10
    rate: Fraction = Fraction(30)
    pix_fmt: str = "yuv420p"
    profile: str = ""
    level: str = ""
    x264: str = ""
    noise: int = 40

    @property
    def options(self) -> dict[str, str]:
        named = {"profile": self.profile, "level": self.level, "x264-params": f"threads=1:{self.x264}"}
        return {"preset": "veryfast"} | {name: value for name, value in named.items() if value}


ENCODINGS = [
    Encoding(profile="baseline"),
    Encoding(176, 144, profile="baseline", level="1b"),
    Encoding(640, 360, profile="baseline", level="3.1", rate=Fraction(25)),
    Encoding(profile="main", x264="bframes=2:b-pyramid=none:b-adapt=0"),
    Encoding(640, 482, profile="main", x264="bframes=3:b-pyramid=normal:b-adapt=0", frames=20),
    Encoding(1280, 720, profile="high", rate=Fraction(30000, 1001)),
    Encoding(1920, 1080, profile="high", x264="bframes=1:b-adapt=0", frames=6),
    Encoding(854, 478, profile="high", x264="cqm=jvt:8x8dct=1"),
    Encoding(720, 576, profile="high", x264="interlaced=1", rate=Fraction(25)),
    Encoding(profile="high", x264="nal-hrd=vbr:vbv-maxrate=1000:vbv-bufsize=1000:sar=300/257:fullrange=on"),
    Encoding(profile="high10", pix_fmt="yuv420p10le"),
    Encoding(profile="high422", pix_fmt="yuv422p", width=322, height=242),
    Encoding(profile="high444", pix_fmt="yuv444p", width=321, height=241),
    Encoding(pix_fmt="gray", profile="high"),
    Encoding(profile="high10", pix_fmt="yuv420p10le", x264="keyint=1"),
]
"""One of each kind."""


@cache
def encode(encoding: Encoding) -> Sequence[EncodedPicture]:
    """Encode; the parameter sets are in front of each key picture."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = encoding.width, encoding.height
    encoder.pix_fmt = encoding.pix_fmt
    encoder.framerate, encoder.time_base = encoding.rate, 1 / encoding.rate
    encoder.options = encoding.options
    packets = [packet for frame in (*_frames(encoding), None) for packet in encoder.encode(frame)]
    return [EncodedPicture(tuple(map(bytes, split_annex_b(bytes(p)))), p.pts, p.dts) for p in packets]


def _frames(encoding: Encoding) -> Iterator[av.VideoFrame]:
    chance = random.Random(7)
    for number in range(encoding.frames):
        frame = av.VideoFrame(encoding.width, encoding.height, encoding.pix_fmt)
        for plane in frame.planes:
            row = bytes(column + number * 3 & 255 for column in range(plane.line_size))
            lines = min(encoding.noise, plane.height)
            noise = chance.randbytes(lines * plane.line_size)
            samples = noise + row * (plane.height - lines)
            plane.update(_of_10_bits(samples) if "10le" in encoding.pix_fmt else samples)
        frame.pts, frame.time_base = number, 1 / encoding.rate
        yield frame


def _of_10_bits(samples: bytes) -> bytes:
    mask = int.from_bytes(b"\xff\x03" * (len(samples) // 2), "big")
    return (int.from_bytes(samples, "big") & mask).to_bytes(len(samples), "big")


def decoder_of(pictures: Sequence[EncodedPicture]) -> av.VideoCodecContext:
    """FFmpeg's decoder after all pictures; each of them was decoded without an error."""
    decoder = av.CodecContext.create("h264", "r")
    shown = 0
    for picture in pictures:
        shown += len(decoder.decode(av.Packet(join_annex_b(picture.nals))))
    shown += len(decoder.decode(None))
    assert shown == len(pictures)
    return decoder
