"""How pjmedia's bridge changes sample rates: by straight lines, which here is exact and nearly free.

Between a stream of 8 kHz and a bridge of 16 kHz pjmedia has two resamplers. One is a filter of some hundred
taps, which took a quarter of what a call to a telephone codec costs. The other draws straight lines. Upwards,
that leaves the samples of the stream as they are, at the even places, and makes up those between. Downwards,
it takes those at the odd places. So a port that repeats each sample of 8 kHz, and takes every other one of
what it gets, has exactly what is sent and received. Only who else listens at the bridge would hear the lines.

pjsua couples this to the quality of Speex: both are `quality`, and below 3 it is lines. So that is what it is
told, and then Speex is set right, by a function of pjmedia's that pjsua2 does not have. Where a build of
pjsua2 hides that function it is the filter, and what was repeated sounds a little duller.
"""

from __future__ import annotations

import ctypes
from typing import Final

_LINES: Final = 2
_EXACT_HZ: Final = 16000
"""At a bridge of 8 kHz it is the streams of 16 kHz that are resampled, and those need the filter."""
_SPEEX_RATES_HZ: Final = (8000, 16000)
_DEFAULT: Final = -1


def pjsua_quality(library: ctypes.CDLL, bridge_rate_hz: int, quality: int) -> int:
    """Return the `quality` that pjsua is to be started with where Speex is to have this one.

    `library` is pjsua2's shared object. After the start, `restore_speex`.
    """
    return _LINES if bridge_rate_hz == _EXACT_HZ and _can_restore(library) else quality


def restore_speex(library: ctypes.CDLL, quality: int) -> None:
    """Give pjmedia's Speex the quality that it is to have, for streams that begin from now on."""
    if _can_restore(library):
        for rate_hz in _SPEEX_RATES_HZ:
            library.pjmedia_codec_speex_set_param(rate_hz, quality, _DEFAULT)


def _can_restore(library: ctypes.CDLL) -> bool:
    return hasattr(library, "pjmedia_codec_speex_set_param")
