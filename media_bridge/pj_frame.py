"""Copies between Python bytes and pjsua2's MediaFrame, without the detour through SWIG's vector.

`bytes(frame.buf)` and `ByteVector(pcm)` convert byte by byte: ~250 µs each for a 20 ms frame. MediaFrame
(pjsua2/media.hpp) is a plain struct with a std::vector inside, whose first word is the address of its data
(libstdc++ and libc++ alike):

    { pjmedia_frame_type type; std::vector<unsigned char> buf; unsigned size; }

So the data is read and the type is written in place. Whether this build has that layout is checked once,
against the slow way; if it has not, `frame_copier` returns the slow way.
"""

import ctypes
from functools import cache
from typing import Any, Protocol

from media_bridge.pj_module import pj

AUDIO = int(pj.PJMEDIA_FRAME_TYPE_AUDIO)
NONE = int(pj.PJMEDIA_FRAME_TYPE_NONE)

MediaFrame = Any
"""pjsua2.MediaFrame: SWIG gives it no type."""


class _Layout(ctypes.Structure):
    """MediaFrame, with the three addresses of the vector."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("begin", ctypes.c_void_p),
        ("end", ctypes.c_void_p),
        ("capacity_end", ctypes.c_void_p),
        ("size", ctypes.c_uint),
    )


@cache
def _array(size: int) -> type[ctypes.Array[ctypes.c_char]]:
    """The type of an array of so many bytes; there are as few as there are sizes of frames."""
    return ctypes.c_char * size


class FrameCopier(Protocol):
    """Reads and writes MediaFrames. One for each port: it reuses its buffer."""

    def read(self, frame: MediaFrame) -> bytes:
        """The PCM in `frame`; empty if it holds none."""

    def write(self, frame: MediaFrame, pcm: bytes) -> None:
        """Make `frame` hold `pcm`; empty means no audio (type NONE)."""


class SlowFrameCopier:
    """Through the documented API alone."""

    def read(self, frame: MediaFrame) -> bytes:
        """See FrameCopier."""
        return bytes(frame.buf) if frame.type == AUDIO else b""

    def write(self, frame: MediaFrame, pcm: bytes) -> None:
        """See FrameCopier."""
        frame.type = AUDIO if pcm else NONE
        if pcm:
            frame.buf = pj.ByteVector(pcm)


class FastFrameCopier:
    """Through the addresses of the data."""

    __slots__ = ("_buf_set", "_size", "_vector", "_view")

    def __init__(self) -> None:
        self._buf_set = pj._pjsua2.MediaFrame_buf_set
        self._resize(0)

    def read(self, frame: MediaFrame) -> bytes:
        """See FrameCopier."""
        layout = _Layout.from_address(int(frame.this))
        begin = layout.begin
        if not begin or layout.type != AUDIO:
            return b""
        return _array(layout.end - begin).from_address(begin).raw

    def write(self, frame: MediaFrame, pcm: bytes) -> None:
        """See FrameCopier."""
        _Layout.from_address(int(frame.this)).type = AUDIO if pcm else NONE
        if not pcm:
            return
        if len(pcm) != self._size:
            self._resize(len(pcm))
        self._view[:] = pcm
        # From the proxies SWIG would have to get these first, which takes it several times as long.
        self._buf_set(frame.this, self._vector.this)

    def _resize(self, size: int) -> None:
        self._size = size
        self._vector = pj.ByteVector(size)
        # To fill a view costs an eighth of what a call of memmove does.
        address = ctypes.c_void_p.from_address(int(self._vector.this)).value
        self._view = memoryview(_array(size).from_address(address or 0)).cast("B")


def _layout_is_known() -> bool:
    """True if the fast way and the slow way see the same, in every field, both ways."""
    pattern = bytes(range(1, 200))
    frame = pj.MediaFrame()
    frame.type, frame.buf, frame.size = AUDIO, pj.ByteVector(pattern), 0x1234
    layout = _Layout.from_address(int(frame.this))
    if (layout.type, (layout.end or 0) - (layout.begin or 0), layout.size) != (AUDIO, len(pattern), 0x1234):
        return False
    fast, slow = FastFrameCopier(), SlowFrameCopier()
    if fast.read(frame) != pattern:
        return False
    fast.write(frame, pattern[::-1])
    if frame.type != AUDIO or slow.read(frame) != pattern[::-1]:
        return False
    fast.write(frame, b"")
    return bool(frame.type == NONE)


@cache
def _fast_way_works() -> bool:
    return hasattr(getattr(pj, "_pjsua2", None), "MediaFrame_buf_set") and _layout_is_known()


def frame_copier() -> FrameCopier:
    """The fastest FrameCopier that is right for this build of pjsua2."""
    return FastFrameCopier() if _fast_way_works() else SlowFrameCopier()
