"""What a codec is. Both sides speak PCM (see `media_bridge.frames`) at the codec's `rate_hz`."""

from typing import Protocol

from media_bridge.frames import Payload


class AudioDecoder(Protocol):
    """Turns payloads of one stream into PCM. Not thread-safe: one thread at a time."""

    @property
    def rate_hz(self) -> int:
        """Sample rate of the PCM that comes out."""

    def decode(self, payload: Payload) -> bytes:
        """PCM of all the frames in `payload`; empty if the codec still gathers input.

        Raises CodecDataError if the payload is damaged. The decoder then goes on with the next payload.
        """

    def conceal(self, samples: int) -> bytes:
        """PCM in place of a lost frame: as many as `samples`, or empty if the codec cannot guess."""

    def close(self) -> None:
        """Free what the decoder holds. May be called twice."""


class AudioEncoder(Protocol):
    """Turns PCM into payloads, one frame at a time. Not thread-safe: one thread at a time."""

    @property
    def rate_hz(self) -> int:
        """Sample rate of the PCM that goes in."""

    @property
    def frame_samples(self) -> int:
        """Samples in the one frame that `encode` takes."""

    def encode(self, pcm: Payload) -> bytes:
        """The payload for exactly one frame of PCM. Raises ValueError for any other length."""

    def close(self) -> None:
        """Free what the encoder holds. May be called twice."""
