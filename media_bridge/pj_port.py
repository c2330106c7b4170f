"""A port of the conference bridge whose audio comes from and goes to Python.

The bridge calls the port in every tick, on the thread that clocks it (`pj_ticker`: the loop's). The port
does nothing but copy a frame and hand it to `source` and `sink`, which must only touch a queue: whatever
takes time here delays the RTP of every call of the process.

The port may run at another rate than the bridge; pjmedia then resamples, in C.
"""

import logging
from typing import Any

from media_bridge.errors import MediaClosedError, MediaError
from media_bridge.frames import FRAME_MS, frame_bytes
from media_bridge.pj_frame import MediaFrame, frame_copier
from media_bridge.pj_module import pj
from media_bridge.sink import PcmSink, PcmSource

_log = logging.getLogger(__name__)

_BITS_PER_SAMPLE = 16


def pcm_format(rate_hz: int, frame_ms: int = FRAME_MS) -> Any:
    """pjsua2's description of mono PCM at `rate_hz`."""
    audio = pj.MediaFormatAudio()
    rate_bps = rate_hz * _BITS_PER_SAMPLE
    audio.init(pj.PJMEDIA_FORMAT_PCM, rate_hz, 1, frame_ms * 1000, _BITS_PER_SAMPLE, rate_bps, rate_bps)
    return audio


class PcmPort(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """A port between the bridge and two Python callables.

    `source(n_bytes)` gives the PCM that the bridge is to hear, exactly `n_bytes` or nothing for silence;
    `sink(pcm)` takes what the bridge says, and an empty `pcm` in a frame time when nothing is connected to
    the port. Either may be None, and both may be swapped at any time. An exception in them is logged once
    and makes silence.

    Make, connect and close it on a thread that pjsua2 knows. `close()` it before `libDestroy()`; never
    just drop it, because C++ would then call an object that Python is taking apart.
    """

    def __init__(
        self,
        name: str,
        rate_hz: int,
        *,
        frame_ms: int = FRAME_MS,
        source: PcmSource | None = None,
        sink: PcmSink | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.rate_hz = rate_hz
        self.frame_bytes = frame_bytes(rate_hz, frame_ms)
        self.source = source
        self.sink = sink
        self.callback_errors = 0
        self._copier = frame_copier()
        self._open = True
        try:
            self.createPort(name, pcm_format(rate_hz, frame_ms))
        except pj.Error as error:
            self.close()
            raise MediaError(f"no bridge port for {name}: {error.info()}") from error

    def close(self) -> None:
        """Take the port off the bridge and free it. Waits for a callback that is running; none comes
        afterwards.
        """
        if not self._open:
            return
        self._open = False
        self.source = self.sink = None
        # Delete the C++ object here, while `self` is alive, and not when the last reference goes: until
        # the bridge let the port go, its ticks may call this object.
        pj.AudioMediaPort.__swig_destroy__(self)

    def __del__(self) -> None:
        # A dropped port closes itself while Python still holds it together.
        if getattr(self, "_open", False):
            self.close()

    @property
    def is_open(self) -> bool:
        """False after `close()`."""
        return self._open

    def connect_both_ways(self, other: Any) -> None:
        """Let the port and `other` (a call's audio) hear each other. Raises MediaClosedError, or pjsua2's
        Error.
        """
        if not self._open:
            raise MediaClosedError(f"port {self.name} is closed")
        self.startTransmit(other)
        other.startTransmit(self)

    def onFrameRequested(self, frame: MediaFrame) -> None:  # noqa: N802 - pjsua2's name
        """The bridge wants a frame."""
        source, pcm = self.source, b""
        if source is not None:
            try:
                pcm = source(self.frame_bytes)
            except Exception:  # noqa: BLE001 - an exception that crosses into C++ ends the process
                self._log_once()
        self._copier.write(frame, pcm)

    def onFrameReceived(self, frame: MediaFrame) -> None:  # noqa: N802 - pjsua2's name
        """The bridge has a frame for us."""
        sink = self.sink
        if sink is not None:
            try:
                sink(self._copier.read(frame))
            except Exception:  # noqa: BLE001 - an exception that crosses into C++ ends the process
                self._log_once()

    def _log_once(self) -> None:
        self.callback_errors += 1
        if self.callback_errors == 1:
            _log.exception("port %s: error in an audio callback; later ones are only counted", self.name)

    def __str__(self) -> str:
        return f"port {self.name} {self.rate_hz}"
