"""A source in which the picture goes white and a beep begins at the same moments, and how to find both again.

What is published has an offset of 0 between flash and beep by its timestamps. So the offset that comes out at
the other end is what the way there has done to lip-sync.
"""

from __future__ import annotations

import asyncio
import io
import math
import statistics
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np

from examples.rtmp_phone import RtmpPhone
from tests.interop.video_clip import BASELINE, Clip, read_clip, send_clip

RATE = 25
PERIOD_S = 1.0
"""From flash to flash; an offset of more than half of that would be taken for another one."""
FIRST_S = 0.4
FLASH_FRAMES = 4
BEEP_S = 0.12
BEEP_HZ = 1000.0
AMPLITUDE = 12_000
MIN_FLASHES = 3
"""Fewer are no proof."""
_LOUD = AMPLITUDE // 4
_WHITE = 160
_SIZE = 64


def moments(seconds: float) -> list[float]:
    """When it flashes and beeps, in s."""
    return [FIRST_S + number * PERIOD_S for number in range(math.ceil((seconds - FIRST_S) / PERIOD_S))]


def beeps(rate_hz: int, seconds: float) -> Iterable[bytes]:
    """Frames of 20 ms of mono 16-bit PCM."""
    step, count = 2 * math.pi * BEEP_HZ / rate_hz, rate_hz // 50
    begins = [round(moment * rate_hz) for moment in moments(seconds)]
    length = round(BEEP_S * rate_hz)
    samples = [0] * round(seconds * rate_hz)
    for begin in begins:
        for n in range(min(length, len(samples) - begin)):
            samples[begin + n] = int(AMPLITUDE * math.sin(step * n))
    for first in range(0, len(samples), count):
        yield struct.pack(f"<{count}h", *samples[first : first + count])


@cache
def flashes(seconds: float) -> Clip:
    """Black pictures, white ones at the moments."""
    file = io.BytesIO()
    with av.open(file, "w", format="flv") as container:
        stream = container.add_stream("libx264", rate=RATE, options={**BASELINE, "g": str(RATE)})
        stream.width = stream.height = _SIZE
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, RATE)
        white = {round(moment * RATE) + n for moment in moments(seconds) for n in range(FLASH_FRAMES)}
        for number in range(round(seconds * RATE)):
            level = 255 if number in white else 0
            picture = np.full((_SIZE, _SIZE, 3), level, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return read_clip(file.getvalue())


async def publish(
    phone: RtmpPhone, seconds: float, *, audio_late_s: float = 0.0, video_late_s: float = 0.0
) -> None:
    """Send both in real time, with timestamps that begin together; each may be sent later than that."""
    frames = list(beeps(phone.send_codec.rate_hz, seconds))
    clip = flashes(seconds)

    async def send_audio() -> None:
        await asyncio.sleep(audio_late_s)
        await phone.send_in_real_time(frames)

    async def send_video() -> None:
        await asyncio.sleep(video_late_s)
        await send_clip(phone, clip)

    await asyncio.gather(send_audio(), send_video())


def beep_starts(frames: Iterable[tuple[float, int, bytes]]) -> list[float]:
    """Return when beeps begin, in s; each frame is its time in s, its rate in Hz, and PCM."""
    starts: list[float] = []
    for time_s, rate_hz, pcm in frames:
        for number, (sample,) in enumerate(struct.iter_unpack("<h", pcm)):
            if abs(sample) > _LOUD:
                at_s = time_s + number / rate_hz
                if not starts or at_s - starts[-1] > PERIOD_S / 2:
                    starts.append(at_s)
                break
    return starts


def flash_starts(pictures: Iterable[tuple[float, bytes]], configuration: bytes = b"") -> list[float]:
    """Return when flashes begin, in s; each picture is its time in s, and its access unit."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    if configuration:
        decoder.extradata = configuration
    starts: list[float] = []
    was_white = False
    for time_s, unit in pictures:
        for frame in decoder.decode(av.Packet(unit)):
            is_white = float(frame.to_ndarray(format="gray").mean()) > _WHITE
            if is_white and not was_white:
                starts.append(time_s)
            was_white = is_white
    return starts


@dataclass(frozen=True, slots=True)
class Offsets:
    """How much later each flash is than its beep, in ms."""

    each_ms: tuple[float, ...]

    @classmethod
    def of(cls, flash_s: Sequence[float], beep_s: Sequence[float]) -> Offsets:
        """Pair each flash with the beep that is nearest."""
        pairs = [(at_s, min(beep_s, key=lambda beep: abs(beep - at_s))) for at_s in flash_s] if beep_s else []
        near = [1000 * (flash - beep) for flash, beep in pairs if abs(flash - beep) < PERIOD_S / 2]
        return cls(tuple(near))

    @property
    def settled_ms(self) -> float:
        """The middle one of the second half."""
        later = self.each_ms[len(self.each_ms) // 2 :]
        assert len(later) >= MIN_FLASHES, str(self)
        return statistics.median(later)

    def __str__(self) -> str:
        return "flash after beep: " + ", ".join(f"{offset:+.0f}" for offset in self.each_ms) + " ms"
