"""The sound that a benchmark sends through the gateway and an echo, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
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
from examples.phone_audio import AudioCounters, ReceivedFrame, SendCodec, TagEncoder

FRAME_S: Final = 0.02
LEAD_S: Final = 1.0
"""Silence before the sound, until both directions run."""
BEEP_PERIOD_S: Final = 0.4
CYCLE_S: Final = 5.0
BEEPS_IN_CYCLE: Final = 5
_LISTEN_ON_S: Final = 0.15
"""How long after a tone has been sent its end may still come back; the next beep is later."""
_MISSED_S: Final = 0.3
"""What a tone may lose at its ends, together with the margins that `find_tone` leaves out."""


@dataclass(frozen=True, slots=True)
class ProbeSignal:
    """Silence, then cycles of beeps (for the latency) and a long tone (for everything else)."""

    frames: tuple[bytes, ...]
    """20 ms of PCM each."""
    tags: tuple[tuple[int, bytes], ...]
    """The same as time in ms and FLV tag: what each client sends, encoded once."""
    tones: tuple[tuple[int, int], ...]
    """First frame and the one after the last of each tone."""
    tone_dbfs: float

    @classmethod
    def make(cls, codec: SendCodec, seconds: float) -> ProbeSignal:
        """A signal of that length, at least 2 s, for what `codec` takes."""
        rate_hz, cycle_s = codec.rate_hz, min(CYCLE_S, seconds - LEAD_S)
        count = max(min(BEEPS_IN_CYCLE, math.floor(cycle_s / 2 / BEEP_PERIOD_S)), 1)
        sound = tone(rate_hz, cycle_s - count * BEEP_PERIOD_S)
        cycle = beeps(rate_hz, count, BEEP_PERIOD_S) + sound
        cycles = max(int((seconds - LEAD_S) / cycle_s + 1e-9), 1)
        pcm = bytes(2 * round(LEAD_S * rate_hz)) + cycle * cycles
        pcm = pcm.ljust(2 * round(seconds * rate_hz), b"\0")
        ends = [LEAD_S + (number + 1) * cycle_s for number in range(cycles)]
        tone_s = cycle_s - count * BEEP_PERIOD_S
        tones = tuple((round((end - tone_s) / FRAME_S), round(end / FRAME_S)) for end in ends)
        sent, encoder = tuple(frames(pcm, codec.frame_bytes)), TagEncoder(codec)
        return cls(sent, tuple(map(encoder.encode, sent)), tones, level_dbfs(sound))


@dataclass(frozen=True, slots=True)
class CallQuality:
    """What one call did to its sound."""

    frames_sent: int
    frames_returned: int
    """Those that arrived while the sound was to come back."""
    timestamp_gaps: int
    frames_missing: int
    timestamp_repeats: int
    undecodable: int
    beeps_sent: int
    latencies_ms: list[float]
    audio_glitches: list[float]
    """When the tone was broken, in s since the first frame was sent."""
    tones_broken: int
    """Tones that did not come back as a whole."""
    snr_db: float
    level_change_db: float
    sender_late_ms: float
    """How late this program itself sent its latest frame: the noise of the measurement."""

    @property
    def glitches(self) -> int:
        """Everything that a listener would hear as a break, by its cause once or twice."""
        return self.timestamp_gaps + self.timestamp_repeats + len(self.audio_glitches) + self.tones_broken


class CallRecording:
    """Both directions of one call, frame by frame."""

    def __init__(self, signal: ProbeSignal, codec: SendCodec) -> None:
        self._signal = signal
        self._rate_hz = codec.rate_hz
        self._sent_s: list[float] = []
        self._received: list[ReceivedFrame] = []

    def sent(self, at_s: float) -> None:
        """The next frame of the signal was sent."""
        self._sent_s.append(at_s)

    def receive(self, frame: ReceivedFrame) -> None:
        """A frame came."""
        self._received.append(frame)

    def quality(self, counters: AudioCounters, sender_late_s: float) -> CallQuality:
        """Measure; takes about a tenth of the call's length of CPU time."""
        received_hz = self._received[0].rate_hz if self._received else self._rate_hz
        outgoing, returning = Timeline(self._rate_hz), Timeline(received_hz)
        for at_s, pcm in zip(self._sent_s, self._signal.frames, strict=False):
            outgoing.add(at_s, pcm)
        for frame in self._received:
            returning.add(frame.arrived_s, frame.pcm)
        trips = round_trips(outgoing, returning)
        delay_s = trips.median_s if trips.found else 0.0
        tones = [self._tone(received_hz, *bounds) for bounds in self._signal.tones]
        whole = [found for found in tones if found is not None]
        return CallQuality(
            frames_sent=len(self._sent_s),
            frames_returned=self._returned(delay_s),
            timestamp_gaps=counters.gaps,
            frames_missing=counters.missing,
            timestamp_repeats=counters.repeats,
            undecodable=counters.undecodable,
            beeps_sent=trips.sent,
            latencies_ms=[round(latency * 1000, 2) for latency in trips.latencies_s],
            audio_glitches=[at_s for found in whole for at_s in found.glitches],
            tones_broken=sum(found is None or found.cut for found in tones),
            snr_db=_median([found.snr_db for found in whole]),
            level_change_db=_median([found.dbfs for found in whole]) - self._signal.tone_dbfs,
            sender_late_ms=sender_late_s * 1000,
        )

    def _returned(self, delay_s: float) -> int:
        """Count what arrived in as much time as was sent for, from when the first was to come back.

        It begins half a frame before the arrival that is nearest to that, so that neither jitter counts nor
        where arrivals fall between those of what was sent.
        """
        first_s = self._sent_s[0] + delay_s
        nearest_s = min((frame.arrived_s - first_s for frame in self._received), key=abs, default=0.0)
        start_s = first_s + min(max(nearest_s, -FRAME_S / 2), FRAME_S / 2) - FRAME_S / 2
        return len(self._between(start_s, start_s + self._sent_s[-1] - self._sent_s[0] + FRAME_S))

    def _tone(self, rate_hz: int, first: int, end: int) -> _ReturnedTone | None:
        frames_due = self._between(self._sent_s[first], self._sent_s[end - 1] + FRAME_S + _LISTEN_ON_S)
        pcm = b"".join(frame.pcm for frame in frames_due)
        span = find_tone(pcm, rate_hz)
        if span is None:
            return None
        sound = pcm[2 * span.start : 2 * span.end]
        offset_s = frames_due[0].arrived_s - self._sent_s[0] + span.start / rate_hz
        return _ReturnedTone(
            dbfs=level_dbfs(sound),
            snr_db=tone_snr_db(sound, rate_hz),
            glitches=tuple(round(offset_s + at_s, 3) for at_s in find_glitches(sound, rate_hz)),
            cut=(span.end - span.start) / rate_hz < (end - first) * FRAME_S - _MISSED_S,
        )

    def _between(self, start_s: float, end_s: float) -> list[ReceivedFrame]:
        return [frame for frame in self._received if start_s <= frame.arrived_s < end_s]


@dataclass(frozen=True, slots=True)
class _ReturnedTone:
    dbfs: float
    snr_db: float
    glitches: tuple[float, ...]
    cut: bool


def _median(values: Sequence[float]) -> float:
    return median(values) if values else math.nan
