"""The jitter buffer between the RTMP socket and the conference bridge.

RTMP runs over TCP: nothing is lost, but audio comes in lumps, late and then all at once, paced by the
sender's sound card. The bridge takes one frame each tick of its own clock. Between them the queue must be
as short as it can be, because its length is delay, and never run dry, because that is heard. It knows no
time but the ticks.

States:

    IDLE     nothing to play (start, or the sender pauses between sentences): silence PLAYING  one frame
    out each tick GAP      ran dry while playing: invented audio; late data continues, and after MAX_GAP_MS
    it was a pause: IDLE

A frame invented in a GAP makes everything after it one frame later, so the queue grows by what the sender
was late and soon is long enough. `StandingLevel` finds out later if it could do with less, and then a
piece is cut out, in silence if there is some, otherwise blended over.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from media_bridge.concealment import Concealer, best_cut, crossfade, is_quiet
from media_bridge.frames import BYTES_PER_SAMPLE, FRAME_MS, Payload, frame_bytes
from media_bridge.standing_level import StandingLevel, Surplus

MAX_DEPTH_MS = 300
MAX_GAP_MS = 200
"""Data that is later than this starts a new spurt of talk; before, it repairs an underrun."""

START_FRAMES = 1
"""How much of the audio from before anybody listened is played, in frames: what is older is only delay."""

_BLEND_MS = 5
_CUT_SLACK_MS = 8
_MAX_WAIT_FOR_QUIET_TICKS = 50


@dataclass(frozen=True, slots=True)
class PcmQueueStats:
    """A snapshot. Counters are samples since the start, except `underruns`; depths are what pops left
    behind, in ms.

    pushed == popped + dropped + depth: `popped` counts real samples alone, `concealed` the ones invented
    in gaps that late data ended and in the fade of those that it did not. Silence in between is not
    counted.
    """

    pushed: int
    popped: int
    dropped: int
    concealed: int
    underruns: int
    depth_ms: float
    depth_min_ms: float
    depth_max_ms: float
    depth_average_ms: float
    standing_ms: float


class _State(Enum):
    IDLE = auto()
    PLAYING = auto()
    GAP = auto()


# Looked up by these names: a member of an Enum costs ten times as much, and this runs every tick.
_IDLE: Final = _State.IDLE
_PLAYING: Final = _State.PLAYING
_GAP: Final = _State.GAP


class PcmQueue:
    """PCM at `rate_hz`: `push` whenever some has come, `pop` or `take` once a tick, on one thread."""

    def __init__(self, rate_hz: int, *, frame_ms: int = FRAME_MS, max_depth_ms: int = MAX_DEPTH_MS) -> None:
        if max_depth_ms < 2 * frame_ms:
            raise ValueError(f"a queue of {max_depth_ms} ms cannot hold two frames of {frame_ms} ms")
        self.rate_hz = rate_hz
        self._frame = frame_bytes(rate_hz, frame_ms)
        self._max = frame_bytes(rate_hz, max_depth_ms)
        self._max_gap_ticks = max(MAX_GAP_MS // frame_ms, 1)
        self._blend = rate_hz * _BLEND_MS // 1000
        self._buffer = bytearray()
        self._state = _IDLE
        self._listened = False
        self._last = b""
        self._concealer: Concealer | None = None
        self._join = False
        self._gap_ticks = 0
        self._gap_silence = 0
        self._unheard = 0
        self._waited_ticks = 0
        self._level = StandingLevel(self._frame)
        self._surplus: Surplus | None = None
        self._surplus_ticks = 0
        self._pushed = self._popped = self._dropped = self._concealed = self._underruns = 0
        self._played_to = 0
        self._depth_sum = self._depth_count = self._depth_max = 0
        self._depth_min = self._max

    # -- the sender's side

    def push(self, pcm: Payload) -> None:
        """Append PCM of any length. Past the maximum, the oldest goes. Raises ValueError for half a
        sample.
        """
        size = len(pcm)
        if size % BYTES_PER_SAMPLE:
            raise ValueError(f"half a sample: {size} bytes of PCM")
        buffer = self._buffer
        buffer += pcm
        self._pushed += size
        if len(buffer) > self._max:
            self._overflow(len(buffer) - self._max)

    # -- the listener's side

    def pop(self, n_bytes: int) -> bytes:
        """Exactly `n_bytes`, once a tick: real, invented or silent."""
        return self.take(n_bytes) or bytes(n_bytes)

    def take(self, n_bytes: int) -> bytes:
        """Like `pop`, but empty where `pop` gives silence because nothing is to be played."""
        self._unheard = 0
        state = self._state
        if state is _PLAYING and len(self._buffer) >= n_bytes:
            return self._play(n_bytes)
        if state is _IDLE:
            return self._play(n_bytes) if self._may_start(n_bytes) else b""
        if len(self._buffer) >= n_bytes:
            self._end_gap()
            return self._play(n_bytes)
        return self._bridge_gap(n_bytes)

    @property
    def pushed_samples(self) -> int:
        """How many samples were pushed so far."""
        return self._pushed // BYTES_PER_SAMPLE

    @property
    def played_samples(self) -> int:
        """How many of those came before the end of the last frame that was real."""
        return self._played_to // BYTES_PER_SAMPLE

    def stats(self) -> PcmQueueStats:
        """A snapshot."""
        ms = 1000 / (self.rate_hz * BYTES_PER_SAMPLE)
        count = self._depth_count
        return PcmQueueStats(
            pushed=self._pushed // BYTES_PER_SAMPLE,
            popped=self._popped // BYTES_PER_SAMPLE,
            dropped=self._dropped // BYTES_PER_SAMPLE,
            concealed=self._concealed // BYTES_PER_SAMPLE,
            underruns=self._underruns,
            depth_ms=len(self._buffer) * ms,
            depth_min_ms=self._depth_min * ms if count else 0.0,
            depth_max_ms=self._depth_max * ms,
            depth_average_ms=self._depth_sum * ms / count if count else 0.0,
            standing_ms=self._level.standing * ms,
        )

    def __str__(self) -> str:
        return f"queue {self.rate_hz}"

    # -- playing

    def _play(self, n_bytes: int) -> bytes:
        buffer = self._buffer
        if self._surplus is not None:
            self._reduce(n_bytes)
        pcm = bytes(buffer[:n_bytes])
        del buffer[:n_bytes]
        if self._join:
            pcm = self._joined(pcm)
        self._last = pcm
        self._popped += n_bytes
        self._played_to = self._popped + self._dropped
        level = len(buffer)
        self._depth_sum += level
        self._depth_count += 1
        if level > self._depth_max:  # noqa: PLR1730 - a call of max costs more, every tick
            self._depth_max = level
        if level < self._depth_min:  # noqa: PLR1730
            self._depth_min = level
        surplus = self._level.observe(level)
        if surplus is not None:
            if self._surplus is None:
                self._surplus_ticks = 0
            self._surplus = surplus
        return pcm

    def _may_start(self, n_bytes: int) -> bool:
        """In IDLE: true when there is a frame, and on top of it what the sender's jitter has needed
        before.
        """
        if not self._listened:
            self._listened = True
            self._drop_stale()
        depth = len(self._buffer)
        if depth < n_bytes:
            self._waited_ticks = 0
            return False
        cushion = min(self._level.swing, self._max // 2)
        if depth < n_bytes + cushion and self._waited_ticks < cushion // self._frame:
            self._waited_ticks += 1
            return False
        self._waited_ticks = 0
        self._state = _PLAYING
        return True

    def _drop_stale(self) -> None:
        """What gathered before the first pop is old by the time somebody listens."""
        stale = len(self._buffer) - START_FRAMES * self._frame
        if stale > 0:
            self._discard(stale)

    def _discard(self, size: int) -> None:
        del self._buffer[:size]
        self._dropped += size
        self._surplus = None

    def _overflow(self, size: int) -> None:
        """The oldest goes. If nobody took a frame while a whole queue went by, the rest is as old: start
        afresh.
        """
        self._discard(size)
        self._unheard += size
        if self._state is not _PLAYING:
            return
        if not self._join:
            self._mend()
            self._level.restart()
        if self._unheard > self._max:
            self._state, self._listened = _IDLE, False

    # -- gaps

    def _bridge_gap(self, n_bytes: int) -> bytes:
        if self._state is _PLAYING:
            self._state = _GAP
            self._gap_ticks = self._gap_silence = 0
            self._surplus = None
            self._mend()
        self._gap_ticks += 1
        if self._gap_ticks > self._max_gap_ticks:
            self._end_spurt()
            return b""
        concealer = self._concealer
        if concealer is None or concealer.is_silent:
            self._gap_silence += n_bytes
            return b""
        self._concealed += n_bytes
        return concealer.take(n_bytes)

    def _end_gap(self) -> None:
        """The data was only late."""
        self._state = _PLAYING
        self._underruns += 1
        self._concealed += self._gap_silence
        self._level.note_underrun()

    def _end_spurt(self) -> None:
        """The sender pauses. A rest shorter than a frame would only be played, stale, before the next
        word.
        """
        self._state = _IDLE
        self._dropped += len(self._buffer)
        self._buffer.clear()
        self._concealer, self._join = None, False
        self._level.restart()

    def _mend(self) -> None:
        """Whatever is played next does not follow on the last frame: blend it in."""
        self._concealer = Concealer(self._last, self.rate_hz)
        self._join = True

    def _joined(self, pcm: bytes) -> bytes:
        concealer, self._concealer, self._join = self._concealer, None, False
        old = concealer.take(self._blend * BYTES_PER_SAMPLE) if concealer is not None else b""
        return crossfade(old, pcm, self._blend)

    # -- too much

    def _reduce(self, n_bytes: int) -> None:
        """Cut the surplus out if now is the time for it."""
        surplus = self._surplus
        if surplus is None:
            return
        size = min(surplus.size, len(self._buffer) - n_bytes)
        if size <= 0:
            self._surplus = None
            return
        self._surplus_ticks += 1
        quiet = is_quiet(bytes(self._buffer[:n_bytes]))
        if quiet or (surplus.audible and self._surplus_ticks > _MAX_WAIT_FOR_QUIET_TICKS):
            self._cut(size, n_bytes)

    def _cut(self, size: int, n_bytes: int) -> None:
        """Take about `size` bytes out of the start and blend over the place."""
        buffer, blend = self._buffer, self._blend
        slack = self.rate_hz * _CUT_SLACK_MS // 1000
        cut = best_cut(bytes(buffer), size // BYTES_PER_SAMPLE, slack, blend) * BYTES_PER_SAMPLE
        head = bytes(buffer[:n_bytes])
        del buffer[:cut]
        buffer[:n_bytes] = crossfade(head, bytes(buffer[:n_bytes]), blend)
        self._dropped += cut
        self._surplus = None
        self._level.note_cut()
