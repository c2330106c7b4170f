"""The audio of an RTMP softphone: PCM to FLV audio tags and back, counted, and sent in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from time import perf_counter

from media_bridge.codecs.base import AudioDecoder
from media_bridge.codecs.registry import decoder_for, encoder_for
from media_bridge.errors import CodecDataError
from media_bridge.frames import FRAME_MS, AudioCodec, Payload, frame_bytes
from media_bridge.timestamps import SampleClock
from rtmp.errors import RemoteProtocolError
from rtmp.flv import AudioTagHeader, SoundFormat


class SendCodec(Enum):
    """How the phone may encode: codec, sample rate in Hz, and first byte of the tag (FLV E.4.2.1)."""

    SPEEX_WIDEBAND = (AudioCodec.SPEEX, 16000, b"\xb2")
    SPEEX_NARROWBAND = (AudioCodec.SPEEX, 8000, b"\xb2")
    PCMU = (AudioCodec.PCMU, 8000, b"\x82")
    PCMA = (AudioCodec.PCMA, 8000, b"\x72")

    @property
    def rate_hz(self) -> int:
        """Sample rate of the PCM that goes in."""
        return self.value[1]

    @property
    def frame_bytes(self) -> int:
        """Bytes of PCM in the 20 ms frame that goes in."""
        return frame_bytes(self.rate_hz)

    @classmethod
    def of_accepted(cls, audio: str | None) -> SendCodec:
        """What to send after `accepted` named `audio`: Flash clients send Speex at 16 kHz, or G.711."""
        return {"pcmu": cls.PCMU, "pcma": cls.PCMA}.get(audio or "", cls.SPEEX_WIDEBAND)


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """Decoded audio; `arrived_s` is on the clock of `time.perf_counter`."""

    arrived_s: float
    timestamp_ms: int
    rate_hz: int
    pcm: bytes


@dataclass(slots=True)
class AudioCounters:
    """What went out and what came in since the call began, in frames of 20 ms."""

    sent: int = 0
    received: int = 0
    gaps: int = 0
    """How often the RTMP timestamps jumped forward."""
    missing: int = 0
    """Frames that the jumps left out."""
    repeats: int = 0
    """Frames whose timestamp was not later than the one before."""
    undecodable: int = 0


class TagEncoder:
    """PCM frames to FLV audio tags, with timestamps that count samples."""

    def __init__(self, codec: SendCodec, start_ms: int = 0) -> None:
        kind, rate_hz, self._header = codec.value
        self.codec = codec
        self._encoder = encoder_for(kind, rate_hz)
        self._clock = SampleClock(rate_hz, start_ms)

    @property
    def next_timestamp_ms(self) -> int:
        """The timestamp of the next frame."""
        return self._clock.now_ms

    def encode(self, pcm: Payload) -> tuple[int, bytes]:
        """Return timestamp in ms and tag of one 20 ms frame. Raises ValueError for another length."""
        body = self._encoder.encode(pcm)
        return self._clock.advance(self._encoder.frame_samples), self._header + body


class TagDecoder:
    """FLV audio tags to PCM: Speex at 16 kHz whatever its band, G.711 at 8 kHz."""

    _CODECS = {  # noqa: RUF012 - read only
        SoundFormat.SPEEX: AudioCodec.SPEEX,
        SoundFormat.PCMU: AudioCodec.PCMU,
        SoundFormat.PCMA: AudioCodec.PCMA,
    }

    def __init__(self) -> None:
        self._decoders: dict[SoundFormat, AudioDecoder] = {}

    def decode(self, tag: Payload) -> tuple[int, bytes]:
        """Return rate in Hz and PCM. Raises CodecDataError or RemoteProtocolError for a bad tag."""
        header = AudioTagHeader.parse(tag)
        decoder = self._decoders.get(header.sound_format)
        if decoder is None:
            codec = self._CODECS.get(header.sound_format)
            if codec is None:
                raise CodecDataError(f"this phone does not play {header.sound_format.name}")
            decoder = self._decoders[header.sound_format] = decoder_for(codec, 16000)
        return decoder.rate_hz, decoder.decode(memoryview(tag)[header.size :])


class AudioReceiver:
    """Takes the audio of the played stream: counts every tag, and decodes it if somebody wants it."""

    def __init__(self, counters: AudioCounters) -> None:
        self.counters = counters
        self.on_frame: Callable[[ReceivedFrame], None] | None = None
        self._decoder = TagDecoder()
        self._expected_ms: int | None = None

    def begin(self, counters: AudioCounters) -> None:
        """Count a new call, and decode it anew, as the gateway encodes it."""
        self.counters = counters
        self._decoder = TagDecoder()
        self._expected_ms = None

    def receive(self, timestamp_ms: int, tag: Payload) -> None:
        """Take one tag."""
        arrived_s = perf_counter()
        self._count(timestamp_ms)
        if self.on_frame is None:
            return
        try:
            rate_hz, pcm = self._decoder.decode(tag)
        except (CodecDataError, RemoteProtocolError):
            self.counters.undecodable += 1
            return
        self.on_frame(ReceivedFrame(arrived_s, timestamp_ms, rate_hz, pcm))

    def _count(self, timestamp_ms: int) -> None:
        counters, expected_ms = self.counters, self._expected_ms
        counters.received += 1
        if expected_ms is not None and timestamp_ms > expected_ms:
            counters.gaps += 1
            counters.missing += (timestamp_ms - expected_ms) // FRAME_MS
        elif expected_ms is not None and timestamp_ms < expected_ms:
            counters.repeats += 1
        self._expected_ms = max(timestamp_ms + FRAME_MS, expected_ms or 0)


async def send_in_real_time(
    frames: Iterable[bytes],
    send: Callable[[bytes], None],
    *,
    on_sent: Callable[[float, bytes], None] | None = None,
    frame_s: float = FRAME_MS / 1000,
) -> float:
    """Give each frame to `send` when its time has come; returns by how much the latest was late, in s.

    The times are multiples of `frame_s` from the start, so that lateness of one frame does not make all that
    follow late: what was missed is sent at once, as a sound card's driver would. `on_sent` gets the time (of
    `time.perf_counter`) and the frame.
    """
    start_s = perf_counter()
    latest_s = 0.0
    for index, frame in enumerate(frames):
        due_s = start_s + index * frame_s
        wait_s = due_s - perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        now_s = perf_counter()
        latest_s = max(latest_s, now_s - due_s)
        if on_sent is not None:
            on_sent(now_s, frame)
        send(frame)
    return latest_s
