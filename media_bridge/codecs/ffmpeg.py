"""The codecs that FFmpeg decodes for us: AAC, MP3 and Nellymoser, straight to PCM at the rate of the
bridge.
"""

import av
from av.audio.codeccontext import AudioCodecContext

from media_bridge.errors import CodecDataError, MediaClosedError, UnsupportedCodecError
from media_bridge.frames import AudioCodec, Payload
from media_bridge.resample import FrameResampler

MAX_PAYLOAD_BYTES = 16384
"""Longer than any frame of these codecs, and all that one RTMP message may cost us."""

_NAMES = {AudioCodec.AAC: "aac", AudioCodec.MP3: "mp3", AudioCodec.NELLYMOSER: "nellymoser"}


class FfmpegDecoder:
    """One stream of `codec` to PCM at `rate_hz`.

    `stream_rate_hz` is the rate of the sender: Nellymoser needs it (FLV's sound rate), the others carry
    it. `configuration` is the AudioSpecificConfig of AAC (ISO 14496-3 §1.6.2.1), which FLV sends once,
    ahead of the frames; without it AAC payloads are errors until `configure` is called.
    """

    def __init__(
        self,
        codec: AudioCodec,
        rate_hz: int,
        *,
        stream_rate_hz: int | None = None,
        configuration: bytes | None = None,
    ) -> None:
        if codec not in _NAMES:
            raise UnsupportedCodecError(f"{codec.value} is not decoded through FFmpeg")
        if codec is AudioCodec.NELLYMOSER and stream_rate_hz is None:
            raise UnsupportedCodecError("Nellymoser needs the rate of the stream: its payload does not say")
        self._codec = codec
        self._rate_hz = rate_hz
        self._stream_rate_hz = stream_rate_hz
        self._closed = False
        self._context: AudioCodecContext | None = None
        self._resampler = FrameResampler(rate_hz)
        if configuration is not None or codec is not AudioCodec.AAC:
            self.configure(configuration)

    @property
    def rate_hz(self) -> int:
        """The rate asked for; resampling is done here."""
        return self._rate_hz

    def configure(self, configuration: bytes | None) -> None:
        """Start again, with a new configuration (an AAC sequence header). Raises CodecDataError if it is
        damaged.
        """
        context = av.CodecContext.create(_NAMES[self._codec], "r")
        if not isinstance(context, AudioCodecContext):  # pragma: no cover - they are all audio
            raise UnsupportedCodecError(f"{self._codec.value} is not audio")
        if self._stream_rate_hz is not None:
            context.sample_rate = self._stream_rate_hz
        if self._codec is AudioCodec.NELLYMOSER:
            context.layout = "mono"
        context.thread_count = 1
        if configuration is not None:
            context.extradata = configuration
        try:
            context.open()
        except (av.FFmpegError, ValueError) as reason:
            raise CodecDataError(f"bad {self._codec.value} configuration: {reason}") from reason
        self._context = context
        self._resampler = FrameResampler(self._rate_hz)

    def decode(self, payload: Payload) -> bytes:
        """PCM of the frames in `payload`. Raises CodecDataError if it is damaged or no configuration came
        yet.
        """
        if self._closed:
            raise MediaClosedError(f"{self._codec.value} decoder is closed")
        if self._context is None:
            raise CodecDataError("AAC frame before its AudioSpecificConfig")
        size = len(payload)
        if not 0 < size <= MAX_PAYLOAD_BYTES:
            raise CodecDataError(
                f"a {self._codec.value} payload has 1 to {MAX_PAYLOAD_BYTES} bytes, not {size}"
            )
        try:
            frames = self._context.decode(av.Packet(bytes(payload)))
            return b"".join([self._resampler.push(frame) for frame in frames])
        except (av.FFmpegError, ValueError) as reason:
            raise CodecDataError(f"damaged {self._codec.value} payload of {size} bytes: {reason}") from reason

    def conceal(self, samples: int) -> bytes:
        """Nothing: the queue behind conceals."""
        return b""

    def close(self) -> None:
        """Let FFmpeg's state go."""
        self._closed = True
        self._context = None

    def __str__(self) -> str:
        return f"{self._codec.value}/{self._rate_hz}"
