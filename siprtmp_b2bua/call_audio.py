"""The audio of one call: the chain from FLV tags to the bridge's port, and the one back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from media_bridge.codecs.registry import decoder_for, encoder_for
from media_bridge.errors import MediaError
from media_bridge.frames import AudioCodec
from media_bridge.pcm_queue import PcmQueue
from media_bridge.pipeline import DownlinkChain, UplinkChain
from media_bridge.pj_port import PcmPort
from media_bridge.playout_clock import PlayoutClock
from media_bridge.resample import SampleRepeater
from rtmp.errors import RemoteProtocolError
from rtmp.flv import AacPacketType, AudioTagHeader, SoundFormat
from rtmp.messages import Payload

from .client_codecs import RtmpAudio
from .sdp import SdpCodec

logger = logging.getLogger(__name__)

ListenToTicks = Callable[[Callable[[], None], Callable[[int], None]], Callable[[], None]]
"""`BridgeTicker.listen`: takes what is to be called after each tick, and of ticks that are left out."""
EmitAudio = Callable[[int, bytes], None]
"""Takes the timestamp in milliseconds and the whole FLV audio tag."""

_DOWNLINK: Final = {
    RtmpAudio.SPEEX_WIDEBAND: (AudioCodec.SPEEX, 16000, b"\xb2"),
    RtmpAudio.SPEEX_NARROWBAND: (AudioCodec.SPEEX, 8000, b"\xb2"),
    RtmpAudio.PCMU: (AudioCodec.PCMU, 8000, b"\x82"),
    RtmpAudio.PCMA: (AudioCodec.PCMA, 8000, b"\x72"),
}
"""Codec, its rate in Hz and the tag header's byte (FLV E.4.2.1: format, rate, 16 bits, mono)."""

_UPLINK: Final = {
    SoundFormat.SPEEX: (AudioCodec.SPEEX, None),
    SoundFormat.PCMU: (AudioCodec.PCMU, None),
    SoundFormat.PCMA: (AudioCodec.PCMA, None),
    SoundFormat.AAC: (AudioCodec.AAC, None),
    SoundFormat.MP3: (AudioCodec.MP3, None),
    SoundFormat.MP3_8K: (AudioCodec.MP3, 8000),
    SoundFormat.NELLYMOSER_16K: (AudioCodec.NELLYMOSER, 16000),
    SoundFormat.NELLYMOSER_8K: (AudioCodec.NELLYMOSER, 8000),
    SoundFormat.NELLYMOSER: (AudioCodec.NELLYMOSER, None),
}
"""Codec and, where the format implies it, the rate of the stream in Hz."""

_CONFIGURATION: Final = AacPacketType.SEQUENCE_HEADER


class AudioSettings(Protocol):
    """What of the configuration counts here (`config.MediaConfig`), which is not to be compiled with it."""

    @property
    def bridge_rate_hz(self) -> int:
        """Sampling rate of the conference bridge."""

    @property
    def queue_max_ms(self) -> int:
        """Upper bound of the audio that waits for the bridge."""


class CallAudio:
    """Audio both ways between an RTMP client and one port of the bridge; used on the loop's thread.

    `rtmp_audio` is how the client is sent to; what it sends may be any codec and may change between tags.
    The port runs at the rate of the bridge, and what goes through it at that of the SIP codec: what pjmedia
    does to an 8 kHz stream at a 16 kHz bridge leaves every other sample as it was, and only those are used
    (`pj_resampling`). `start_ms` is the first timestamp towards the client.
    """

    def __init__(
        self,
        name: str,
        rtmp_audio: RtmpAudio,
        sip_codec: SdpCodec,
        settings: AudioSettings,
        listen: ListenToTicks,
        emit: EmitAudio,
        *,
        start_ms: int = 0,
    ) -> None:
        self.rtmp_audio = rtmp_audio
        self.sip_codec = sip_codec
        self._name = name
        self._emit = emit
        codec, client_rate_hz, self._tag_header = _DOWNLINK[rtmp_audio]
        self._port_rate_hz = settings.bridge_rate_hz
        self._rate_hz = min(_audio_rate_hz(sip_codec), self._port_rate_hz)
        self._queue = PcmQueue(self._rate_hz, max_depth_ms=settings.queue_max_ms)
        self._repeater = SampleRepeater(self._rate_hz, self._port_rate_hz)
        self._playout: PlayoutClock | None = None
        self._uplink: UplinkChain | None = None
        self._uplink_header: AudioTagHeader | None = None
        self._aac_configuration: bytes | None = None
        self._bad_tags = 0
        # A wideband Speex decoder plays narrowband frames too.
        encoder_rate_hz = min(client_rate_hz, self._rate_hz)
        self._downlink = DownlinkChain(
            encoder_for(codec, encoder_rate_hz),
            self._port_rate_hz,
            start_ms=start_ms,
            band_limited=encoder_rate_hz == self._rate_hz,
        )
        self._end_ticks = listen(self._drain, self._downlink.pass_time)

    def make_port(self) -> PcmPort:
        """Create the bridge's port; on the pjsip thread."""
        return PcmPort(self._name, self._port_rate_hz, source=self._take, sink=self._downlink.feed)

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """Play an FLV audio tag to the SIP side. What cannot be played is counted, and logged once."""
        try:
            header = AudioTagHeader.parse(tag)
            body = tag[header.size :]
            if header.aac_packet_type is _CONFIGURATION:
                self._aac_configuration, self._uplink_header = bytes(body), None
            elif len(body):
                if self._playout is not None:
                    self._playout.note_push(self._queue.pushed_samples, timestamp_ms)
                self._chain_for(header).push(body)
        except (RemoteProtocolError, MediaError) as error:
            self._bad_tags += 1
            if self._bad_tags == 1:
                logger.warning(
                    "%s: audio that cannot be played: %s (more are only counted)", self._name, error
                )

    def follow_playout(self) -> PlayoutClock:
        """Return what says from now on when the client's audio is played: only who has video asks that."""
        if self._playout is None:
            self._playout = PlayoutClock(self._rate_hz)
        return self._playout

    def close(self) -> None:
        """Stop both chains. The port is closed by its call."""
        self._end_ticks()
        self._downlink.close()
        if self._uplink is not None:
            self._uplink.close()

    @property
    def queue_ms(self) -> float:
        """How much of the client's audio waits for the bridge, on average."""
        return self._queue.stats().depth_average_ms

    @property
    def chain(self) -> str:
        """The stages that the client's audio goes through, as the log has them."""
        return f"rtmp {self._uplink} → port" if self._uplink is not None else ""

    def summary(self) -> str:
        """One line for the log at the end of a call."""
        queue, sent = self._queue.stats(), self._downlink.stats()
        return (
            f"to SIP {self._uplink or 'nothing'}: {queue.popped} samples, {queue.dropped} dropped, "
            f"{queue.concealed} concealed, queue {queue.depth_average_ms:.0f} ms, {self._bad_tags} bad tags; "
            f"to RTMP {self._downlink}: {sent.packets} frames, {sent.idle_samples} samples missing"
        )

    def _take(self, n_bytes: int) -> bytes:
        pcm = self._queue.take(n_bytes // self._repeater.times)
        if self._playout is not None:
            self._playout.note_tick(self._queue.played_samples, time.monotonic())
        return self._repeater.push(pcm)

    def _chain_for(self, header: AudioTagHeader) -> UplinkChain:
        chain, last = self._uplink, self._uplink_header
        if chain is not None and last is not None and _plays(last, header):
            return chain
        chain = self._make_uplink(header)
        if self._uplink is not None:
            self._uplink.close()
        self._uplink, self._uplink_header = chain, header
        logger.info("%s: rtmp %s → port", self._name, chain)
        return chain

    def _make_uplink(self, header: AudioTagHeader) -> UplinkChain:
        if header.sound_format not in _UPLINK:
            raise MediaError(f"no decoder for {header.sound_format.name}")
        codec, stream_rate_hz = _UPLINK[header.sound_format]
        configuration = self._aac_configuration if codec is AudioCodec.AAC else None
        decoder = decoder_for(
            codec,
            self._rate_hz,
            stream_rate_hz=stream_rate_hz or header.rate_hz,
            configuration=configuration,
        )
        return UplinkChain(decoder, self._queue)

    def _drain(self) -> None:
        for timestamp_ms, payload in self._downlink.drain():
            self._emit(timestamp_ms, self._tag_header + payload)


def _plays(last: AudioTagHeader, header: AudioTagHeader) -> bool:
    """Return whether one decoder is right for both; as a rule they are the same object."""
    return header is last or (header.sound_format, header.rate_hz) == (last.sound_format, last.rate_hz)


def _audio_rate_hz(codec: SdpCodec) -> int:
    # RFC 3551 §4.5.2: G.722 says 8000 in SDP and samples at 16000.
    return 16000 if codec.name.upper() == "G722" else codec.clock_rate_hz
