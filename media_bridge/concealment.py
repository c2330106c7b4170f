"""Small repairs of PCM: invented audio for a gap, cuts and joins without a click.

They run within a tick of the bridge, but only a few times a minute, so plain Python does: 0.1-0.3 ms each.
"""

import math
from array import array

from media_bridge.frames import BYTES_PER_SAMPLE

QUIET_PEAK = 330
"""Peak (-40 dBFS) under which a cut is not heard."""

FADE_FRAMES = 2
"""Invented audio fades to nothing over this many frames; longer sounds like a robot."""

_MIN_PITCH_HZ, _MAX_PITCH_HZ = 66, 400
_STRIDE = 4


def is_quiet(pcm: bytes) -> bool:
    """True if no sample is louder than -40 dBFS."""
    samples = array("h", pcm)
    return not samples or (max(samples) < QUIET_PEAK and min(samples) > -QUIET_PEAK)


def crossfade(old: bytes, new: bytes, samples: int) -> bytes:
    """`new`, with its first `samples` blended in over those of `old`. `old` may be shorter: silence
    follows it.
    """
    before, after = array("h", old), array("h", new)
    samples = min(samples, len(after))
    before.extend([0] * (samples - len(before)))
    for index in range(samples):
        after[index] += (before[index] - after[index]) * (samples - index) // (samples + 1)
    return after.tobytes()


def best_cut(queued: bytes, cut: int, slack: int, samples: int) -> int:
    """How many samples to cut off the start of `queued`, between `cut - slack` and `cut`.

    What follows the cut is blended into the start of `queued` over `samples`; the place is where the two
    are most alike.
    """
    pcm = array("h", queued)
    head = pcm[:samples:_STRIDE]
    first = max(cut - slack, cut // 2)
    return max(range(first, cut + 1), key=lambda at: _likeness(head, pcm[at : at + samples : _STRIDE]))


def _likeness(a: "array[int]", b: "array[int]") -> float:
    energy = sum(x * x for x in b)
    product = sum(x * y for x, y in zip(a, b, strict=False))
    return product / math.sqrt(energy + 1)


class Concealer:
    """Goes on with the last frame played, by repeating its last pitch period, ever more softly."""

    __slots__ = ("_cycle", "_left", "_position", "_total")

    def __init__(self, last: bytes, rate_hz: int) -> None:
        played = array("h", last)
        self._cycle = played[len(played) - _pitch_period(played, rate_hz) :]
        self._total = self._left = FADE_FRAMES * len(played)
        self._position = 0

    @property
    def is_silent(self) -> bool:
        """True once the fade is over."""
        return self._left <= 0

    def take(self, n_bytes: int) -> bytes:
        """The next `n_bytes` of invented audio, silence in the end."""
        if self.is_silent or not self._cycle:
            return bytes(n_bytes)
        samples, cycle, total = n_bytes // BYTES_PER_SAMPLE, self._cycle, self._total
        left, position, period = self._left, self._position, len(self._cycle)
        pcm = array("h", [cycle[(position + i) % period] * max(left - i, 0) // total for i in range(samples)])
        self._left -= samples
        self._position += samples
        return pcm.tobytes()


def _pitch_period(pcm: "array[int]", rate_hz: int) -> int:
    """Samples of the pitch period at the end of `pcm`, found by correlation; all of it if it is too short
    to tell.
    """
    longest = min(rate_hz // _MIN_PITCH_HZ, len(pcm) // 2)
    shortest = rate_hz // _MAX_PITCH_HZ
    if longest <= shortest:
        return len(pcm)
    template = pcm[len(pcm) - longest :: _STRIDE]
    start = len(pcm) - longest
    return max(
        range(shortest, longest + 1, 2),
        key=lambda lag: _likeness(template, pcm[start - lag : len(pcm) - lag : _STRIDE]),
    )
