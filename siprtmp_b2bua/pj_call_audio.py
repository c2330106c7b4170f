"""The audio of one SIP call: its stream, its port in the bridge, and what is known of its RTP."""

from __future__ import annotations

from collections.abc import Callable

from media_bridge.pj_port import PcmPort

from .pj_call_object import PjCallObject
from .pj_context import PjContext
from .pj_events import AudioArrival, AudioProgress, StreamStats
from .pj_media_tap import MediaWatch
from .pj_operations import (
    SentAudioReader,
    active_audio,
    dial_dtmf,
    dial_dtmf_by_info,
    stream_codec,
    stream_stats,
    waiting_audio_ms,
)
from .sdp import SdpCodec


class PjCallAudio:
    """Used on the pjsip thread, but for what says otherwise."""

    def __init__(self, context: PjContext) -> None:
        self._context = context
        self._port: PcmPort | None = None
        self._index = 0
        self._had_stream = False
        self._sent = SentAudioReader()
        self._watch = MediaWatch()
        self.is_idle = False
        """Whether nothing goes by the bridge: with x-flv the audio goes the way of the video."""

    def watch_rtp(self, wanted: bool) -> None:
        """Whether `take_arrivals` has something to return; counts when the stream is made."""
        self._watch.is_wanted = wanted

    def transport_made(self, address: int) -> None:
        """Take a pjmedia_transport of the call."""
        self._context.tap.watch(address, self._watch)

    def take_arrivals(self) -> list[AudioArrival]:
        """Return what has come of the peer's audio since the last time; on any thread."""
        arrivals = self._watch.arrivals
        return [arrivals.popleft() for _ in range(len(arrivals))]

    # -- the bridge ----------------------------------------------------------------------------------------

    def attach(self, call: PjCallObject, port: PcmPort) -> None:
        """Connect a port with the stream both ways, now and after each renegotiation, in place of another."""
        if self._port is not None:
            self._port.close()
        self._port = port
        # Not after what may raise: the port stays, and is connected with the next stream.
        self._context.poster.post(self._context.clock.enter, self)
        index = active_audio(call)
        if index is not None:
            port.connect_both_ways(call.getAudioMedia(index))

    def leave_bridge(self) -> None:
        """Close the port."""
        port, self._port = self._port, None
        if port is not None:
            port.close()
        self._context.poster.post(self._context.clock.leave, self)

    # -- the stream ----------------------------------------------------------------------------------------

    def streams_changed(self, call: PjCallObject) -> SdpCodec | None:
        """Connect a new stream with the port; return its codec, or None if there is no stream."""
        if self._had_stream:
            # One has been taken out of the bridge, in which this call may be alone with others that are idle.
            self._context.poster.post(self._context.clock.settle_bridge)
        self._had_stream = True
        index = active_audio(call)
        if index is None:
            return None
        self._index = index
        self._sent.note_stream(call, index)
        if self._port is not None:
            self._port.connect_both_ways(call.getAudioMedia(index))
        return stream_codec(call, index)

    def dial(self, call: PjCallObject, digits: str) -> None:
        """Send digits as telephone-events, or by SIP INFO if the peer did not agree to those.

        An idle stream sends none: telephone-events go by the clock of the bridge.
        """
        if self.is_idle:
            dial_dtmf_by_info(call, digits)
        else:
            dial_dtmf(call, self._index, digits)

    def stats(self, call: PjCallObject | None) -> StreamStats | None:
        """RTP counters, or None while no audio runs."""
        index = active_audio(call) if call is not None else None
        return None if index is None else stream_stats(call, index)

    def progress(self, call: PjCallObject | None, count_ticks: Callable[[], int]) -> AudioProgress | None:
        """What is under way, or None while no audio runs; `count_ticks` counts those of the bridge."""
        index = active_audio(call) if call is not None else None
        if index is None:
            return None
        ticks = count_ticks()
        sent = self._sent.read(call, index, ticks)
        if count_ticks() != ticks:
            sent = None
        return AudioProgress(sent, waiting_audio_ms(call, index))
