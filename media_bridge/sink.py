"""The two ends that chains are plugged into."""

from typing import Protocol

from media_bridge.frames import AudioPacket


class PcmSink(Protocol):
    """Takes PCM of any length; must not block and must not raise. Empty means: a frame time without audio."""

    def __call__(self, pcm: bytes, /) -> None:
        """Take `pcm`."""


class PcmSource(Protocol):
    """Gives PCM at the rate of the caller's clock; must not block and must not raise."""

    def __call__(self, n_bytes: int, /) -> bytes:
        """Exactly `n_bytes` of PCM, or nothing at all for silence."""


class AudioPacketSink(Protocol):
    """Takes encoded packets, in order of their timestamps."""

    def __call__(self, packet: AudioPacket, /) -> None:
        """Take one packet."""
