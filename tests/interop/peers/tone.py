"""Test tones: made as WAV or µ-law files, and found again in what a peer recorded."""

import math
import struct
import wave
from pathlib import Path

import numpy as np

RATE_HZ = 8000


def tone_samples(
    frequency_hz: float, seconds: float, *, rate_hz: int = RATE_HZ, amplitude: int = 8000
) -> list[int]:
    """Samples of a sine, signed 16 bit, mono."""
    step = 2 * math.pi * frequency_hz / rate_hz
    return [round(amplitude * math.sin(step * n)) for n in range(round(seconds * rate_hz))]


def write_tone_wav(path: Path, frequency_hz: float, seconds: float, *, rate_hz: int = RATE_HZ) -> Path:
    """Write a mono 16-bit WAV file of a sine."""
    samples = tone_samples(frequency_hz, seconds, rate_hz=rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def write_tone_ulaw(path: Path, frequency_hz: float, seconds: float) -> Path:
    """Write a sine as bare µ-law bytes at 8000 Hz, the payload of RTP type 0."""
    path.write_bytes(bytes(ulaw_byte(sample) for sample in tone_samples(frequency_hz, seconds)))
    return path


def ulaw_byte(sample: int) -> int:
    """A signed 16-bit sample as µ-law (ITU-T G.711): sign, three-bit segment, four-bit step, inverted."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> (segment + 3) & 0x0F) & 0xFF


def wav_samples(path: Path) -> tuple[np.ndarray[tuple[int], np.dtype[np.int16]], int]:
    """First channel and rate of a 16-bit WAV file, also of one that is still being written."""
    data = path.read_bytes()
    start = data.find(b"data") + 8
    if not data.startswith(b"RIFF") or start < 8:
        return np.zeros(0, np.int16), RATE_HZ
    channels, rate_hz = struct.unpack_from("<HI", data, data.find(b"fmt ") + 10)
    return np.frombuffer(data, np.int16, (len(data) - start) // 2, start)[::channels], rate_hz


def dominant_frequency_hz(samples: np.ndarray[tuple[int], np.dtype[np.int16]], rate_hz: int) -> float:
    """The strongest frequency, in Hz; 0 for silence."""
    if samples.size == 0 or int(np.abs(samples.astype(np.int32)).max()) < 100:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * rate_hz / samples.size)
