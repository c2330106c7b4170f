import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_bridge.codecs.registry import decoder_for, encoder_for
from media_bridge.errors import CodecDataError, MediaError
from media_bridge.frames import AudioCodec, Payload
from media_bridge.pcm_queue import PcmQueue
from media_bridge.pipeline import DownlinkChain, UplinkChain
from media_bridge.timestamps import SampleClock

from .signals import in_frames, tone, tone_fit


class CountingEncoder:
    """Payload = the first sample's bytes, so tests see which frame it was."""

    rate_hz = 8000
    frame_samples = 160
    closed = False
    fail = False

    def encode(self, pcm: Payload) -> bytes:
        if self.fail:
            raise MediaError("cannot")
        assert len(pcm) == 320
        return bytes(pcm[:2])

    def close(self) -> None:
        self.closed = True

    def __str__(self) -> str:
        return "counting/8000"


def frame(number: int) -> bytes:
    return number.to_bytes(2, "little") * 160


def stamps(chain: DownlinkChain) -> list[tuple[int, int]]:
    return [(p.timestamp_ms, int.from_bytes(p.payload, "little")) for p in chain.drain()]


def test_uplink_decodes_into_the_queue_and_prints_itself() -> None:
    queue = PcmQueue(16000)
    chain = UplinkChain(decoder_for(AudioCodec.PCMU, 16000), queue)
    assert str(chain) == "pcmu/8000 → resample 8000 → 16000 → queue 16000"
    encoder = encoder_for(AudioCodec.PCMU, 8000)
    heard = b""
    for pcm in in_frames(tone(1000, 8000, 1), 320):
        chain.push(memoryview(encoder.encode(pcm)))
        heard += queue.pop(640)
    peak, snr_db = tone_fit(heard[8000:], 1000, 16000)
    assert snr_db >= 30
    assert abs(20 * math.log10(peak / 8000)) < 0.5
    assert chain.stats().payloads == 50
    chain.close()


def test_uplink_counts_damage_and_conceals_it(caplog: pytest.LogCaptureFixture) -> None:
    queue = PcmQueue(16000)
    chain = UplinkChain(decoder_for(AudioCodec.SPEEX, 16000), queue)
    encoder = encoder_for(AudioCodec.SPEEX, 16000)
    payloads = [encoder.encode(pcm) for pcm in in_frames(tone(300, 16000, 0.4), 640)]
    payloads[10] = payloads[12] = b"\x48\xff\xff"
    for payload in payloads:
        chain.push(payload)
        queue.pop(640)
    assert (chain.stats().payloads, chain.stats().errors) == (20, 2)
    assert queue.stats().pushed == 20 * 320, "lost frames are replaced, not left out"
    assert len(caplog.records) == 1


def test_uplink_survives_a_decoder_that_cannot_conceal() -> None:
    class Broken:
        rate_hz = 16000

        def decode(self, payload: Payload) -> bytes:
            raise CodecDataError("never")

        def conceal(self, samples: int) -> bytes:
            return b""

        def close(self) -> None: ...

    queue = PcmQueue(16000)
    UplinkChain(Broken(), queue).push(b"x")
    assert queue.stats().pushed == 0


def test_downlink_stamps_by_samples() -> None:
    chain = DownlinkChain(CountingEncoder(), start_ms=1000)
    assert str(chain) == "port 8000 → counting/8000"
    for number in range(5):
        chain.feed(frame(number))
    assert stamps(chain) == [(1000 + 20 * n, n) for n in range(5)]
    assert stamps(chain) == []


def test_downlink_time_passes_without_audio() -> None:
    chain = DownlinkChain(CountingEncoder())
    for pcm in (frame(0), b"", b"", frame(3), frame(4)[:100], b"", frame(6)):
        chain.feed(pcm)
    assert stamps(chain) == [(0, 0), (60, 3), (80 + 6 + 20, 6)]
    assert chain.stats().idle_samples == 3 * 160


def test_ticks_that_are_left_out_are_time_all_the_same() -> None:
    chain = DownlinkChain(CountingEncoder())
    chain.feed(frame(0))
    assert stamps(chain) == [(0, 0)]
    chain.pass_time(50)
    chain.feed(frame(1))
    assert stamps(chain) == [(1020, 1)]
    assert chain.stats().idle_samples == 50 * 160


def test_what_comes_after_the_end_is_dropped() -> None:
    chain = DownlinkChain(CountingEncoder())
    chain.feed(frame(0))
    chain.close()
    chain.feed(frame(1))
    assert stamps(chain) == []


def test_downlink_resamples_to_the_encoder() -> None:
    chain = DownlinkChain(encoder_for(AudioCodec.PCMU, 8000), 16000)
    assert str(chain) == "port 16000 → resample 16000 → 8000 → pcmu/8000"
    packets = []
    for pcm in in_frames(tone(1000, 16000, 1), 640):
        chain.feed(pcm)
        packets += chain.drain()
    assert [p.timestamp_ms for p in packets] == [20 * n for n in range(len(packets))]
    decoder = decoder_for(AudioCodec.PCMU, 8000)
    heard = b"".join(decoder.decode(p.payload) for p in packets)
    assert tone_fit(heard[1600:], 1000, 8000)[1] >= 30
    chain.close()


def test_encoder_failure_is_counted_and_time_goes_on() -> None:
    encoder = CountingEncoder()
    chain = DownlinkChain(encoder)
    encoder.fail = True
    chain.feed(frame(0))
    assert stamps(chain) == []
    encoder.fail = False
    chain.feed(frame(1))
    assert stamps(chain) == [(20, 1)]
    assert chain.stats().errors == 1
    chain.close()
    assert encoder.closed


@given(st.lists(st.integers(0, 2000), max_size=30))
def test_any_chunks_make_whole_frames_on_time(sizes: list[int]) -> None:
    chain = DownlinkChain(CountingEncoder())
    for size in sizes:
        if size:
            chain.feed(bytes(size * 2))
    assert [t for t, _ in stamps(chain)] == [20 * n for n in range(sum(sizes) // 160)]


@given(st.integers(1, 48000), st.lists(st.integers(0, 5000), max_size=50))
def test_sample_clock_never_drifts(rate_hz: int, steps: list[int]) -> None:
    clock = SampleClock(rate_hz, start_ms=5)
    total = 0
    for step in steps:
        assert clock.advance(step) == 5 + total * 1000 // rate_hz
        total += step
    assert clock.samples == total
    assert clock.now_ms == 5 + total * 1000 // rate_hz


def test_sample_clock_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="positive"):
        SampleClock(0)
    with pytest.raises(ValueError, match="backwards"):
        SampleClock(8000).advance(-1)
