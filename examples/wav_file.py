"""WAV files and the PCM of a call: mono, signed 16-bit little-endian."""

from __future__ import annotations

import wave
from pathlib import Path

from media_bridge.resample import Resampler


class WavError(Exception):
    """A file that is no WAV file, or not of a kind that can be played; the text says why."""


def read_wav(path: Path, rate_hz: int) -> bytes:
    """Return the PCM of a 16-bit WAV file, mixed to mono and resampled. Raises WavError."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise WavError(f"{path} has {8 * file.getsampwidth()} bits a sample; 16 are needed")
            channels, file_rate_hz = file.getnchannels(), file.getframerate()
            pcm = file.readframes(file.getnframes())
    except (OSError, wave.Error, EOFError) as error:
        raise WavError(f"cannot read {path} as a WAV file: {error or 'it is cut short'}") from None
    mono = _mix_down(pcm, channels)
    if file_rate_hz == rate_hz:
        return mono
    return Resampler(file_rate_hz, rate_hz).push(mono)


def write_wav(path: Path, rate_hz: int, pcm: bytes) -> None:
    """Write a mono WAV file. Raises WavError."""
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate_hz)
            file.writeframes(pcm)
    except OSError as error:
        raise WavError(f"cannot write {path}: {error.strerror}") from None


def _mix_down(pcm: bytes, channels: int) -> bytes:
    if channels == 1:
        return pcm
    samples = memoryview(pcm).cast("h")
    count = len(samples) // channels
    mono = bytearray(2 * count)
    out = memoryview(mono).cast("h")
    for index in range(count):
        out[index] = sum(samples[index * channels : (index + 1) * channels]) // channels
    return bytes(mono)
