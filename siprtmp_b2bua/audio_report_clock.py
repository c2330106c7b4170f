"""On which clock pjmedia's sender reports place a call's audio, so that ours can place its video there, too.

pjmedia 2.15 counts the NTP time of its reports from the whole second in which the stream began, without the
milliseconds, and their RTP timestamp as if the stream had been sending ever since. So a report is wrong by
up to a second, and by as long as the bridge's clock stood still. A peer that keeps lip-sync by the reports
(RFC 3550 §6.4.1) would play the video early by both. The difference between two media is all that it looks
at, hence both are made equally wrong.
"""

from __future__ import annotations

import math

from media_bridge.arrival_clock import ArrivalClock

from .pj_events import SentAudio


class AudioReportClock:
    """Follows the audio that goes to the peer; time is an argument."""

    def __init__(self) -> None:
        self._stream: tuple[float, int] | None = None
        self._clock = ArrivalClock()

    def offset_s(self, sent: SentAudio) -> float:
        """Return what the reports call the present moment, less our monotonic clock, in s.

        A packet has just been sent in the best case, and nearly a frame ago in the worst: so it is worth
        asking again and again, and the best case counts.
        """
        stream = sent.began_s, sent.first_timestamp
        if stream != self._stream:
            self._stream, self._clock = stream, ArrivalClock()
        ticks = sent.last_timestamp - sent.first_timestamp & 0xFFFFFFFF
        source_ms = 1000 * ticks / sent.rate_hz
        due_ms = self._clock.place(source_ms, 1000 * sent.now_s)
        return math.floor(sent.began_s) + (source_ms - due_ms) / 1000
