"""The queue between the legs, on a simulated time line: what is heard, what is lost, how late it is."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_bridge.concealment import Concealer, crossfade
from media_bridge.pcm_queue import PcmQueue, PcmQueueStats
from media_bridge.standing_level import StandingLevel

from .pcm_sim import longest_step, paced, run, tone

FRAME = 640
RATE = 16000


def play(queue: PcmQueue, pushes: Iterator[float], seconds: float, **timing: float) -> bytes:
    return b"".join(pcm for _, pcm in run(queue, pushes, seconds, **timing))


def assert_conserved(stats: PcmQueueStats) -> None:
    assert stats.pushed == stats.popped + stats.dropped + round(stats.depth_ms * RATE / 1000)


@pytest.mark.parametrize("jitter_ms", [0.0, 5.0, 9.9])
@pytest.mark.parametrize("phase_ms", [0.0, 10.05, 15.0])
def test_steady_stream_passes_untouched(jitter_ms: float, phase_ms: float) -> None:
    queue = PcmQueue(RATE)
    heard = play(queue, paced(60, phase_ms=phase_ms, jitter_ms=jitter_ms), 60)
    stats = queue.stats()
    assert (stats.dropped, stats.concealed, stats.underruns) == (0, 0, 0)
    assert stats.depth_average_ms == 0
    first = heard.index(tone(FRAME, 0, hz=500)[2:8]) - 2
    expected = b"".join(tone(FRAME, k % 10 * 320, hz=500) for k in range(2990))
    assert heard[first : first + len(expected)] == expected


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("phase_ms", [7.1, 8.0, 9.0, 9.9])
def test_coinciding_phases_settle_after_the_first_underrun(phase_ms: float, seed: int) -> None:
    queue = PcmQueue(RATE)
    counts = {
        (queue.stats().underruns, queue.stats().concealed)
        for _ in run(queue, paced(62, phase_ms=phase_ms, jitter_ms=3, seed=seed), 62)
    }
    stats = queue.stats()
    assert counts <= {(0, 0), (0, 320), (1, 320)}
    assert stats.dropped == 0
    assert stats.depth_max_ms <= 20
    assert_conserved(stats)


def test_one_reordered_push_costs_one_frame() -> None:
    queue = PcmQueue(RATE)
    play(queue, (20 * k + (10.3 if k == 60 else 9.8) for k in range(3100)), 62)
    stats = queue.stats()
    assert (stats.underruns, stats.concealed, stats.dropped) == (1, 320, 0)


@pytest.mark.parametrize(
    ("jitter_ms", "max_average_ms", "max_underruns"), [(15, 25, 1), (30, 30, 2), (80, 80, 5)]
)
def test_jitter_is_learned(jitter_ms: float, max_average_ms: float, max_underruns: int) -> None:
    queue = PcmQueue(RATE)
    play(queue, paced(60, jitter_ms=jitter_ms), 60)
    settled = queue.stats()
    play(queue, paced(60, jitter_ms=jitter_ms, seed=2), 60)
    assert settled.underruns <= max_underruns
    assert queue.stats().depth_average_ms <= max_average_ms
    assert_conserved(queue.stats())


def stalls(seconds: int, every_ms: int, stall_ms: int) -> Iterator[float]:
    """The network stops for `stall_ms` every `every_ms`, then delivers everything at once."""
    for k in range(seconds * 50):
        into = (k * 20 + every_ms // 2) % every_ms
        yield k * 20 + max(0, stall_ms - into)


def test_regular_stalls_are_learned() -> None:
    queue = PcmQueue(RATE)
    underruns = [queue.stats().underruns for _ in run(queue, stalls(180, 5000, 100), 180)]
    assert underruns[-1] <= 6
    assert underruns[-1] <= underruns[len(underruns) // 4] + 2, (
        "later, one trial to be shorter in two minutes"
    )


def test_a_single_stall_does_not_leave_delay_behind() -> None:
    queue = PcmQueue(RATE)
    heard = play(queue, (k * 20 + (160 - k % 50 * 20 if 50 <= k < 58 else 0) for k in range(1000)), 20)
    stats = queue.stats()
    assert stats.underruns == 1
    assert stats.standing_ms <= 20
    assert longest_step(heard) < 2500, "the tone itself steps by 1560"
    assert_conserved(stats)


@pytest.mark.parametrize("ppm", [-200, 200, -1000, 1000])
def test_clock_drift_is_corrected_rarely_and_without_clicks(ppm: int) -> None:
    queue = PcmQueue(RATE)
    heard = play(queue, paced(300, every_ms=20 * (1 - ppm / 1e6), jitter_ms=2), 300)
    stats = queue.stats()
    slips = 300_000 * abs(ppm) / 1e6 / 20
    assert stats.underruns <= slips + 2
    assert stats.dropped <= (slips + 2) * 360
    assert stats.depth_max_ms <= 60
    assert stats.depth_average_ms <= 25
    assert longest_step(heard) < 2500
    assert_conserved(stats)


@pytest.mark.parametrize("push_ms", [10, 26, 32, 64, 100, 240])
def test_any_size_of_push(push_ms: float) -> None:
    queue = PcmQueue(RATE)
    play(queue, paced(10, every_ms=push_ms), 10, push_ms=push_ms)
    early = queue.stats()
    play(queue, paced(50, every_ms=push_ms), 50, push_ms=push_ms)
    assert early.underruns <= 2
    assert queue.stats().underruns <= early.underruns + 2, "the second run starts at another phase"
    assert_conserved(queue.stats())


def test_a_burst_of_five_seconds_keeps_only_the_newest() -> None:
    queue = PcmQueue(RATE, max_depth_ms=240)
    for k in range(3):
        queue.push(tone(FRAME, k * 320))
        queue.pop(FRAME)
    late = tone(5 * RATE * 2, 960)
    for at in range(0, len(late), 1000):
        queue.push(late[at : at + 1000])
        assert queue.stats().depth_ms <= 240
    heard = queue.pop(FRAME)
    assert heard[-160:] == late[-160:], "the newest frame, its beginning blended in"
    assert queue.stats().depth_ms == 0
    assert_conserved(queue.stats())


def test_a_burst_just_past_the_maximum_keeps_all_that_fits() -> None:
    queue = PcmQueue(RATE, max_depth_ms=240)
    queue.push(tone(FRAME))
    queue.pop(FRAME)
    late = tone(400 * 32, 320)
    for at in range(0, len(late), FRAME):
        queue.push(late[at : at + FRAME])
    heard = b"".join(queue.pop(FRAME) for _ in range(12))
    assert heard[FRAME:] == late[-240 * 32 :][FRAME:]
    assert_conserved(queue.stats())


def test_a_burst_while_playing_shrinks_again() -> None:
    queue = PcmQueue(RATE)
    play(queue, iter([*paced(2), *[2000.0] * 13, *(2000 + t for t in paced(8))]), 10)
    assert queue.stats().standing_ms <= 20
    assert queue.stats().dropped == pytest.approx(13 * 320, abs=320)


def test_audio_that_came_during_hold_is_not_played_after_it() -> None:
    queue = PcmQueue(RATE)
    for k in range(10):
        queue.push(tone(FRAME, k * 320))
        queue.pop(FRAME)
    for k in range(10, 510):  # the bridge does not ask a port that nobody listens to
        queue.push(tone(FRAME, k * 320))
    heard = queue.pop(FRAME)
    assert queue.stats().depth_ms == 0
    assert heard[-160:] == tone(FRAME, 509 * 320)[-160:], "the newest frame, its beginning blended in"
    assert_conserved(queue.stats())


def test_what_came_before_anybody_listened_is_not_played_late() -> None:
    queue = PcmQueue(RATE)
    for k in range(10):
        queue.push(tone(FRAME, k * 320))
    assert queue.pop(FRAME) == tone(FRAME, 9 * 320)
    assert queue.stats().dropped == 9 * 320


def test_pauses_between_talk_are_no_errors_and_build_no_delay() -> None:
    queue = PcmQueue(RATE)
    starts = [0, 5000, 9000, 20000]
    pushes = [s + t for s in starts for t in paced(2, phase_ms=3 + s % 3, jitter_ms=4)]
    heard = list(run(queue, iter(pushes), 25))
    stats = queue.stats()
    assert stats.underruns == 0
    assert stats.depth_max_ms == 0
    assert stats.popped == stats.pushed == 4 * 100 * 320
    assert stats.concealed == 4 * 640, "two fading frames after each"
    assert all(not any(pcm) for t, pcm in heard if 2500 < t < 5000)


def test_idle_take_is_empty_and_pop_is_silence() -> None:
    queue = PcmQueue(8000)
    assert queue.take(320) == b""
    assert queue.pop(320) == bytes(320)
    assert queue.stats().concealed == 0


def test_gap_fades_out_and_back_without_clicks() -> None:
    queue = PcmQueue(RATE)
    heard = play(queue, (k * 20.0 + (120 if k >= 50 else 0) for k in range(150)), 3)
    assert queue.stats().underruns == 1
    assert queue.stats().concealed == 6 * 320
    assert longest_step(heard) < 2500


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="half a sample"):
        PcmQueue(RATE).push(b"123")


def test_a_queue_must_hold_two_frames() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        PcmQueue(RATE, max_depth_ms=30)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 5000)),
        st.tuples(st.just("pop"), st.integers(1, 40)),
    ),
    max_size=60,
)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_every_sample_is_accounted_for(script: list[tuple[str, int]]) -> None:
    queue = PcmQueue(RATE)
    rng = random.Random(1)
    pushed = 0
    for action, amount in script:
        if action == "push":
            queue.push(rng.randbytes(amount * 2))
            pushed += amount
        else:
            for _ in range(amount):
                assert len(queue.pop(FRAME)) == FRAME
        stats = queue.stats()
        assert stats.pushed == pushed
        assert stats.depth_ms <= 300
        assert_conserved(stats)


@given(st.binary(max_size=400).map(lambda b: b[: len(b) // 2 * 2]), st.integers(1, 500))
def test_concealer_takes_any_last_frame(last: bytes, samples: int) -> None:
    concealer = Concealer(last, RATE)
    assert len(concealer.take(samples * 2)) == samples * 2


def test_concealer_goes_on_with_the_tone() -> None:
    last = tone(FRAME, 0, hz=250)
    invented = Concealer(last, RATE).take(FRAME)
    assert longest_step(last + invented) < 1.3 * longest_step(last)


def test_crossfade_ends_are_the_signals() -> None:
    blended = crossfade(b"\x10\x27" * 50, b"\xf0\xd8" * 50, 20)
    assert blended[:1] != b"\xf0"
    assert blended[40:] == b"\xf0\xd8" * 30


def test_patience_halves_after_calm() -> None:
    level = StandingLevel(FRAME)
    level.note_cut()
    level.note_underrun()
    assert ticks_to_medium_surplus(level) == 200
    while level._patience > 1:
        level.observe(0)
    level.restart()
    assert ticks_to_medium_surplus(level) == 100


def ticks_to_medium_surplus(level: StandingLevel) -> int:
    for tick in range(1, 1000):
        if level.observe(2 * FRAME) is not None:
            return tick
    raise AssertionError("no surplus")
