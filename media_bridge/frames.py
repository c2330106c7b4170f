"""The values that travel between the stages of a media chain.

Audio inside the bridge is mono, signed 16-bit little-endian PCM in `bytes` ("PCM" below); a codec's or a
port's `rate_hz` says how many samples a second that is.
"""

from enum import Enum
from typing import NamedTuple

Payload = bytes | bytearray | memoryview
"""What a decoder accepts: any contiguous bytes, without a copy made by the caller."""

BYTES_PER_SAMPLE = 2
FRAME_MS = 20
"""The frame time of the conference bridge, of Speex and of every RTP packet we send."""


class AudioCodec(Enum):
    """The audio codecs of an RTMP leg, by their usual names."""

    SPEEX = "speex"
    PCMU = "pcmu"
    PCMA = "pcma"
    AAC = "aac"
    MP3 = "mp3"
    NELLYMOSER = "nellymoser"


class AudioPacket(NamedTuple):
    """One encoded audio frame. `timestamp_ms` counts samples from the start of the chain, so it never
    jitters.

    A tuple, not a frozen dataclass: one is made for every frame, and this costs a third.
    """

    timestamp_ms: int
    payload: bytes


def frame_samples(rate_hz: int, frame_ms: int = FRAME_MS) -> int:
    """Samples in one frame of `frame_ms`."""
    return rate_hz * frame_ms // 1000


def frame_bytes(rate_hz: int, frame_ms: int = FRAME_MS) -> int:
    """Bytes of PCM in one frame of `frame_ms`."""
    return frame_samples(rate_hz, frame_ms) * BYTES_PER_SAMPLE
