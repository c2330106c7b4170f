import math
from array import array

import pytest

from media_bridge.resample import Decimator, Resampler, SampleRepeater

from .signals import in_frames, rms, tone, tone_fit

PAIRS = [
    (8000, 16000),
    (16000, 8000),
    (22050, 16000),
    (11025, 8000),
    (44100, 16000),
    (48000, 16000),
    (44100, 8000),
]


def resampled(rate_in: int, rate_out: int, hz: float, chunk_ms: int = 20) -> bytes:
    resampler = Resampler(rate_in, rate_out)
    chunks = in_frames(tone(hz, rate_in, 1.0), rate_in * chunk_ms // 1000 * 2)
    return b"".join(resampler.push(chunk) for chunk in chunks)


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
@pytest.mark.parametrize("hz", [300, 1000, 3000])
def test_tone_passes(rate_in: int, rate_out: int, hz: float) -> None:
    out = resampled(rate_in, rate_out, hz)
    peak, snr_db = tone_fit(out[2000:-2000], hz, rate_out)
    assert snr_db >= 40
    assert abs(20 * math.log10(peak / 8000)) < 0.5


@pytest.mark.parametrize("hz", [4800, 5500, 7000])
def test_what_does_not_fit_is_filtered_out(hz: float) -> None:
    assert rms(resampled(16000, 8000, hz)[2000:]) < 0.01 * 8000 / math.sqrt(2)


def test_images_are_filtered_out() -> None:
    assert tone_fit(resampled(8000, 16000, 3000)[2000:-2000], 3000, 16000)[1] > 40


def test_delay_is_short_and_no_time_is_lost() -> None:
    out = resampled(44100, 16000, 440)
    assert 0 <= 32000 - len(out) < 16000 * 2 * 0.005


def test_equal_rates_pass_through() -> None:
    assert Resampler(16000, 16000).push(b"1234") == b"1234"


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="half a sample"):
        Resampler(8000, 16000).push(b"123")


@pytest.mark.parametrize("hz", [300, 1000, 3000])
def test_a_decimator_keeps_band_limited_audio_and_delays_nothing(hz: float) -> None:
    out = Decimator(16000, 8000).push(tone(hz, 16000, 1.0))
    assert out == tone(hz, 8000, 1.0)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_repeater_says_each_sample_again(times: int) -> None:
    pcm = tone(440, 8000, 0.1)
    repeated = SampleRepeater(8000, 8000 * times).push(pcm)
    assert len(repeated) == len(pcm) * times
    assert all(array("h", repeated)[offset::times] == array("h", pcm) for offset in range(times))
    assert Decimator(8000 * times, 8000).push(repeated) == pcm
    with pytest.raises(ValueError, match="no multiple"):
        SampleRepeater(8000, 8000 * times + 1)


def test_a_decimator_takes_whole_groups() -> None:
    with pytest.raises(ValueError, match="no whole groups"):
        Decimator(16000, 8000).push(b"12")
    with pytest.raises(ValueError, match="no multiple"):
        Decimator(16000, 11025)
