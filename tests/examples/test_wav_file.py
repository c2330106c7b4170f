import wave

import pytest

from examples.audio_probe import fit_tone, level_dbfs, tone
from examples.wav_file import WavError, WavRecorder, read_wav


def test_wav_files_are_mixed_down_and_resampled(tmp_path):
    left = tone(44100, 1, 1000, -6)
    stereo = b"".join(left[n : n + 2] * 2 for n in range(0, len(left), 2))
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(stereo)
    pcm = read_wav(tmp_path / "stereo.wav", 8000)
    assert len(pcm) / 2 == pytest.approx(8000, abs=40)
    samples = memoryview(pcm).cast("h")[800:7200].tolist()
    assert fit_tone(samples, 8000, 1000).snr_db > 40
    assert level_dbfs(pcm[1600:14400]) == pytest.approx(-6, abs=0.3)


def test_recorder_takes_what_comes(tmp_path):
    recorder = WavRecorder(tmp_path / "out.wav")
    recorder.write(16000, tone(16000, 1))
    recorder.close()
    assert recorder.seconds == 1
    assert read_wav(tmp_path / "out.wav", 16000) == tone(16000, 1)
    WavRecorder(tmp_path / "empty.wav").close()
    assert read_wav(tmp_path / "empty.wav", 8000) == b""


@pytest.mark.parametrize("width", [1, 3])
def test_other_sample_sizes_are_refused(tmp_path, width):
    with wave.open(str(tmp_path / "odd.wav"), "wb") as file:
        file.setparams((1, width, 8000, 0, "NONE", ""))
        file.writeframes(bytes(width * 10))
    with pytest.raises(WavError, match=f"{8 * width} bits"):
        read_wav(tmp_path / "odd.wav", 8000)
