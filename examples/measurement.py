"""The verdict on a call's audio."""

from __future__ import annotations

from dataclasses import dataclass

from examples.audio_probe import RoundTrips


@dataclass(frozen=True, slots=True)
class Limits:
    """What audio must keep to count as intact; the defaults suit Speex and G.711.

    A few glitches are allowed: a jitter buffer may blend 20 ms out or in when a busy machine was late.
    """

    min_frames_percent: float = 99.0
    max_level_change_db: float = 3.0
    min_snr_db: float = 8.0
    max_glitches: int = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was sent and what came back."""

    frames_expected: int
    frames_received: int
    trips: RoundTrips
    sent_level_dbfs: float
    received_level_dbfs: float
    snr_db: float
    glitches: int

    def problems(self, limits: Limits = Limits()) -> list[str]:
        """One sentence for each limit that was not kept; none: the audio is intact."""
        found: list[str] = []
        percent = 100 * self.frames_received / max(self.frames_expected, 1)
        if percent < limits.min_frames_percent:
            found.append(f"only {percent:.1f} % of the frames came back")
        if self.trips.found < self.trips.sent or not self.trips.sent:
            found.append(f"only {self.trips.found} of {self.trips.sent} beeps came back")
        change = self.received_level_dbfs - self.sent_level_dbfs
        if abs(change) > limits.max_level_change_db:
            found.append(f"the tone came back {change:+.1f} dB louder or quieter than it was sent")
        if self.snr_db < limits.min_snr_db:
            found.append(f"the tone came back with noise: {self.snr_db:.1f} dB signal-to-noise ratio")
        if self.glitches > limits.max_glitches:
            found.append(f"the tone was broken {self.glitches} times")
        return found
