"""The two chains of a call's audio, from the codec of one leg to the port of the other.

    uplink     speex/16000 → queue 16000            payloads in as they come, PCM out at each tick
    downlink   port 16000 → speex/16000             PCM in at each tick, packets out after it

All of it happens on the loop's thread, which clocks the bridge (`pj_ticker`). A chain is built for one pair
of codecs and rebuilt when they change. `str(chain)` says what it is made of.
"""

import logging
from dataclasses import dataclass

from media_bridge.codecs.base import AudioDecoder, AudioEncoder
from media_bridge.errors import MediaError
from media_bridge.frames import BYTES_PER_SAMPLE, FRAME_MS, AudioPacket, Payload, frame_bytes, frame_samples
from media_bridge.pcm_queue import PcmQueue
from media_bridge.resample import Decimator, Resampler
from media_bridge.timestamps import SampleClock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UplinkStats:
    """Payloads taken, and how many of them were damaged."""

    payloads: int
    errors: int


@dataclass(frozen=True, slots=True)
class DownlinkStats:
    """Packets made, samples (at the encoder's rate) that never came, and encoder failures."""

    packets: int
    idle_samples: int
    errors: int


class UplinkChain:
    """decoder → resampler if need be → queue, whose other end is the port's source."""

    def __init__(self, decoder: AudioDecoder, queue: PcmQueue) -> None:
        self.decoder = decoder
        self.queue = queue
        self._resampler = (
            Resampler(decoder.rate_hz, queue.rate_hz) if decoder.rate_hz != queue.rate_hz else None
        )
        self._payloads = self._errors = 0

    def push(self, payload: Payload) -> None:
        """Play `payload`. A damaged one is counted, concealed for a frame time if the codec can, and never
        raises.
        """
        self._payloads += 1
        try:
            pcm = self.decoder.decode(payload)
        except MediaError as error:
            self._count(error)
            pcm = self.decoder.conceal(frame_samples(self.decoder.rate_hz))
        if pcm:
            self._play(pcm)

    def _play(self, pcm: bytes) -> None:
        try:
            self.queue.push(pcm if self._resampler is None else self._resampler.push(pcm))
        except MediaError as error:
            self._count(error)

    def _count(self, error: MediaError) -> None:
        self._errors += 1
        if self._errors == 1:
            _log.warning("%s: %s (later ones are only counted)", self, error)

    def stats(self) -> UplinkStats:
        """A snapshot."""
        return UplinkStats(self._payloads, self._errors)

    def close(self) -> None:
        """Free the decoder."""
        self.decoder.close()

    def __str__(self) -> str:
        stages = [self.decoder, self._resampler, self.queue]
        return " → ".join(str(stage) for stage in stages if stage is not None)


class DownlinkChain:
    """resampler if need be → encoder.

    `feed` is the port's sink, and only stores: it runs within a tick, which is not to wait for an encoder.
    `drain` runs after every tick, and encodes.
    Timestamps count samples, also those that never came, so they stay true to time.
    `band_limited` says that what is fed has nothing above half the encoder's rate, and needs no filter.
    """

    def __init__(
        self,
        encoder: AudioEncoder,
        rate_hz: int | None = None,
        *,
        frame_ms: int = FRAME_MS,
        start_ms: int = 0,
        band_limited: bool = False,
    ) -> None:
        self.encoder = encoder
        self.rate_hz = rate_hz or encoder.rate_hz
        self._resampler = self._make_resampler(band_limited)
        self._tick_bytes = frame_bytes(self.rate_hz, frame_ms)
        self._frame_samples = encoder.frame_samples
        self._frame_bytes = self._frame_samples * BYTES_PER_SAMPLE
        self._fed: list[bytes] = []
        self._is_closed = False
        self._rest = b""
        self._clock = SampleClock(encoder.rate_hz, start_ms)
        self._packets = self._idle = self._errors = 0

    def _make_resampler(self, band_limited: bool) -> Resampler | Decimator | None:
        rate_in_hz, rate_out_hz = self.rate_hz, self.encoder.rate_hz
        if rate_in_hz == rate_out_hz:
            return None
        return Decimator(rate_in_hz, rate_out_hz) if band_limited else Resampler(rate_in_hz, rate_out_hz)

    def feed(self, pcm: bytes) -> None:
        """Take what the bridge says in this tick; empty means that a tick went by without audio."""
        if not self._is_closed:
            self._fed.append(pcm)

    def pass_time(self, ticks: int) -> None:
        """Note that the bridge has left out so many ticks."""
        self._idle += self._skip(ticks * self._tick_bytes)

    def drain(self) -> list[AudioPacket]:
        """Encode all that was fed."""
        fed = self._fed
        if not fed:
            return []
        self._fed = []
        packets: list[AudioPacket] = []
        for pcm in fed:
            if pcm:
                self._encode(pcm, packets)
            else:
                self._idle += self._skip(self._tick_bytes)
        self._packets += len(packets)
        return packets

    def stats(self) -> DownlinkStats:
        """A snapshot."""
        return DownlinkStats(self._packets, self._idle, self._errors)

    def close(self) -> None:
        """Free the encoder. The port may go on for some ticks; what it feeds is dropped."""
        self._is_closed = True
        self._fed.clear()
        self.encoder.close()

    def __str__(self) -> str:
        stages = [f"port {self.rate_hz}", self._resampler, self.encoder]
        return " → ".join(str(stage) for stage in stages if stage is not None)

    def _encode(self, pcm: bytes, packets: list[AudioPacket]) -> None:
        if self._resampler is not None:
            pcm = self._resampler.push(pcm)
        if self._rest:
            pcm, self._rest = self._rest + pcm, b""
        size, start = self._frame_bytes, 0
        while len(pcm) - start >= size:
            self._encode_frame(pcm if len(pcm) == size else pcm[start : start + size], packets)
            start += size
        if start < len(pcm):
            self._rest = pcm[start:]

    def _encode_frame(self, frame: bytes, packets: list[AudioPacket]) -> None:
        timestamp_ms = self._clock.advance(self._frame_samples)
        try:
            packets.append(AudioPacket(timestamp_ms, self.encoder.encode(frame)))
        except MediaError:
            self._errors += 1
            if self._errors == 1:
                _log.exception("%s: cannot encode (later failures are only counted)", self)

    def _skip(self, size: int) -> int:
        """Let the time of `size` bytes at the input's rate pass without audio; returns it in the encoder's
        samples.
        """
        samples = size // BYTES_PER_SAMPLE * self.encoder.rate_hz // self.rate_hz
        # The piece of a frame from before cannot be continued; its time passes too.
        self._clock.advance(samples + len(self._rest) // BYTES_PER_SAMPLE)
        self._rest = b""
        return samples
