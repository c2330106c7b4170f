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


class WavRecorder:
    """Writes PCM to a mono WAV file as it comes. The file is made at once, to fail early."""

    def __init__(self, path: Path) -> None:
        """Raises WavError."""
        self.seconds = 0.0
        self._rate_hz = 0
        try:
            self._file = wave.open(str(path), "wb")  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise WavError(f"cannot write {path}: {error.strerror}") from None
        self._file.setnchannels(1)
        self._file.setsampwidth(2)

    def write(self, rate_hz: int, pcm: bytes) -> None:
        """Append PCM; the first sets the rate of the file, and what has another rate later is resampled."""
        if not self._rate_hz:
            self._rate_hz = rate_hz
            self._file.setframerate(rate_hz)
        if rate_hz != self._rate_hz:
            pcm = Resampler(rate_hz, self._rate_hz).push(pcm)
        self._file.writeframes(pcm)
        self.seconds += len(pcm) / 2 / self._rate_hz

    def close(self) -> None:
        """Finish the file."""
        if not self._rate_hz:
            self._file.setframerate(8000)
        self._file.close()


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
