"""On which clock pjmedia's sender reports place a call's audio, so that ours can place its video there, too.

pjmedia 2.15 counts the NTP time of its reports from the whole second in which the stream began, without the
milliseconds, and their RTP timestamp as if the stream had been sending ever since. So a report is wrong by
up to a second, and by as long as the bridge's clock stood still. A peer that keeps lip-sync by the reports
(RFC 3550 §6.4.1) would play the video early by both. The difference between two media is all that it looks
at, hence both are made equally wrong.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import Final

from media_bridge.frames import FRAME_MS

from .pj_events import SentAudio

_READINGS: Final = 5
"""The middle one counts: one is a frame off where a tick was not over yet, more during a telephone-event."""


class AudioReportClock:
    """Follows the audio that goes to the peer. The bridge's clock is that of `PlayoutClock`."""

    def __init__(self) -> None:
        self._stream: tuple[float, int] | None = None
        self._leads_ms: deque[float] = deque(maxlen=_READINGS)

    def note(self, sent: SentAudio) -> None:
        """Take a reading."""
        stream = sent.began_s, sent.first_timestamp
        if stream != self._stream:
            self._stream = stream
            self._leads_ms.clear()
        ticks = sent.last_timestamp - sent.first_timestamp & 0xFFFFFFFF
        self._leads_ms.append(1000 * ticks / sent.rate_hz - sent.bridge_ticks * FRAME_MS)

    def restart(self) -> None:
        """Note that the bridge's clock counts from zero again."""
        self._leads_ms.clear()

    def unix_s(self, bridge_ms: float) -> float | None:
        """Return what the reports call a moment of the bridge's clock, in s; None before there was a reading.

        A frame begins there when it is taken, and has its packet's timestamp.
        """
        if self._stream is None or not self._leads_ms:
            return None
        return math.floor(self._stream[0]) + (bridge_ms + statistics.median_low(self._leads_ms)) / 1000
