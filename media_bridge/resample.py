"""Sample rate conversion of a stream, by FFmpeg's libswresample.

Where both ends are pjmedia's, leave it to the bridge: a port may have another rate than the bridge (see
`pj_port`).
"""

from array import array

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from media_bridge.errors import MediaError
from media_bridge.frames import BYTES_PER_SAMPLE, Payload


def _pcm_of(frame: AudioFrame) -> bytes:
    # A plane is padded to a multiple of its alignment, so cut it to the samples.
    return bytes(memoryview(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE])


class FrameResampler:
    """FFmpeg frames of any format, layout and rate to PCM at `rate_hz`. Follows a stream that changes on
    the way.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._seen: tuple[str, str, int] | None = None
        self._resampler = self._new()

    def push(self, frame: AudioFrame) -> bytes:
        """The PCM that is ready after `frame`; the filter holds back under a millisecond."""
        seen = (frame.format.name, frame.layout.name, frame.sample_rate)
        if seen != self._seen:
            self._seen, self._resampler = seen, self._new()
        frame.pts = None
        return b"".join([_pcm_of(out) for out in self._resampler.resample(frame)])

    def _new(self) -> AudioResampler:
        return AudioResampler(format="s16", layout="mono", rate=self._rate_hz)


class Resampler:
    """PCM at `rate_in_hz` to PCM at `rate_out_hz`, in pieces of any length. Equal rates cost nothing."""

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        if min(rate_in_hz, rate_out_hz) <= 0:
            raise ValueError(f"rates must be positive, not {rate_in_hz} and {rate_out_hz}")
        self.rate_in_hz = rate_in_hz
        self.rate_out_hz = rate_out_hz
        self._resampler = FrameResampler(rate_out_hz) if rate_in_hz != rate_out_hz else None

    def push(self, pcm: Payload) -> bytes:
        """The PCM that is ready after `pcm`."""
        if self._resampler is None or not pcm:
            return bytes(pcm)
        if len(pcm) % BYTES_PER_SAMPLE:
            raise ValueError(f"half a sample: {len(pcm)} bytes of PCM")
        frame = AudioFrame(format="s16", layout="mono", samples=len(pcm) // BYTES_PER_SAMPLE)
        frame.sample_rate = self.rate_in_hz
        plane = memoryview(frame.planes[0])
        plane[: len(pcm)] = bytes(pcm)
        try:
            return self._resampler.push(frame)
        except av.FFmpegError as reason:
            raise MediaError(f"cannot resample {self}: {reason}") from reason

    def __str__(self) -> str:
        return f"resample {self.rate_in_hz} → {self.rate_out_hz}"


class SampleRepeater:
    """Every sample n times: for who takes only the last of each n, such as `pj_resampling` in a bridge."""

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        if rate_out_hz % rate_in_hz:
            raise ValueError(f"{rate_out_hz} is no multiple of {rate_in_hz}")
        self.times = rate_out_hz // rate_in_hz

    def push(self, pcm: bytes) -> bytes:
        """`times` as many samples."""
        if self.times == 1:
            return pcm
        samples = array("h", pcm)
        repeated = array("h", bytes(len(pcm) * self.times))
        for offset in range(self.times):
            repeated[offset :: self.times] = samples
        return repeated.tobytes()


class Decimator:
    """Every n-th sample: an exact and immediate resampler for audio with nothing above half the new rate.

    Audio that a bridge has brought up from a telephone codec is such, whether it was filtered on the way up
    or, as by `pj_resampling`, every n-th sample is what it was.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        if rate_in_hz % rate_out_hz:
            raise ValueError(f"{rate_in_hz} is no multiple of {rate_out_hz}")
        self.rate_in_hz = rate_in_hz
        self.rate_out_hz = rate_out_hz
        self._step = rate_in_hz // rate_out_hz

    def push(self, pcm: Payload) -> bytes:
        """The samples that stay. `pcm` must hold whole groups of n samples; ValueError otherwise."""
        if len(pcm) % (BYTES_PER_SAMPLE * self._step):
            raise ValueError(f"{len(pcm)} bytes of PCM are no whole groups of {self._step} samples")
        samples = array("h")
        samples.frombytes(pcm)  # a strided view would be copied in twice the time
        return samples[:: self._step].tobytes()

    def __str__(self) -> str:
        return f"decimate {self.rate_in_hz}→{self.rate_out_hz}"
