"""The measuring itself: what a known damage to the sound must show as."""

import math
from array import array
from collections.abc import Callable, Sequence

import pytest

from benchmarks.call_quality import CallQuality, CallRecording, ProbeSignal
from examples.phone_audio import AudioCounters, ReceivedFrame, SendCodec

CODEC = SendCodec.PCMU
SECONDS = 6.0
DELAY_S = 0.06

SIGNAL = ProbeSignal.make(CODEC, SECONDS)
TONE_FRAME = SIGNAL.tones[0][0] + 40


def echoed(change: Callable[[list[bytes]], Sequence[bytes]] = list) -> CallQuality:
    """Send the signal through an echo that takes `DELAY_S`, after `change`."""
    recording = CallRecording(SIGNAL, CODEC)
    for number in range(len(SIGNAL.frames)):
        recording.sent(number * 0.02)
    for number, pcm in enumerate(change(list(SIGNAL.frames))):
        recording.receive(ReceivedFrame(number * 0.02 + DELAY_S, number * 20, CODEC.rate_hz, pcm))
    return recording.quality(AudioCounters(), 0.001)


def test_a_perfect_echo_has_nothing_but_its_delay():
    quality = echoed()

    assert quality.frames_returned == quality.frames_sent == SECONDS * 50
    assert quality.beeps_sent == len(quality.latencies_ms) == 5
    assert quality.latencies_ms == pytest.approx([DELAY_S * 1000] * 5, abs=2)
    assert quality.glitches == 0
    assert quality.snr_db > 60
    assert quality.level_change_db == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("jitter_s", [0.001, -0.001])
def test_frames_that_come_back_half_a_frame_apart_from_those_sent_are_all_there(jitter_s: float):
    recording, count = CallRecording(SIGNAL, CODEC), len(SIGNAL.frames)
    half = bytes(CODEC.frame_bytes // 2)
    pcm = half + b"".join(SIGNAL.frames) + half
    for number in range(count):
        recording.sent(number * 0.02)
    for number in range(count + 1):
        at_s = (number - 0.5) * 0.02 + DELAY_S + (jitter_s if number < count / 2 else -jitter_s)
        frame = pcm[number * CODEC.frame_bytes :][: CODEC.frame_bytes]
        recording.receive(ReceivedFrame(at_s, number * 20, CODEC.rate_hz, frame))

    assert recording.quality(AudioCounters(), 0.001).frames_returned == count


def test_a_lost_frame_is_heard_and_counted():
    quality = echoed(lambda frames: frames[:TONE_FRAME] + frames[TONE_FRAME + 1 :])

    assert len(quality.audio_glitches) == 1
    assert quality.audio_glitches[0] == pytest.approx(TONE_FRAME * 0.02 + DELAY_S, abs=0.05)
    assert quality.frames_returned == quality.frames_sent - 1


def test_a_repeated_frame_is_heard():
    quality = echoed(lambda frames: frames[: TONE_FRAME + 1] + frames[TONE_FRAME:])

    assert len(quality.audio_glitches) == 1


def test_a_long_break_is_a_broken_tone():
    silence = [bytes(CODEC.frame_bytes)] * 20
    quality = echoed(lambda frames: frames[:TONE_FRAME] + silence + frames[TONE_FRAME + 20 :])

    assert quality.tones_broken == 1


def test_a_lost_beep_is_missed():
    silence = [bytes(CODEC.frame_bytes)] * 20
    quality = echoed(lambda frames: frames[:70] + silence + frames[90:])

    assert len(quality.latencies_ms) == 4


def test_half_the_amplitude_is_six_decibels_down():
    quality = echoed(lambda frames: [halved(frame) for frame in frames])

    assert quality.level_change_db == pytest.approx(-6.02, abs=0.1)


def test_silence_alone_breaks_every_tone_and_has_no_figures():
    quality = echoed(lambda frames: [bytes(CODEC.frame_bytes)] * len(frames))

    assert quality.tones_broken == len(SIGNAL.tones)
    assert quality.latencies_ms == []
    assert math.isnan(quality.snr_db)


@pytest.mark.parametrize("seconds", [2.0, 6.0, 11.5])
@pytest.mark.parametrize("codec", SendCodec)
def test_a_signal_is_as_long_as_asked_for(codec: SendCodec, seconds: float):
    signal = ProbeSignal.make(codec, seconds)

    assert len(signal.frames) == seconds * 50
    assert {len(frame) for frame in signal.frames} == {codec.frame_bytes}
    assert all(first < end <= len(signal.frames) for first, end in signal.tones)


def halved(pcm: bytes) -> bytes:
    return array("h", [sample // 2 for sample in array("h", pcm)]).tobytes()
