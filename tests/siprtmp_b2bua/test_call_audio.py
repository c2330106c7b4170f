"""At which rate the audio of a call goes where. The bridge is not there: its side of the port is used."""

from collections.abc import Iterable

import numpy as np
import pytest

from media_bridge.codecs.registry import decoder_for, encoder_for
from media_bridge.frames import AudioCodec
from media_bridge.resample import Decimator
from siprtmp_b2bua.call_audio import CallAudio
from siprtmp_b2bua.client_codecs import PCMU_8000, SPEEX_16000, RtmpAudio
from siprtmp_b2bua.config import MediaConfig
from siprtmp_b2bua.sdp import SdpCodec
from tests.media_bridge.signals import in_frames, rms, samples_of, tone

G722 = SdpCodec("G722", 8000)
CODECS = [PCMU_8000, G722, SPEEX_16000]
NOISE = np.random.default_rng(1).normal(0, 3000, 16000).astype("<i2").tobytes()
"""A second at 16 kHz."""


class Call:
    """Its audio, and what it sends the client, decoded at 16 kHz."""

    def __init__(self, rtmp: RtmpAudio, sip: SdpCodec, bridge_hz: int) -> None:
        config = MediaConfig(bridge_rate_hz=bridge_hz)
        self.bridge_hz = bridge_hz
        self.tags: list[bytes] = []
        self.audio = CallAudio(
            "call",
            rtmp,
            sip,
            config,
            lambda _drain, _left_out: lambda: None,
            lambda _ms, tag: self.tags.append(tag),
        )

    async def heard_by_client(self, pcm: bytes) -> bytes:
        """What the client hears of what the bridge says."""
        for frame in in_frames(pcm, self.bridge_hz // 25):
            self.audio._downlink.feed(frame)
            self.audio._drain()
        is_speex = self.tags[0][0] >> 4 == 11
        decoder = decoder_for(AudioCodec.SPEEX if is_speex else AudioCodec.PCMU, 16000)
        return settled(decoder.decode(tag[1:]) for tag in self.tags)

    async def heard_by_bridge(self, pcm: bytes) -> bytes:
        """What the SIP side hears of what the client sends in Speex at 16 kHz."""
        encoder = encoder_for(AudioCodec.SPEEX, 16000)
        heard = []
        for number, frame in enumerate(in_frames(pcm, 640)):
            self.audio.push_tag(number * 20, b"\xb2" + encoder.encode(frame))
            heard.append(self.audio._take(self.bridge_hz // 25))
        assert {len(pcm) for pcm in heard[10:]} == {self.bridge_hz // 25}
        if self.audio._rate_hz < self.bridge_hz:  # a telephone is sent every other sample
            heard = [Decimator(16000, 8000).push(frame) for frame in heard]
        return settled(heard)


def settled(frames: Iterable[bytes]) -> bytes:
    """Without the beginning, which codecs and queues need."""
    return b"".join(list(frames)[15:])


def share_above_4khz(pcm: bytes) -> float:
    """Of the power of audio at 16 kHz."""
    power = np.abs(np.fft.rfft(samples_of(pcm))) ** 2
    return float(power[len(power) // 2 :].sum() / power.sum())


@pytest.mark.parametrize("rtmp", [RtmpAudio.SPEEX_WIDEBAND, RtmpAudio.SPEEX_NARROWBAND, RtmpAudio.PCMU])
@pytest.mark.parametrize("sip", CODECS)
@pytest.mark.parametrize("bridge_hz", [8000, 16000])
async def test_a_tone_passes_both_ways(rtmp: RtmpAudio, sip: SdpCodec, bridge_hz: int) -> None:
    loud = pytest.approx(rms(tone(1000, 16000, 1.0)), rel=0.3)
    assert rms(await Call(rtmp, sip, bridge_hz).heard_by_client(tone(1000, bridge_hz, 1.0))) == loud
    assert rms(await Call(rtmp, sip, bridge_hz).heard_by_bridge(tone(1000, 16000, 1.0))) == loud


@pytest.mark.parametrize("rtmp", [RtmpAudio.SPEEX_NARROWBAND, RtmpAudio.PCMU])
async def test_what_is_too_high_for_the_client_is_filtered_out(rtmp: RtmpAudio) -> None:
    signal = tone(6000, 16000, 1.0)
    assert rms(await Call(rtmp, G722, 16000).heard_by_client(signal)) < 0.1 * rms(signal)


@pytest.mark.parametrize("sip", [G722, SPEEX_16000])
async def test_wideband_stays_wideband(sip: SdpCodec) -> None:
    assert share_above_4khz(await Call(RtmpAudio.SPEEX_WIDEBAND, sip, 16000).heard_by_client(NOISE)) > 0.2
    assert share_above_4khz(await Call(RtmpAudio.SPEEX_WIDEBAND, sip, 16000).heard_by_bridge(NOISE)) > 0.2
