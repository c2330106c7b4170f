"""Which codecs there are, and how to get one."""

from media_bridge.codecs.base import AudioDecoder, AudioEncoder
from media_bridge.codecs.ffmpeg import FfmpegDecoder
from media_bridge.codecs.g711 import G711Decoder, G711Encoder
from media_bridge.codecs.speex import DEFAULT_COMPLEXITY, SpeexDecoder, SpeexEncoder
from media_bridge.errors import UnsupportedCodecError
from media_bridge.frames import AudioCodec

_G711 = frozenset({AudioCodec.PCMU, AudioCodec.PCMA})
_FFMPEG = frozenset({AudioCodec.AAC, AudioCodec.MP3, AudioCodec.NELLYMOSER})

DECODABLE = frozenset(AudioCodec)
"""Codecs that `decoder_for` knows."""

ENCODABLE = _G711 | {AudioCodec.SPEEX}
"""Codecs that `encoder_for` knows."""


def prepare() -> None:
    """Load the libraries and make the tables of the codecs now, and not while the first call waits."""
    for codec in ENCODABLE:
        rate_hz = 8000
        encoder_for(codec, rate_hz).close()
        decoder_for(codec, rate_hz).close()


def decoder_for(
    codec: AudioCodec,
    rate_hz: int,
    *,
    stream_rate_hz: int | None = None,
    configuration: bytes | None = None,
) -> AudioDecoder:
    """A new decoder.

    `rate_hz` is the rate wanted: Speex takes 8000 or 16000; G.711 is 8000 whatever is wanted, so look at
    the decoder's own `rate_hz`; the others are resampled to it. `stream_rate_hz` and `configuration`: see
    FfmpegDecoder. Raises UnsupportedCodecError or CodecLibraryError.
    """
    if codec in _G711:
        return G711Decoder(codec)
    if codec in _FFMPEG:
        return FfmpegDecoder(codec, rate_hz, stream_rate_hz=stream_rate_hz, configuration=configuration)
    if codec is AudioCodec.SPEEX:
        return SpeexDecoder(rate_hz)
    raise UnsupportedCodecError(f"no decoder for {codec}")


def encoder_for(
    codec: AudioCodec,
    rate_hz: int,
    *,
    quality: int | None = None,
    complexity: int = DEFAULT_COMPLEXITY,
    high_band: bool = True,
) -> AudioEncoder:
    """A new encoder at `rate_hz` (G.711: always 8000). The keywords are Speex's, see SpeexEncoder.

    Raises UnsupportedCodecError or CodecLibraryError.
    """
    if codec in _G711:
        return G711Encoder(codec)
    if codec is AudioCodec.SPEEX:
        return SpeexEncoder(rate_hz, quality=quality, complexity=complexity, high_band=high_band)
    raise UnsupportedCodecError(f"no encoder for {codec.value}")
