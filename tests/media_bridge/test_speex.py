import itertools
import math
import random

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.codecs import speex_library
from media_bridge.codecs.speex import MAX_FRAMES, MAX_PAYLOAD_BYTES, SpeexDecoder, SpeexEncoder
from media_bridge.errors import CodecDataError, CodecLibraryError, MediaClosedError, UnsupportedCodecError

from .signals import in_frames, tone, tone_fit


def encoded(rate_hz: int, pcm: bytes, **options: int | bool) -> list[bytes]:
    encoder = SpeexEncoder(rate_hz, **options)
    return [encoder.encode(frame) for frame in in_frames(pcm, rate_hz // 50 * 2)]


def ffmpeg_decoded(payloads: list[bytes]) -> bytes:
    """As FFmpeg plays the Speex of an FLV file: wideband, whatever is inside."""
    context = av.CodecContext.create("speex", "r")
    context.sample_rate, context.layout = 16000, "mono"
    context.open()
    pcm = bytearray()
    resampler = av.AudioResampler("s16", "mono", 16000)
    for payload in payloads:
        for frame in context.decode(av.Packet(payload)):
            for out in resampler.resample(frame):
                pcm += bytes(out.planes[0])[: out.samples * 2]
    return bytes(pcm)


def libspeex_decoded(payloads: list[bytes], rate_hz: int = 16000) -> bytes:
    decoder = SpeexDecoder(rate_hz)
    return b"".join(decoder.decode(payload) for payload in payloads)


VARIANTS = [
    pytest.param(16000, {"quality": 8}, id="wideband"),
    pytest.param(16000, {"quality": 6}, id="wideband-6"),
    pytest.param(16000, {"high_band": False}, id="low-band-only"),
    pytest.param(8000, {}, id="narrowband"),
]


@pytest.mark.parametrize("decode", [libspeex_decoded, ffmpeg_decoded])
@pytest.mark.parametrize(("rate_hz", "options"), VARIANTS)
@pytest.mark.parametrize("hz", [440, 1000])
def test_tone_keeps_its_level(rate_hz: int, options: dict[str, int], hz: int, decode) -> None:  # type: ignore[no-untyped-def]
    pcm = tone(hz, rate_hz, 1.0)
    heard = decode(encoded(rate_hz, pcm, **options))
    assert len(heard) == 32000, "a wideband decoder plays every variant at 16 kHz"
    peak, snr_db = tone_fit(heard[8000:], hz, 16000)
    assert abs(20 * math.log10(peak / 8000)) < 1
    assert snr_db > 10


@pytest.mark.parametrize(("rate_hz", "options"), VARIANTS)
def test_narrowband_decoder_plays_everything_at_8_khz(rate_hz: int, options: dict[str, int]) -> None:
    heard = libspeex_decoded(encoded(rate_hz, tone(1000, rate_hz, 1.0), **options), 8000)
    assert len(heard) == 16000
    peak, _ = tone_fit(heard[4000:], 1000, 8000)
    assert abs(20 * math.log10(peak / 8000)) < 1


def test_frames_without_high_band_are_smaller() -> None:
    pcm = tone(1000, 16000, 0.1)
    assert len(encoded(16000, pcm, high_band=False)[-1]) < len(encoded(16000, pcm)[-1])


def joined_bits(payloads: list[bytes], bits_each: int) -> bytes:
    """Frames packed to the bit, as a client with several frames per message does."""
    bits = "".join(f"{int.from_bytes(p, 'big'):0{len(p) * 8}b}"[:bits_each] for p in payloads)
    bits += "0" + "1" * 7
    bits = bits[: len(bits) // 8 * 8]
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_several_frames_in_one_payload(count: int) -> None:
    payloads = encoded(16000, tone(440, 16000, 0.4))[:count]
    bits_each = 412  # quality 6: 220 low band + 192 high band
    assert libspeex_decoded([joined_bits(payloads, bits_each)]) == libspeex_decoded(payloads)


def test_memoryview_and_trailing_terminator() -> None:
    payload = encoded(16000, tone(440, 16000, 0.1))[-1]
    assert libspeex_decoded([payload + b"\x7f"]) == libspeex_decoded([payload])
    assert SpeexDecoder(16000).decode(memoryview(payload)) == libspeex_decoded([payload])


@pytest.mark.parametrize("payload", [b"", bytes(MAX_PAYLOAD_BYTES + 1), b"\x48\xff\xff"])
def test_bad_payload_then_good(payload: bytes) -> None:
    decoder = SpeexDecoder(16000)
    with pytest.raises(CodecDataError):
        decoder.decode(payload)
    good = encoded(16000, tone(440, 16000, 0.2))
    assert len(b"".join(decoder.decode(p) for p in good)) == 6400


def test_frames_in_a_payload_are_bounded() -> None:
    assert len(SpeexDecoder(8000).decode(bytes(MAX_PAYLOAD_BYTES))) <= MAX_FRAMES * 320


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_pcm_or_the_documented_error(payload: bytes) -> None:
    for rate_hz in (8000, 16000):
        decoder = SpeexDecoder(rate_hz)
        for _ in range(3):
            try:
                assert len(decoder.decode(payload)) % (rate_hz // 50 * 2) == 0
            except CodecDataError:
                continue
        assert len(decoder.conceal(rate_hz // 50)) == rate_hz // 50 * 2


def test_damaged_speech_never_crashes() -> None:
    rng = random.Random(7)
    decoder = SpeexDecoder(16000)
    for payload in itertools.islice(itertools.cycle(encoded(16000, tone(700, 16000, 1))), 2000):
        broken = bytearray(payload)
        for _ in range(rng.randint(0, 6)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        try:
            decoder.decode(broken[: rng.randint(1, len(broken))])
        except CodecDataError:
            continue


def test_closed_codecs_say_so() -> None:
    decoder, encoder = SpeexDecoder(16000), SpeexEncoder(16000)
    for codec in (decoder, encoder):
        codec.close()
        codec.close()
    with pytest.raises(MediaClosedError):
        decoder.decode(b"1")
    with pytest.raises(MediaClosedError):
        encoder.encode(bytes(640))


def test_wrong_arguments() -> None:
    with pytest.raises(UnsupportedCodecError, match="8000 or 16000"):
        SpeexDecoder(44100)
    with pytest.raises(UnsupportedCodecError, match="quality"):
        SpeexEncoder(16000, quality=11)
    with pytest.raises(ValueError, match="640 bytes"):
        SpeexEncoder(16000).encode(bytes(320))


def test_both_places_of_libspeex_work() -> None:
    from media_bridge.pj_module import shared_object_path

    library = speex_library.SpeexLibrary(shared_object_path())
    library.decoder_destroy(library.new_decoder(speex_library.MODE_WIDEBAND))


def test_missing_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speex_library, "_candidates", lambda: iter(["libnospeex.so.9"]))
    speex_library.speex_library.cache_clear()
    try:
        with pytest.raises(CodecLibraryError, match="libspeex1"):
            speex_library.speex_library()
    finally:
        monkeypatch.undo()
        speex_library.speex_library.cache_clear()
