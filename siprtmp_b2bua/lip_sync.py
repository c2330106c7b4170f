"""Keeps the video of a call with its audio, though they go different ways. Time is an argument.

To SIP both leave at once, and our sender reports say what belongs together. To RTMP the timestamps say it:
the audio's count samples, so the video's are found from when it arrives and what the peer's reports say.
"""

from __future__ import annotations

import time
from typing import Final

from media_bridge.arrival_clock import ArrivalClock
from media_bridge.rtp.events import SenderReportReceived
from media_bridge.rtp.stream_clock import StreamClock, skew_ms

from .audio_report_clock import AudioReportClock
from .pj_events import AudioArrival, SentAudio

WALL_CLOCK_OFFSET_S: Final = time.time() - time.monotonic()
"""One for all calls, so that the sender reports of one process can be compared."""
_AUDIO_DELAY_MS: Final = 30.0
"""How long the audio of a call is under way in the gateway, each way: queue or jitter buffer, and bridge."""
_VIDEO_RATE_HZ: Final = 90_000


class LipSync:
    """The times of one call's video."""

    def __init__(self) -> None:
        self._client = ArrivalClock()
        self._report_clock = AudioReportClock()
        self._report_shift_s = 0.0
        self._audio = ArrivalClock()
        self._audio_lag_ms = 0.0
        self._peer_audio: StreamClock | None = None
        self._peer_audio_rate_hz = 0
        self._peer_video = StreamClock(_VIDEO_RATE_HZ)

    # -- to SIP

    def moment_s(self, timestamp_ms: int, now_s: float) -> float:
        """Return which moment the sender reports are to name for a tag that the client sends now.

        On the session's clock, which is the monotonic one, as far as the audio's reports allow it.
        """
        due_ms = self._client.place(timestamp_ms, 1000 * now_s) + _AUDIO_DELAY_MS
        return due_ms / 1000 + self._report_shift_s

    def note_sent_audio(self, sent: SentAudio) -> None:
        """Note how far the audio to the peer is: our reports have to keep to the clock of its reports."""
        self._report_shift_s = self._report_clock.offset_s(sent) - WALL_CLOCK_OFFSET_S

    # -- to RTMP

    @property
    def delay_ms(self) -> float:
        """How much later than on arrival the peer's pictures are due."""
        behind_ms = 0.0 if self._peer_audio is None else skew_ms(self._peer_audio, self._peer_video)
        return _AUDIO_DELAY_MS - self._audio_lag_ms - behind_ms

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
