"""Test signals and what is left of them."""

import math
from array import array

import numpy as np
import numpy.typing as npt


def tone(hz: float, rate_hz: int, seconds: float, peak: int = 8000) -> bytes:
    return array(
        "h", [round(peak * math.sin(2 * math.pi * hz * i / rate_hz)) for i in range(int(rate_hz * seconds))]
    ).tobytes()


def samples_of(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def rms(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(samples_of(pcm) ** 2)))


def tone_fit(pcm: bytes, hz: float, rate_hz: int) -> tuple[float, float]:
    """(peak of the sine of `hz` in `pcm`, signal to everything-else in dB)."""
    x = samples_of(pcm)
    t = 2 * np.pi * hz * np.arange(len(x)) / rate_hz
    basis = np.stack([np.sin(t), np.cos(t)], axis=1)
    weights = np.linalg.lstsq(basis, x, rcond=None)[0]
    rest = x - basis @ weights
    snr_db = 10 * math.log10(float(np.sum((basis @ weights) ** 2)) / max(float(np.sum(rest**2)), 1e-9))
    return float(np.hypot(*weights)), snr_db


def in_frames(pcm: bytes, size: int) -> list[bytes]:
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
