import pytest

from examples import phone_audio
from examples.audio_probe import level_dbfs, tone
from examples.phone_audio import AudioCounters, AudioReceiver, SendCodec, TagDecoder, TagEncoder


class FakeClock:
    """Time that passes only where somebody waits or works."""

    def __init__(self, monkeypatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr(phone_audio, "perf_counter", lambda: self.now_s)
        monkeypatch.setattr(phone_audio.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def test_frames_leave_on_time_whatever_sending_costs(monkeypatch):
    clock, times = FakeClock(monkeypatch), []

    def send(_frame: bytes) -> None:
        times.append(clock.now_s - 100)
        clock.now_s += 0.0037

    latest_s = await phone_audio.send_in_real_time([b""] * 1000, send)
    assert times == [pytest.approx(index * 0.02, abs=1e-6) for index in range(1000)]
    assert latest_s == pytest.approx(0, abs=1e-6)


async def test_missed_frames_are_made_up_for(monkeypatch):
    clock, times = FakeClock(monkeypatch), []

    def send(_frame: bytes) -> None:
        times.append(round(clock.now_s - 100, 6))
        if len(times) == 3:
            clock.now_s += 0.07

    latest_s = await phone_audio.send_in_real_time([b""] * 8, send)
    assert times == [0, 0.02, 0.04, 0.11, 0.11, 0.11, 0.12, 0.14]
    assert latest_s == pytest.approx(0.05)


async def test_what_was_sent_is_told_with_its_time(monkeypatch):
    clock, sent = FakeClock(monkeypatch), []
    await phone_audio.send_in_real_time([b"a", b"b"], lambda _frame: None, on_sent=lambda *s: sent.append(s))
    assert sent == [(100.0, b"a"), (pytest.approx(100.02), b"b")]
    assert clock.now_s == pytest.approx(100.02)


@pytest.mark.parametrize("codec", SendCodec)
def test_tags_carry_the_tone(codec):
    encoder, decoder = TagEncoder(codec), TagDecoder()
    pcm, back = tone(codec.rate_hz, 1), b""
    for index in range(50):
        size = codec.frame_bytes
        timestamp_ms, tag = encoder.encode(pcm[index * size : (index + 1) * size])
        assert timestamp_ms == 20 * index
        rate_hz, decoded = decoder.decode(tag)
        back += decoded
    assert len(back) == 2 * rate_hz
    assert level_dbfs(back[rate_hz:]) == pytest.approx(-12, abs=1)


def test_a_frame_of_another_rate_is_refused():
    with pytest.raises(ValueError, match="frame"):
        TagEncoder(SendCodec.SPEEX_WIDEBAND).encode(bytes(320))


@pytest.mark.parametrize(
    ("reported", "codec"),
    [
        ("speex", SendCodec.SPEEX_WIDEBAND),
        (None, SendCodec.SPEEX_WIDEBAND),
        ("pcmu", SendCodec.PCMU),
        ("pcma", SendCodec.PCMA),
    ],
)
def test_codec_follows_accepted(reported, codec):
    assert SendCodec.of_accepted(reported) is codec


@pytest.mark.parametrize(
    ("timestamps", "gaps", "missing", "repeats"),
    [
        ([0, 20, 40, 60], 0, 0, 0),
        ([500, 520, 540], 0, 0, 0),
        ([0, 20, 80, 100], 1, 2, 0),
        ([0, 40, 80, 120], 3, 3, 0),
        ([0, 20, 20, 40], 0, 0, 1),
        ([0, 20, 40, 20, 60], 0, 0, 1),
    ],
)
def test_timestamps_are_judged(timestamps, gaps, missing, repeats):
    receiver = AudioReceiver(AudioCounters())
    for timestamp_ms in timestamps:
        receiver.receive(timestamp_ms, b"\x82" + bytes(160))
    counters = receiver.counters
    assert (counters.gaps, counters.missing, counters.repeats) == (gaps, missing, repeats)
    assert counters.received == len(timestamps)


@pytest.mark.parametrize("tag", [b"", b"\xb2", b"\xaf\x01abc", b"\xf2"])
def test_bad_tags_are_counted(tag):
    receiver, played = AudioReceiver(AudioCounters()), []
    receiver.on_frame = played.append
    receiver.receive(0, tag)
    receiver.receive(20, b"\x82" + bytes(160))
    assert receiver.counters.undecodable == 1
    assert [len(frame.pcm) for frame in played] == [320]
