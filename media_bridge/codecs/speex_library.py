"""libspeex through ctypes.

Two places can have it: the system (`libspeex.so.1`; Debian package libspeex1) and the shared object of the
pjsua2 wheel. The system's comes first: version 1.2.1 encodes a wideband frame in 60 % of the time of the
wheel's 1.2beta3.

Every function takes only objects of ctypes (or bytes) as arguments, so there are no `argtypes` to convert
through. Calls that do real work release the GIL (CDLL); the bit packing around them does not (PyDLL), it
is over in nanoseconds.
"""

import ctypes
from collections.abc import Iterator
from functools import cache

from media_bridge.errors import CodecLibraryError

# speex/speex.h
GET_FRAME_SIZE = 3
SET_QUALITY = 4
SET_HIGH_MODE = 10
SET_COMPLEXITY = 16
SET_SAMPLING_RATE = 24
MODE_NARROWBAND = 0
MODE_WIDEBAND = 1

DECODE_OK = 0
DECODE_END = -1

_SYSTEM_NAMES = ("libspeex.so.1", "libspeex.1.dylib")
_HELP = "Speex needs libspeex: install the Debian package libspeex1 (apk: speex, dnf: speex)"


class SpeexBits(ctypes.Structure):
    """`SpeexBits` of speex/speex_bits.h."""

    _fields_ = (
        ("chars", ctypes.c_void_p),
        ("bit_count", ctypes.c_int),
        ("char_index", ctypes.c_int),
        ("bit_index", ctypes.c_int),
        ("owner", ctypes.c_int),
        ("overflow", ctypes.c_int),
        ("buffer_size", ctypes.c_int),
        ("reserved_int", ctypes.c_int),
        ("reserved_pointer", ctypes.c_void_p),
    )


class SpeexLibrary:
    """The functions of one libspeex."""

    def __init__(self, path: str) -> None:
        slow, quick = ctypes.CDLL(path), ctypes.PyDLL(path)
        self.path = path
        self.encode = slow.speex_encode_int
        self.decode = slow.speex_decode_int
        self.bits_init = quick.speex_bits_init
        self.bits_destroy = quick.speex_bits_destroy
        self.bits_reset = quick.speex_bits_reset
        self.bits_write = quick.speex_bits_write
        self.bits_read_from = quick.speex_bits_read_from
        self.bits_remaining = quick.speex_bits_remaining
        self.encoder_ctl = quick.speex_encoder_ctl
        self.decoder_ctl = quick.speex_decoder_ctl
        self.encoder_destroy = quick.speex_encoder_destroy
        self.decoder_destroy = quick.speex_decoder_destroy
        self._encoder_init = quick.speex_encoder_init
        self._decoder_init = quick.speex_decoder_init
        self._get_mode = quick.speex_lib_get_mode
        for function in (self._encoder_init, self._decoder_init, self._get_mode):
            function.restype = ctypes.c_void_p

    def new_encoder(self, mode: int) -> ctypes.c_void_p:
        """A new encoder state; give it to `encoder_destroy` in the end."""
        return self._created(self._encoder_init(ctypes.c_void_p(self._get_mode(mode))))

    def new_decoder(self, mode: int) -> ctypes.c_void_p:
        """A new decoder state; give it to `decoder_destroy` in the end."""
        return self._created(self._decoder_init(ctypes.c_void_p(self._get_mode(mode))))

    def _created(self, address: int | None) -> ctypes.c_void_p:
        if not address:
            raise CodecLibraryError(f"{self.path} could not make a Speex codec")
        return ctypes.c_void_p(address)


def _candidates() -> Iterator[str]:
    yield from _SYSTEM_NAMES
    from media_bridge.pj_module import shared_object_path  # noqa: PLC0415 - without pjsua2, system Speex still works

    yield shared_object_path()


@cache
def speex_library() -> SpeexLibrary:
    """The libspeex of this machine. Raises CodecLibraryError, with the package to install, if there is
    none.
    """
    tried = []
    try:
        for path in _candidates():
            try:
                return SpeexLibrary(path)
            except (OSError, AttributeError) as reason:  # not there; there without exported libspeex
                tried.append(f"{path}: {reason}")
    except ImportError as reason:
        tried.append(f"pjsua2: {reason}")
    raise CodecLibraryError(f"{_HELP} ({'; '.join(tried)})")
