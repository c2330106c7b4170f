import math
import random
from array import array

import pytest

from examples.audio_probe import (
    BEEP_TONES_HZ,
    PROBE_TONE_HZ,
    RoundTrips,
    Timeline,
    beeps,
    find_beeps,
    find_glitches,
    find_tone,
    fit_tone,
    frames,
    level_dbfs,
    percentile,
    round_trips,
    tone,
    tone_snr_db,
)
from examples.measurement import Measurement
from examples.phone_audio import SendCodec, TagDecoder, TagEncoder


def with_noise(pcm: bytes, snr_db: float) -> bytes:
    samples = array("h", pcm)
    power = sum(s * s for s in samples) / len(samples)
    deviation = math.sqrt(power / 10 ** (snr_db / 10))
    noise = random.Random(7)
    return array("h", [round(s + noise.gauss(0, deviation)) for s in samples]).tobytes()


def through_codec(codec: SendCodec, pcm: bytes, *, drop=(), repeat=()) -> tuple[int, bytes]:
    encoder, decoder, rate_hz, out = TagEncoder(codec), TagDecoder(), 0, bytearray()
    for index, frame in enumerate(frames(pcm, codec.frame_bytes)):
        _, tag = encoder.encode(frame)
        for _ in range(0 if index in drop else 2 if index in repeat else 1):
            rate_hz, decoded = decoder.decode(tag)
            out += decoded
    return rate_hz, bytes(out)


def steady(pcm: bytes, rate_hz: int) -> bytes:
    span = find_tone(pcm, rate_hz)
    assert span is not None
    return pcm[2 * span.start : 2 * span.end]


@pytest.mark.parametrize("level", [-3.0, -12.0, -30.0])
def test_level_is_what_was_asked_for(level):
    assert level_dbfs(tone(8000, 1, level_dbfs=level)) == pytest.approx(level, abs=0.05)


def test_level_of_silence():
    assert level_dbfs(bytes(320)) == level_dbfs(b"") == -100


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("snr_db", [5.0, 20.0, 35.0])
def test_known_noise_is_measured(rate_hz, snr_db):
    assert tone_snr_db(with_noise(tone(rate_hz, 2), snr_db), rate_hz) == pytest.approx(snr_db, abs=0.7)


def test_fit_finds_amplitude_and_phase():
    samples = [round(5000 * math.sin(2 * math.pi * 1000 * n / 8000 + 0.7)) for n in range(333)]
    fit = fit_tone(samples, 8000, 1000)
    assert fit.amplitude == pytest.approx(5000, rel=0.001)
    assert fit.phase == pytest.approx(0.7, abs=0.001)


def test_one_glitch_does_not_spoil_the_noise_figure():
    pcm = bytearray(tone(8000, 2))
    pcm[8000:8320] = bytes(320)
    assert tone_snr_db(bytes(pcm), 8000) > 50


@pytest.mark.parametrize("codec", SendCodec)
def test_sound_tone_has_no_glitch(codec):
    rate_hz, pcm = through_codec(codec, tone(codec.rate_hz, 3))
    assert find_glitches(steady(pcm, rate_hz), rate_hz) == []
    assert tone_snr_db(steady(pcm, rate_hz), rate_hz) > 20


@pytest.mark.parametrize("codec", SendCodec)
@pytest.mark.parametrize("damage", ["drop", "repeat"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_injected_glitch_is_found(codec, damage, count):
    rate_hz, pcm = through_codec(codec, tone(codec.rate_hz, 3), **{damage: range(100, 100 + count)})
    found = find_glitches(steady(pcm, rate_hz), rate_hz)
    assert found
    assert found[0] == pytest.approx(2.0, abs=0.15)
    # A Speex decoder may stumble once more over what it took out of step; G.711 has no memory.
    assert len(found) <= (1 if "PCM" in codec.name else 2)


def test_gap_of_silence_is_found():
    pcm = bytearray(tone(8000, 2))
    pcm[16000:16320] = bytes(320)
    assert find_glitches(bytes(pcm), 8000) == [pytest.approx(1.0, abs=0.03)]


def test_tone_is_found_among_beeps():
    pcm = beeps(8000, 5) + tone(8000, 2) + bytes(8000)
    span = find_tone(pcm, 8000)
    assert (span.start, span.end) == (
        pytest.approx(2.05 * 8000, abs=160),
        pytest.approx(3.95 * 8000, abs=160),
    )


@pytest.mark.parametrize("pcm", [b"", bytes(32000), beeps(8000, 6)])
def test_no_tone(pcm):
    assert find_tone(pcm, 8000) is None


def test_beeps_are_found_with_their_pitch():
    found = find_beeps(beeps(8000, 6), 8000)
    assert [beep.frequency_hz for beep in found] == [BEEP_TONES_HZ[n % 4] for n in range(6)]
    assert [beep.sample for beep in found] == [pytest.approx(3200 * n + 1360, abs=24) for n in range(6)]


def test_tone_and_clicks_are_no_beeps():
    click = bytes(1600) + array("h", [20000] * 20).tobytes() + bytes(1600)
    assert find_beeps(tone(8000, 1, PROBE_TONE_HZ) + click, 8000) == []


def echo(pcm: bytes, latency_s: float, lost: range = range(0)) -> RoundTrips:
    sent, received = Timeline(8000), Timeline(8000)
    for index, frame in enumerate(frames(pcm, 320)):
        sent.add(index * 0.02, frame)
        received.add(index * 0.02 + latency_s, bytes(320) if index in lost else frame)
    return round_trips(sent, received)


@pytest.mark.parametrize("latency_s", [0.005, 0.12, 0.9])
def test_known_latency_is_measured(latency_s):
    trips = echo(beeps(8000, 8), latency_s)
    assert (trips.sent, trips.found) == (8, 8)
    assert trips.median_s == pytest.approx(latency_s, abs=0.001)
    assert trips.percentile_s(99) == pytest.approx(latency_s, abs=0.001)


def test_latency_between_streams_of_other_rates():
    sent, received = Timeline(16000), Timeline(8000)
    for index, (a, b) in enumerate(
        zip(frames(beeps(16000, 4), 640), frames(bytes(800) + beeps(8000, 4), 320), strict=False)
    ):
        sent.add(index * 0.02, a)
        received.add(index * 0.02 + 0.1, b)
    assert round_trips(sent, received).median_s == pytest.approx(0.15, abs=0.002)


def test_lost_beep_is_not_taken_for_the_next():
    trips = echo(beeps(8000, 8), 0.1, lost=range(40, 60))
    assert (trips.sent, trips.found) == (8, 7)
    assert max(trips.latencies_s) == pytest.approx(0.1, abs=0.001)


def test_percentile_is_the_nearest_rank():
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3.0], 50) == 3.0
    assert math.isnan(percentile([], 50))


GOOD = Measurement(400, 400, RoundTrips(2, (0.1, 0.1)), -12.0, -12.2, 25.0, 0)


def test_intact():
    assert GOOD.problems() == []


@pytest.mark.parametrize(
    ("frames_received", "trips", "level", "snr", "glitches", "text"),
    [
        (395, GOOD.trips, -12, 25, 0, "98.8 % of the frames"),
        (400, RoundTrips(2, (0.1,)), -12, 25, 0, "1 of 2 beeps"),
        (400, RoundTrips(0, ()), -12, 25, 0, "0 of 0 beeps"),
        (400, GOOD.trips, -100, 25, 0, "-88.0 dB"),
        (400, GOOD.trips, -12, 3, 0, "3.0 dB signal-to-noise"),
        (400, GOOD.trips, -12, 25, 9, "broken 9 times"),
    ],
)
def test_each_damage_has_its_sentence(frames_received, trips, level, snr, glitches, text):
    (problem,) = Measurement(400, frames_received, trips, -12.0, level, snr, glitches).problems()
    assert text in problem
