"""Signals that show what a call does to audio, and the measuring of what comes back.

- A steady tone: level, signal-to-noise ratio, and glitches (frames lost, repeated or invented).
- Beeps: the time from sending to getting them back.

PCM is mono, signed 16-bit little-endian, in bytes. Nothing here needs more than the standard library.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import mul
from statistics import median
from typing import Final

PROBE_TONE_HZ: Final = 1019.0
"""Not 1000: that has a whole number of periods in a frame of 20 ms, so that a lost frame would not be seen.
This one is 137° out of phase after one lost frame, and at least 36° after up to seven."""

BEEP_TONES_HZ: Final = (620.0, 940.0, 1260.0, 1580.0)
"""The pitches of beeps, in turn, so that each beep is known again even if others are lost."""

_FULL_SCALE: Final = 32767.0
_SILENCE_DBFS: Final = -100.0


# -- making signals ----------------------------------------------------------------------------------------


def tone(
    rate_hz: int, seconds: float, frequency_hz: float = PROBE_TONE_HZ, level_dbfs: float = -12.0
) -> bytes:
    """A sine of that level (0 dBFS is the loudest sine that fits)."""
    amplitude = _FULL_SCALE * 10 ** (level_dbfs / 20)
    step = 2 * math.pi * frequency_hz / rate_hz
    return array(
        "h", [round(amplitude * math.sin(step * n)) for n in range(round(seconds * rate_hz))]
    ).tobytes()


def beeps(
    rate_hz: int, count: int, period_s: float = 0.4, beep_s: float = 0.06, level_dbfs: float = -12.0
) -> bytes:
    """Beeps with silence between; half of the silence comes first, so that no beep is at an edge."""
    before = bytes(2 * round((period_s - beep_s) / 2 * rate_hz))
    pcm = bytearray()
    for index in range(count):
        pcm += before + tone(rate_hz, beep_s, BEEP_TONES_HZ[index % len(BEEP_TONES_HZ)], level_dbfs)
        pcm += bytes(2 * round((index + 1) * period_s * rate_hz) - len(pcm))
    return bytes(pcm)


def frames(pcm: bytes, frame_bytes: int) -> Iterator[bytes]:
    """Cut PCM into frames of that size; the last is filled up with silence."""
    for start in range(0, len(pcm), frame_bytes):
        yield pcm[start : start + frame_bytes].ljust(frame_bytes, b"\0")


# -- measuring a tone --------------------------------------------------------------------------------------


def level_dbfs(pcm: bytes) -> float:
    """Root mean square, where the loudest sine that fits has 0 dBFS (AES17); silence: -100."""
    samples = array("h", pcm)
    if not samples:
        return _SILENCE_DBFS
    power = sum(map(mul, samples, samples)) / len(samples)
    return _decibels(power / (_FULL_SCALE**2 / 2))


@dataclass(frozen=True, slots=True)
class ToneFit:
    """The sine that comes closest to some samples, and what is left over as noise."""

    amplitude: float
    phase: float
    """At the first sample, in radians."""
    snr_db: float


def fit_tone(samples: Sequence[int], rate_hz: int, frequency_hz: float) -> ToneFit:
    """Fit `a·sin + b·cos` of a known frequency by least squares."""
    basis = _basis(len(samples), rate_hz, frequency_hz)
    with_sine, with_cosine = sum(map(mul, samples, basis.sine)), sum(map(mul, samples, basis.cosine))
    determinant = basis.sine_sine * basis.cosine_cosine - basis.sine_cosine**2
    a = (with_sine * basis.cosine_cosine - with_cosine * basis.sine_cosine) / determinant
    b = (with_cosine * basis.sine_sine - with_sine * basis.sine_cosine) / determinant
    total = sum(map(mul, samples, samples))
    signal = a * with_sine + b * with_cosine  # the residual is orthogonal to the fit
    noise = max(total - signal, total * 1e-10)
    return ToneFit(math.hypot(a, b), math.atan2(b, a), _decibels(signal / noise) if noise else 0.0)


def tone_snr_db(pcm: bytes, rate_hz: int, frequency_hz: float = PROBE_TONE_HZ, block_s: float = 0.1) -> float:
    """Median of the signal-to-noise ratios of all blocks, so that a glitch spoils only its own block."""
    samples, size = array("h", pcm), round(block_s * rate_hz)
    ratios = [
        fit_tone(samples[start : start + size], rate_hz, frequency_hz).snr_db
        for start in range(0, len(samples) - size + 1, size)
    ]
    return median(ratios) if ratios else 0.0


@dataclass(frozen=True, slots=True)
class ToneSpan:
    """Where in a recording the tone is, in samples."""

    start: int
    end: int


def find_tone(
    pcm: bytes, rate_hz: int, frequency_hz: float = PROBE_TONE_HZ, min_s: float = 0.3
) -> ToneSpan | None:
    """The longest stretch of the tone, without its edges of 50 ms; breaks up to 100 ms belong to it."""
    samples, size, margin, audible = array("h", pcm), rate_hz // 100, rate_hz // 20, 300
    fits = [
        fit_tone(samples[start : start + size], rate_hz, frequency_hz)
        for start in range(0, len(samples) - size + 1, size)
    ]
    # Beeps are shorter than the breaks between them, so they never look like one long tone.
    tonal = [index for index, fit in enumerate(fits) if fit.snr_db > 3 and fit.amplitude > audible]
    best, first = (0, 0), None
    for position, index in enumerate(tonal):
        if first is None or index - tonal[position - 1] > 10:
            first = index
        if index + 1 - first > best[1] - best[0]:
            best = (first, index + 1)
    span = ToneSpan(best[0] * size + margin, best[1] * size - margin)
    return span if span.end - span.start >= min_s * rate_hz else None


def find_glitches(pcm: bytes, rate_hz: int, frequency_hz: float = PROBE_TONE_HZ) -> list[float]:
    """Times in s at which a tone's phase moves (frames are missing or come twice) or its amplitude breaks.

    `pcm` must be tone from start to end, see `find_tone`. Glitches closer than 0.3 s count as one: Speex
    needs as long to get over a lost frame, and glides from the old phase into the new one, so each phase is
    compared with that of 0.2 s before. What a sound Speex does to the tone is within 10° and 5 %.
    """
    samples, size = array("h", pcm), rate_hz // 100
    starts = range(0, len(samples) - size + 1, size)
    fits = [fit_tone(samples[start : start + size], rate_hz, frequency_hz) for start in starts]
    if not fits:
        return []
    usual = median(fit.amplitude for fit in fits)
    turn = 2 * math.pi * frequency_hz * size / rate_hz
    offsets = [fit.phase - turn * index for index, fit in enumerate(fits)]
    broken = [
        index
        for index, fit in enumerate(fits)
        if not usual * 0.7 < fit.amplitude < usual * 1.4
        or abs(_wrapped(offsets[index] - offsets[max(index - 20, 0)])) > math.radians(25)
    ]
    firsts = [
        index for position, index in enumerate(broken) if not position or index - broken[position - 1] > 30
    ]
    return [starts[index] / rate_hz for index in firsts]


# -- measuring beeps ---------------------------------------------------------------------------------------


class Timeline:
    """PCM in the order of its frames, and the time of each frame, so that each sample has a time."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.pcm = bytearray()
        self._starts: list[int] = []
        self._times_s: list[float] = []

    def add(self, at_s: float, pcm: bytes) -> None:
        """Append a frame that was sent, or that arrived, at that time."""
        self._starts.append(len(self.pcm) // 2)
        self._times_s.append(at_s)
        self.pcm += pcm

    def time_of(self, sample: int) -> float:
        """When a sample went by: the time of its frame plus its place in it."""
        index = max(bisect_right(self._starts, sample) - 1, 0)
        return self._times_s[index] + (sample - self._starts[index]) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Beep:
    """A beep in a recording: its first sample and its pitch."""

    sample: int
    frequency_hz: float


def find_beeps(pcm: bytes, rate_hz: int, min_s: float = 0.03, max_s: float = 0.2) -> list[Beep]:
    """All bursts of about a beep's length. What is shorter is a click; what is longer is no beep."""
    samples = array("h", pcm)
    return [
        Beep(start, _pitch(samples[start:end], rate_hz))
        for start, end in _bursts(samples, rate_hz)
        if min_s <= (end - start) / rate_hz <= max_s
    ]


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """How many beeps were sent, and the latency of each that came back, in s."""

    sent: int
    latencies_s: tuple[float, ...]

    @property
    def found(self) -> int:
        """How many came back."""
        return len(self.latencies_s)

    def percentile_s(self, percent: float) -> float:
        """The latency that `percent` of the beeps did not exceed (nearest rank); NaN if none came back."""
        return percentile(self.latencies_s, percent)

    @property
    def median_s(self) -> float:
        """The median latency."""
        return median(self.latencies_s) if self.latencies_s else math.nan


def round_trips(sent: Timeline, received: Timeline, max_latency_s: float = 1.0) -> RoundTrips:
    """Match beeps that came back with those that were sent.

    The latency is that from wire to wire: from sending the frame in which a beep begins to the arrival of
    the one in which it comes back, corrected by the beep's place in them. Recording a frame before it can
    be sent, and playing it, come on top in a real phone.
    """
    outgoing = find_beeps(bytes(sent.pcm), sent.rate_hz)
    returned = [
        (received.time_of(beep.sample), beep) for beep in find_beeps(bytes(received.pcm), received.rate_hz)
    ]
    latencies: list[float] = []
    for beep in outgoing:
        sent_s = sent.time_of(beep.sample)
        for match in returned:
            same = match[1].frequency_hz == beep.frequency_hz
            if same and 0 < match[0] - sent_s <= max_latency_s:
                latencies.append(match[0] - sent_s)
                returned.remove(match)
                break
    return RoundTrips(len(outgoing), tuple(latencies))


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(math.ceil(len(values) * percent / 100) - 1, 0)]


# -- helpers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Basis:
    sine: tuple[float, ...]
    cosine: tuple[float, ...]
    sine_sine: float
    cosine_cosine: float
    sine_cosine: float


@lru_cache(maxsize=64)
def _basis(size: int, rate_hz: int, frequency_hz: float) -> _Basis:
    step = 2 * math.pi * frequency_hz / rate_hz
    sine = tuple(math.sin(step * n) for n in range(size))
    cosine = tuple(math.cos(step * n) for n in range(size))
    return _Basis(
        sine, cosine, sum(map(mul, sine, sine)), sum(map(mul, cosine, cosine)), sum(map(mul, sine, cosine))
    )


def _bursts(samples: Sequence[int], rate_hz: int) -> list[tuple[int, int]]:
    """Stretches that are at most 10 dB below the loudest 4 ms; pauses below 20 ms do not part them."""
    size, hop, pause = rate_hz // 250, rate_hz // 1000, rate_hz // 50
    sums = [0, *accumulate(map(mul, samples, samples))]
    energies = [sums[start + size] - sums[start] for start in range(0, len(samples) - size + 1, hop)]
    threshold = max(max(energies, default=0) / 10, size * 100**2)
    found: list[tuple[int, int]] = []
    for index, energy in enumerate(energies):
        if energy < threshold:
            continue
        start, end = index * hop, index * hop + size
        if found and start - found[-1][1] < pause:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _pitch(samples: Sequence[int], rate_hz: int) -> float:
    return max(BEEP_TONES_HZ, key=lambda pitch: fit_tone(samples, rate_hz, pitch).amplitude)


def _wrapped(angle: float) -> float:
    return math.remainder(angle, 2 * math.pi)


def _decibels(power_ratio: float) -> float:
    return 10 * math.log10(power_ratio) if power_ratio > 1e-10 else _SILENCE_DBFS
