"""Sending a tone through a phone, and finding it in what comes back."""

import asyncio
import math
import struct

from examples.phone_audio import ReceivedFrame
from examples.rtmp_phone import RtmpPhone

TONE_HZ = 1000.0
AMPLITUDE = 8000.0
TIMEOUT_S = 5.0
CLEAR = 0.9
"""The share of a tone that codecs leave, see `tone_share`."""
_ATTEMPTS = 4
_PAUSE_S = 0.2


async def send_tone(phone: RtmpPhone, seconds: float, frequency_hz: float = TONE_HZ) -> None:
    """Send a sine in real time."""
    await _send_sine(phone, seconds, frequency_hz, AMPLITUDE)


async def _send_silence(phone: RtmpPhone, seconds: float) -> None:
    await _send_sine(phone, seconds, TONE_HZ, 0.0)


async def _send_sine(phone: RtmpPhone, seconds: float, frequency_hz: float, amplitude: float) -> None:
    rate_hz = phone.send_codec.rate_hz
    count = rate_hz // 50
    step = 2 * math.pi * frequency_hz / rate_hz
    await phone.send_in_real_time(
        struct.pack(f"<{count}h", *(int(amplitude * math.sin(step * (first + n))) for n in range(count)))
        for first in range(0, int(seconds * rate_hz), count)
    )


def tone_share(frame: ReceivedFrame, frequency_hz: float = TONE_HZ) -> float:
    """The part of a frame's energy that is a sine of this frequency, 0 to 1; 0 for silence."""
    samples = struct.unpack(f"<{len(frame.pcm) // 2}h", frame.pcm)
    energy = sum(sample * sample for sample in samples)
    if energy < len(samples) * 200 * 200:
        return 0.0
    step = 2 * math.pi * frequency_hz / frame.rate_hz
    sine = sum(sample * math.sin(step * n) for n, sample in enumerate(samples))
    cosine = sum(sample * math.cos(step * n) for n, sample in enumerate(samples))
    return 2 * (sine * sine + cosine * cosine) / (len(samples) * energy)


class Listener:
    """Keeps the frames that a phone receives, and waits for what they say."""

    def __init__(self, phone: RtmpPhone) -> None:
        self.frames: list[ReceivedFrame] = []
        self._changed = asyncio.Event()
        phone.on_frame = self._take

    def _take(self, frame: ReceivedFrame) -> None:
        self.frames.append(frame)
        self._changed.set()

    async def wait_for_frames(self, count: int) -> None:
        """Wait for `count` frames in all; raises TimeoutError."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.frames) < count:
                self._changed.clear()
                await self._changed.wait()

    async def wait_for_tone(self, frequency_hz: float = TONE_HZ, frames: int = 10) -> float:
        """Wait until so many frames carried mostly the tone; their median share. Raises TimeoutError."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(found := [s for f in self.frames if (s := tone_share(f, frequency_hz)) > 0.5]) < frames:
                self._changed.clear()
                await self._changed.wait()
        return sorted(found)[len(found) // 2]


async def assert_tone_heard(
    speaker: RtmpPhone,
    hearer: RtmpPhone | None = None,
    *,
    seconds: float = 0.6,
    frequency_hz: float = TONE_HZ,
) -> None:
    """Send a tone for so long, and assert that it is heard by `hearer`; None: that `speaker` hears its echo.

    Takes the frames of the hearer from whoever has had them. Raises TimeoutError where it does not come.

    On a machine that is busy with other tests a packet may come too late to be played, and a decoder of Speex
    that missed the beginning of a steady tone does not find it again. So the tone may be sent anew, after a
    pause that sets the decoder right; that the first frame is heard is for tests that run undisturbed.
    """
    listener = Listener(hearer or speaker)
    shares = []
    for _ in range(_ATTEMPTS):
        listener.frames.clear()
        await send_tone(speaker, seconds, frequency_hz)
        shares.append(await listener.wait_for_tone(frequency_hz))
        if shares[-1] > CLEAR:
            return
        await _send_silence(speaker, _PAUSE_S)
    raise AssertionError(f"a tone of {frequency_hz:g} Hz is {shares} of what was heard, of 1 each time")
