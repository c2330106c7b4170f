import math
from array import array

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.codecs.g711 import G711Decoder, G711Encoder
from media_bridge.frames import AudioCodec

LAWS = [(AudioCodec.PCMU, "pcm_mulaw"), (AudioCodec.PCMA, "pcm_alaw")]


@pytest.mark.parametrize(("law", "ffmpeg_name"), LAWS)
def test_every_code_decodes_as_in_ffmpeg(law: AudioCodec, ffmpeg_name: str) -> None:
    context = av.CodecContext.create(ffmpeg_name, "r")
    context.sample_rate, context.layout = 8000, "mono"
    codes = bytes(range(256))
    expected = b"".join(bytes(f.planes[0])[: f.samples * 2] for f in context.decode(av.Packet(codes)))
    assert G711Decoder(law).decode(codes) == expected
    assert G711Decoder(law).decode(memoryview(codes)) == expected


@pytest.mark.parametrize(("law", "_"), LAWS)
def test_every_sample_survives_within_half_a_step(law: AudioCodec, _: str) -> None:
    encoder, decoder = G711Encoder(law), G711Decoder(law)
    samples = array("h", range(-32768, 32768))
    samples.extend([0] * (-len(samples) % 160))
    for start in range(0, len(samples), 160):
        frame = samples[start : start + 160]
        for before, after in zip(
            frame, array("h", decoder.decode(encoder.encode(frame.tobytes()))), strict=True
        ):
            assert abs(before - after) <= max(abs(before) / 16, 16) or abs(before) > 32000


@pytest.mark.parametrize(("law", "_"), LAWS)
@given(payload=st.binary(min_size=160, max_size=160))
def test_codes_round_trip(law: AudioCodec, _: str, payload: bytes) -> None:
    decoder = G711Decoder(law)
    pcm = decoder.decode(payload)
    assert decoder.decode(G711Encoder(law).encode(pcm)) == pcm


@pytest.mark.parametrize(("law", "_"), LAWS)
def test_tone_has_30_db(law: AudioCodec, _: str) -> None:
    tone = array("h", [round(10000 * math.sin(2 * math.pi * 1000 * i / 8000 + 0.1)) for i in range(160)])
    heard = array("h", G711Decoder(law).decode(G711Encoder(law).encode(tone.tobytes())))
    noise = sum((a - b) ** 2 for a, b in zip(tone, heard, strict=True))
    assert 10 * math.log10(sum(a * a for a in tone) / noise) >= 30


def test_only_whole_frames_are_encoded() -> None:
    with pytest.raises(ValueError, match="160 samples"):
        G711Encoder(AudioCodec.PCMU).encode(bytes(318))
