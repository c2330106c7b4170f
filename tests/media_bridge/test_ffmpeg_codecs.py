import math
import random
from array import array

import av
import pytest

from media_bridge.codecs.base import AudioDecoder
from media_bridge.codecs.registry import DECODABLE, ENCODABLE, decoder_for, encoder_for
from media_bridge.errors import CodecDataError, MediaClosedError, MediaError, UnsupportedCodecError
from media_bridge.frames import AudioCodec

from .signals import tone, tone_fit

ENCODERS = {AudioCodec.AAC: "aac", AudioCodec.MP3: "libmp3lame", AudioCodec.NELLYMOSER: "nellymoser"}


def encoded(codec: AudioCodec, rate_hz: int, channels: int = 1) -> tuple[list[bytes], bytes]:
    """A second and a half of a tone: (payloads, configuration)."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    context.sample_rate = rate_hz
    context.layout = "mono" if channels == 1 else "stereo"
    context.format = "flt" if codec is AudioCodec.NELLYMOSER else "fltp"
    context.open()
    size = context.frame_size
    pcm = array("h", tone(HZ, rate_hz, 1.5, PEAK))
    payloads = []
    resampler = av.AudioResampler(context.format, context.layout, rate_hz, frame_size=size)
    frame = av.AudioFrame("s16", "mono", len(pcm))
    frame.sample_rate = rate_hz
    memoryview(frame.planes[0])[: len(pcm) * 2] = pcm.tobytes()
    for out in resampler.resample(frame):
        payloads += [bytes(p) for p in context.encode(out)]
    return payloads, bytes(context.extradata or b"")


PEAK = 1500
HZ = 880  # at 1000 Hz and 8 kHz, FFmpeg's Nellymoser encoder loses 9 dB

CASES = [
    (AudioCodec.AAC, 44100, 1),
    (AudioCodec.AAC, 48000, 2),
    (AudioCodec.AAC, 16000, 1),
    (AudioCodec.MP3, 44100, 2),
    (AudioCodec.MP3, 22050, 1),
    (AudioCodec.NELLYMOSER, 8000, 1),
    (AudioCodec.NELLYMOSER, 11025, 1),
    (AudioCodec.NELLYMOSER, 22050, 1),
]


def new_decoder(
    codec: AudioCodec, stream_rate_hz: int, configuration: bytes, rate_hz: int = 16000
) -> AudioDecoder:
    return decoder_for(
        codec,
        rate_hz,
        stream_rate_hz=stream_rate_hz if codec is AudioCodec.NELLYMOSER else None,
        configuration=configuration if codec is AudioCodec.AAC else None,
    )


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize(("codec", "stream_rate_hz", "channels"), CASES)
def test_tone_plays_at_the_rate_of_the_bridge(
    codec: AudioCodec, stream_rate_hz: int, channels: int, rate_hz: int
) -> None:
    payloads, configuration = encoded(codec, stream_rate_hz, channels)
    decoder = new_decoder(codec, stream_rate_hz, configuration, rate_hz)
    heard = b"".join(decoder.decode(memoryview(payload)) for payload in payloads)
    assert len(heard) / 2 / rate_hz == pytest.approx(1.5, abs=0.2)
    peak, snr_db = tone_fit(heard[rate_hz // 2 * 2 : -rate_hz // 4 * 2], HZ, rate_hz)
    expected = PEAK / math.sqrt(channels)  # the test's own way from mono to stereo takes 3 dB
    assert abs(20 * math.log10(peak / expected)) < 1
    assert snr_db > 12


@pytest.mark.parametrize(("codec", "stream_rate_hz", "channels"), CASES[:1] + CASES[3:4] + CASES[5:6])
def test_damage_is_documented_and_passes(codec: AudioCodec, stream_rate_hz: int, channels: int) -> None:
    payloads, configuration = encoded(codec, stream_rate_hz, channels)
    decoder = new_decoder(codec, stream_rate_hz, configuration)
    rng = random.Random(3)
    for payload in payloads[:20]:
        for broken in (b"", rng.randbytes(40), payload[: rng.randrange(len(payload))], bytes(20000)):
            try:
                decoder.decode(broken)
            except CodecDataError:
                continue
    heard = b"".join(decoder.decode(payload) for payload in payloads)
    assert tone_fit(heard[16000:-8000], HZ, 16000)[1] > 12


def test_aac_before_its_configuration() -> None:
    payloads, configuration = encoded(AudioCodec.AAC, 44100)
    decoder = decoder_for(AudioCodec.AAC, 16000)
    with pytest.raises(CodecDataError, match="AudioSpecificConfig"):
        decoder.decode(payloads[0])
    decoder.configure(configuration)  # type: ignore[attr-defined]
    assert b"".join(decoder.decode(payload) for payload in payloads)


@pytest.mark.parametrize("configuration", [b"", b"\xff", b"\xff\xff\xff\xff"])
def test_bad_aac_configuration(configuration: bytes) -> None:
    with pytest.raises(MediaError):
        decoder = decoder_for(AudioCodec.AAC, 16000, configuration=configuration)
        decoder.decode(b"\x21\x10\x04\x60\x8c\x1c")


def test_nellymoser_needs_its_rate() -> None:
    with pytest.raises(UnsupportedCodecError, match="rate"):
        decoder_for(AudioCodec.NELLYMOSER, 16000)


def test_closed_decoder_says_so() -> None:
    decoder = decoder_for(AudioCodec.MP3, 16000)
    decoder.close()
    with pytest.raises(MediaClosedError):
        decoder.decode(b"1")


def test_registry_knows_every_codec() -> None:
    for codec in DECODABLE:
        assert codec.value in str(decoder_for(codec, 16000, stream_rate_hz=8000))
    for codec in ENCODABLE:
        assert encoder_for(codec, 16000).frame_samples in (160, 320)
    for codec in set(AudioCodec) - ENCODABLE:
        with pytest.raises(UnsupportedCodecError, match=codec.value):
            encoder_for(codec, 16000)
