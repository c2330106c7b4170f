"""A port of the conference bridge whose audio comes from and goes to Python.

The bridge calls the port in every tick, on the thread that clocks it (`pj_ticker`: the loop's). The port
does nothing but copy a frame and hand it to `source` and `sink`, which must only touch a queue: whatever
takes time here delays the RTP of every call of the process.

The port may run at another rate than the bridge; pjmedia then resamples, in C.

The callbacks are the `send` of generators. On the main thread a signal's handler may run, and raise, before
the first line of a function, where no `try` in it can catch that; and what came while the bridge was in C is
handled there, in the next callback. A generator goes on within its `try`.
"""

import logging
from collections.abc import Callable, Generator
from typing import Any

from media_bridge.errors import MediaClosedError, MediaError
from media_bridge.frames import FRAME_MS, frame_bytes
from media_bridge.pj_frame import MediaFrame, frame_copier
from media_bridge.pj_module import pj
from media_bridge.pj_ticker import keep_interrupt
from media_bridge.sink import PcmSink, PcmSource

_log = logging.getLogger(__name__)

_BITS_PER_SAMPLE = 16


def pcm_format(rate_hz: int, frame_ms: int = FRAME_MS) -> Any:
    """pjsua2's description of mono PCM at `rate_hz`."""
    audio = pj.MediaFormatAudio()
    rate_bps = rate_hz * _BITS_PER_SAMPLE
    audio.init(pj.PJMEDIA_FORMAT_PCM, rate_hz, 1, frame_ms * 1000, _BITS_PER_SAMPLE, rate_bps, rate_bps)
    return audio


class _Callbacks:
    """What the bridge calls. It does not know the port, which goes with the last reference to it."""

    def __init__(self, name: str, frame_bytes: int, source: PcmSource | None, sink: PcmSink | None) -> None:
        self.source = source
        self.sink = sink
        self.errors = 0
        self._name = name
        self._frame_bytes = frame_bytes
        self._copier = frame_copier()

    def frame_requested(self) -> Callable[[MediaFrame], None]:
        """Return what fills a frame; one that stays as it was is silence."""
        return _started(self._fill_frames())

    def frame_received(self) -> Callable[[MediaFrame], None]:
        """Return what takes a frame."""
        return _started(self._take_frames())

    def _fill_frames(self) -> Generator[None, MediaFrame, None]:
        while True:
            try:
                while True:
                    frame = yield
                    source = self.source
                    self._copier.write(frame, b"" if source is None else source(self._frame_bytes))
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001 - what crosses into C++ is lost, or ends the process
                self._failed(error)

    def _take_frames(self) -> Generator[None, MediaFrame, None]:
        while True:
            try:
                while True:
                    frame = yield
                    if (sink := self.sink) is not None:
                        sink(self._copier.read(frame))
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001 - what crosses into C++ is lost, or ends the process
                self._failed(error)

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, Exception):
            keep_interrupt(error)
            return
        self.errors += 1
        if self.errors == 1:
            _log.error(
                "port %s: error in an audio callback; later ones are only counted", self._name, exc_info=error
            )


def _started(callback: Generator[None, MediaFrame, None]) -> Callable[[MediaFrame], None]:
    next(callback)
    return callback.send


class PcmPort(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """A port between the bridge and two Python callables.

    `source(n_bytes)` gives the PCM that the bridge is to hear, exactly `n_bytes` or nothing for silence;
    `sink(pcm)` takes what the bridge says, and an empty `pcm` in a frame time when nothing is connected to
    the port. Either may be None, and both may be swapped at any time. An exception in them is logged once
    and makes silence; what is no `Exception`, such as KeyboardInterrupt, is raised when the tick is over.

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
        self._callbacks = _Callbacks(name, self.frame_bytes, source, sink)
        self.onFrameRequested = self._callbacks.frame_requested()
        self.onFrameReceived = self._callbacks.frame_received()
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
    def source(self) -> PcmSource | None:
        """What the bridge hears."""
        return self._callbacks.source

    @source.setter
    def source(self, source: PcmSource | None) -> None:
        self._callbacks.source = source

    @property
    def sink(self) -> PcmSink | None:
        """What hears the bridge."""
        return self._callbacks.sink

    @sink.setter
    def sink(self, sink: PcmSink | None) -> None:
        self._callbacks.sink = sink

    @property
    def callback_errors(self) -> int:
        """How many exceptions there were in `source` and `sink`."""
        return self._callbacks.errors

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

    def __str__(self) -> str:
        return f"port {self.name} {self.rate_hz}"
