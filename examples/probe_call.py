"""One call that is measured: beeps, then a tone, sent to a phone that echoes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

from examples.audio_probe import (
    Timeline,
    beeps,
    find_glitches,
    find_tone,
    frames,
    level_dbfs,
    round_trips,
    tone,
    tone_snr_db,
)
from examples.measurement import Measurement
from examples.phone_audio import ReceivedFrame
from examples.rtmp_phone import RtmpPhone

BEEP_PERIOD_S: Final = 0.4
_ECHO_TAIL_S: Final = 0.6
"""How long to wait for the last of the echo."""


class ProbeCall:
    """Sends the probe's signal in a phone's call and keeps what comes back."""

    def __init__(self, phone: RtmpPhone, seconds: float) -> None:
        self.phone = phone
        self.sent = Timeline(phone.send_codec.rate_hz)
        self.received = Timeline(phone.send_codec.rate_hz)
        self.latest_s = 0.0
        """By how much the latest frame was sent late: how busy this machine is."""
        beep_count = max(round(seconds / 2 / BEEP_PERIOD_S), 2)
        rate_hz = self.sent.rate_hz
        self._beeps = beeps(rate_hz, beep_count, BEEP_PERIOD_S)
        self._tone = tone(rate_hz, max(seconds - beep_count * BEEP_PERIOD_S, 1.0))
        phone.on_frame = self._on_frame

    async def run(self, on_second: Callable[[int], None] = lambda _second: None) -> None:
        """Send everything in real time and wait for the last echo; `on_second` is called every second."""
        ticker = asyncio.create_task(_every_second(on_second))
        try:
            signal = frames(self._beeps + self._tone, self.phone.send_codec.frame_bytes)
            self.latest_s = await self.phone.send_in_real_time(signal, on_sent=self.sent.add)
            await asyncio.sleep(_ECHO_TAIL_S)
        finally:
            ticker.cancel()

    def level_dbfs(self) -> float:
        """Level of the last second that came back."""
        return level_dbfs(bytes(self.received.pcm[-2 * self.received.rate_hz :]))

    def measure(self) -> Measurement:
        """Compare what came back with what was sent."""
        counters, pcm, rate_hz = self.phone.counters, bytes(self.received.pcm), self.received.rate_hz
        span = find_tone(pcm, rate_hz)
        echoed = pcm[2 * span.start : 2 * span.end] if span else b""
        return Measurement(
            frames_expected=max(counters.sent, counters.received + counters.missing),
            frames_received=counters.received,
            trips=round_trips(self.sent, self.received),
            sent_level_dbfs=level_dbfs(self._tone),
            received_level_dbfs=level_dbfs(echoed),
            snr_db=tone_snr_db(echoed, rate_hz),
            glitches=len(find_glitches(echoed, rate_hz)),
        )

    def _on_frame(self, frame: ReceivedFrame) -> None:
        if frame.rate_hz != self.received.rate_hz and not self.received.pcm:
            self.received = Timeline(frame.rate_hz)
        self.received.add(frame.arrived_s, frame.pcm)


async def _every_second(on_second: Callable[[int], None]) -> None:
    start_s, second = perf_counter(), 0
    while True:
        second += 1
        await asyncio.sleep(start_s + second - perf_counter())
        on_second(second)
