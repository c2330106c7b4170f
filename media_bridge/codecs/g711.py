"""G.711 µ-law and A-law (ITU-T G.711), at 8 kHz, by table.

Decoding translates a payload into the low and into the high bytes of all samples at once, both in C.
Encoding looks every 16-bit sample up in a table of 65536 bytes. The tables are made when a law is first
used.
"""

from array import array
from functools import cache

from media_bridge.frames import BYTES_PER_SAMPLE, FRAME_MS, AudioCodec, Payload, frame_samples

RATE_HZ = 8000

_ULAW_BIAS = 33 << 2
_ULAW_CLIP = 0x7FFF - _ULAW_BIAS


def _ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _ULAW_BIAS) << (code >> 4 & 7)
    return _ULAW_BIAS - magnitude if code & 0x80 else magnitude - _ULAW_BIAS


def _linear_to_ulaw(sample: int) -> int:
    magnitude = min(abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> (exponent + 3) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


def _alaw_to_linear(code: int) -> int:
    code ^= 0x55
    exponent = code >> 4 & 7
    magnitude = ((code & 0x0F) << 4) + 8
    if exponent:
        magnitude = (magnitude + 0x100) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


def _linear_to_alaw(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = sample if sample >= 0 else ~sample
    exponent = max(magnitude.bit_length() - 8, 0)
    mantissa = magnitude >> (exponent + 3 if exponent else 4) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


_LAWS = {
    AudioCodec.PCMU: (_ulaw_to_linear, _linear_to_ulaw),
    AudioCodec.PCMA: (_alaw_to_linear, _linear_to_alaw),
}


@cache
def _decode_tables(law: AudioCodec) -> tuple[bytes, bytes]:
    to_linear = _LAWS[law][0]
    words = [to_linear(code) & 0xFFFF for code in range(256)]
    return bytes(word & 0xFF for word in words), bytes(word >> 8 for word in words)


@cache
def _encode_table(law: AudioCodec) -> bytes:
    """Indexed by the sample as an unsigned 16-bit word."""
    from_linear = _LAWS[law][1]
    return bytes(from_linear(word - 0x10000 if word & 0x8000 else word) for word in range(0x10000))


class G711Decoder:
    """One µ-law or A-law stream to PCM. Any byte is a valid sample, so it never fails."""

    __slots__ = ("_high", "_law", "_low")

    def __init__(self, law: AudioCodec) -> None:
        self._law = law
        self._low, self._high = _decode_tables(law)

    @property
    def rate_hz(self) -> int:
        """Always 8000."""
        return RATE_HZ

    def decode(self, payload: Payload) -> bytes:
        """PCM of the payload: one sample a byte."""
        codes = payload if isinstance(payload, bytes) else bytes(payload)
        pcm = bytearray(len(codes) * BYTES_PER_SAMPLE)
        pcm[0::2] = codes.translate(self._low)
        pcm[1::2] = codes.translate(self._high)
        return bytes(pcm)

    def conceal(self, samples: int) -> bytes:
        """Nothing: the queue behind conceals better than a codec without memory."""
        return b""

    def close(self) -> None:
        """Holds nothing."""

    def __str__(self) -> str:
        return f"{self._law.value}/{RATE_HZ}"


class G711Encoder:
    """PCM to one µ-law or A-law stream, 20 ms at a time."""

    __slots__ = ("_law", "_lookup")

    def __init__(self, law: AudioCodec) -> None:
        self._law = law
        self._lookup = _encode_table(law).__getitem__

    @property
    def rate_hz(self) -> int:
        """Always 8000."""
        return RATE_HZ

    @property
    def frame_samples(self) -> int:
        """20 ms: 160 samples."""
        return frame_samples(RATE_HZ, FRAME_MS)

    def encode(self, pcm: Payload) -> bytes:
        """160 samples to 160 bytes."""
        if len(pcm) != self.frame_samples * BYTES_PER_SAMPLE:
            raise ValueError(
                f"a G.711 frame is {self.frame_samples} samples, not {len(pcm) / BYTES_PER_SAMPLE}"
            )
        return bytes(map(self._lookup, array("H", bytes(pcm))))

    def close(self) -> None:
        """Holds nothing."""

    def __str__(self) -> str:
        return f"{self._law.value}/{RATE_HZ}"
