"""Lip-sync by sender reports (RFC 3550 §6.4.1): how much later than the audio of a moment its video comes."""

from __future__ import annotations

from typing import Final

from media_bridge.arrival_clock import ArrivalClock
from media_bridge.rtp.sequence import timestamp_delta

_MAX_DISAGREEMENT_MS: Final = 30.0
"""How differently late the reports of two media of one sender may be: they travel alike, so beyond that they
are not of one clock. Those of pjsip are up to a second apart, by chance.
"""
MAX_SKEW_MS: Final = 1000.0
"""No sender holds one medium back for longer; what says so is wrong."""


class StreamClock:
    """How late one stream is, by the clock that its sender reports name. Time is an argument, in s."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._begin(None)

    def _begin(self, ssrc: int | None) -> None:
        self._ssrc = ssrc
        self._report: tuple[float, int] | None = None
        self._packets, self._reports = ArrivalClock(), ArrivalClock()
        self.late_ms: float | None = None
        """How long after its moment the media arrive, by the sender's clock; None before that is known."""
        self.reports_late_ms: float | None = None
        """The same of the reports."""

    def note_report(self, ssrc: int, unix_s: float, timestamp: int, now_s: float) -> None:
        """Take a sender report; `unix_s` and `timestamp` are of one moment."""
        if ssrc != self._ssrc:
            self._begin(ssrc)
        self._report = unix_s, timestamp
        self.reports_late_ms = self._reports.place(1000 * unix_s, 1000 * now_s) - 1000 * unix_s

    def note_packet(self, ssrc: int, timestamp: int, now_s: float) -> None:
        """Take the arrival of what has a timestamp. Before the first report that tells nothing."""
        if self._report is None or ssrc != self._ssrc:
            return
        unix_s, reported = self._report
        moment_ms = 1000 * (unix_s + timestamp_delta(timestamp, reported) / self._rate_hz)
        self.late_ms = self._packets.place(moment_ms, 1000 * now_s) - moment_ms


def skew_ms(audio: StreamClock, video: StreamClock) -> float:
    """Return by how much the video is later than the audio; 0.0 where the reports do not tell, or not sense.

    Then arrival has to do, which is right for a sender that sends both in time.
    """
    if audio.late_ms is None or video.late_ms is None:
        return 0.0
    if audio.reports_late_ms is None or video.reports_late_ms is None:
        return 0.0
    if abs(audio.reports_late_ms - video.reports_late_ms) > _MAX_DISAGREEMENT_MS:
        return 0.0
    skew = video.late_ms - audio.late_ms
    return skew if abs(skew) <= MAX_SKEW_MS else 0.0
