"""Keeps the video of a call with its audio, though they go different ways. Time is an argument.

To SIP a picture leaves at once and audio waits in a queue, so our sender reports say what belongs together.
To RTMP the timestamps say it: the audio's count samples, so the video's are found from when it arrives, what
the peer's reports say, and how long the audio waits in the jitter buffer.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from typing import Final

from media_bridge.arrival_clock import ArrivalClock
from media_bridge.playout_clock import PlayoutClock
from media_bridge.rtp.events import SenderReportReceived
from media_bridge.rtp.stream_clock import MAX_SKEW_MS, StreamClock, skew_ms

from .audio_report_clock import AudioReportClock
from .pj_events import AudioArrival, AudioProgress

WALL_CLOCK_OFFSET_S: Final = time.time() - time.monotonic()
"""One for all calls, so that the sender reports of one process can be compared."""
_TO_SIP_MS: Final = 10.0
"""How long the client's audio waits for the bridge, as long as its timestamps do not tell."""
_FROM_SIP_MS: Final = 10.0
"""How long the peer's audio waits for the bridge before that has been measured."""
_CODING_MS: Final = 15.0
"""By how much codecs and resampling delay the content of the peer's audio: 8 ms, with Speex 22 ms."""
_READINGS: Final = 4
"""What waits is half of the time a frame more or less than on average, by when one looks."""
_VIDEO_RATE_HZ: Final = 90_000


class LipSync:
    """The times of one call's video."""

    def __init__(self) -> None:
        self._client = ArrivalClock()
        self._playout: PlayoutClock | None = None
        self._report_clock = AudioReportClock()
        self._audio = ArrivalClock()
        self._audio_lag_ms = 0.0
        self._waiting_ms: deque[int] = deque(maxlen=_READINGS)
        self._peer_audio: StreamClock | None = None
        self._peer_audio_rate_hz = 0
        self._peer_video = StreamClock(_VIDEO_RATE_HZ)

    def note_audio_progress(self, progress: AudioProgress, playout: PlayoutClock) -> None:
        """Note how far the audio is, both ways; `playout` is of what the client sends, and may be another."""
        if playout is not self._playout:
            self._playout = playout
            self._report_clock.restart()
        if progress.sent is not None:
            self._report_clock.note(progress.sent)
        self._waiting_ms.append(progress.waiting_ms)

    # -- to SIP

    def moment_s(self, timestamp_ms: int, now_s: float) -> float:
        """Return which moment the sender reports are to name for a tag that the client sends now.

        On the session's clock, which is the monotonic one, as far as the audio's reports allow it.
        """
        due_s = (self._client.place(timestamp_ms, 1000 * now_s) + _TO_SIP_MS) / 1000
        if self._playout is None:
            return due_s
        unix_s = self._report_clock.unix_s(_with_audio_ms(self._playout, timestamp_ms, due_s))
        return due_s if unix_s is None else unix_s - WALL_CLOCK_OFFSET_S

    # -- to RTMP

    @property
    def delay_ms(self) -> float:
        """How much later than on arrival the peer's pictures are due."""
        waiting_ms = statistics.fmean(self._waiting_ms) if self._waiting_ms else _FROM_SIP_MS
        behind_ms = 0.0 if self._peer_audio is None else skew_ms(self._peer_audio, self._peer_video)
        return waiting_ms + _CODING_MS - self._audio_lag_ms - behind_ms

    def note_audio(self, timestamp_ms: int, stream_now_ms: float) -> None:
        """Note that audio with this time goes to the client now."""
        self._audio_lag_ms = self._audio.place(timestamp_ms, stream_now_ms) - timestamp_ms

    def note_audio_arrival(self, arrival: AudioArrival, rate_hz: int) -> None:
        """Note what has come of the peer's audio; `rate_hz` is of its timestamps."""
        if self._peer_audio is None or rate_hz != self._peer_audio_rate_hz:
            self._peer_audio, self._peer_audio_rate_hz = StreamClock(rate_hz), rate_hz
        ssrc, timestamp, now_s, unix_s = arrival
        if unix_s is None:
            self._peer_audio.note_packet(ssrc, timestamp, now_s)
        else:
            self._peer_audio.note_report(ssrc, unix_s, timestamp, now_s)

    def note_video_report(self, report: SenderReportReceived, now_s: float) -> None:
        """Note a sender report about the peer's video."""
        self._peer_video.note_report(report.ssrc, report.ntp_s, report.rtp_timestamp, now_s)

    def note_picture(self, ssrc: int, timestamp: int, now_s: float) -> None:
        """Note that a picture of the peer's is complete, with its time of decoding."""
        self._peer_video.note_packet(ssrc, timestamp, now_s)


def _with_audio_ms(playout: PlayoutClock, timestamp_ms: int, due_s: float) -> float:
    """When the client's audio of a time is played, on the bridge's clock.

    Where a client's audio and video have nothing in common by their timestamps, what comes together belongs
    together.
    """
    due_ms, played_ms = playout.at(due_s), playout.played_at(timestamp_ms)
    return due_ms if played_ms is None or abs(played_ms - due_ms) > MAX_SKEW_MS else played_ms
