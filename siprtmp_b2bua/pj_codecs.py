"""Which codecs pjsip puts into the descriptions that it makes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from media_bridge.pj_module import pj, shared_object

from .client_codecs import CodecPreference
from .sdp import SdpCodec

_HIGHEST: Final = 250
_OFF: Final = 0
_TELEPHONE_EVENT_FLAG: Final = 0
"""`PJMEDIA_ENDPT_HAS_TELEPHONE_EVENT_FLAG`."""


class PjCodecs:
    """pjsua's list of codecs, which there is one of in the process; for the pjsip thread, after libInit.

    A description that already names what its call wants need not be rewritten. pjsip would keep both in the
    memory of the call, and that for half a minute after its end.
    """

    def __init__(self) -> None:
        self._library = shared_object()
        self._library.pjsua_get_pjmedia_endpt.restype = ctypes.c_void_p
        self._library.pjmedia_endpt_set_flag.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._ids: dict[SdpCodec, str] = {}

    def set_up(self) -> None:
        """Enable what we can bridge, and nothing else."""
        for codec in pj.Endpoint.instance().codecEnum2():
            name, rate_hz, _channels = codec.codecId.split("/")
            self._ids[SdpCodec(name, int(rate_hz))] = codec.codecId
        self._use_all()

    @contextmanager
    def only(self, codecs: Sequence[SdpCodec], *, events: bool) -> Iterator[None]:
        """Within this, descriptions name `codecs`, best first, and telephone-event if `events`."""
        self._use(codecs, events)
        try:
            yield
        finally:
            self._use_all()

    def _use_all(self) -> None:
        self._use(CodecPreference.default().sdp_codecs, True)

    def _use(self, codecs: Sequence[SdpCodec], events: bool) -> None:
        endpoint = pj.Endpoint.instance()
        for codec, codec_id in self._ids.items():
            endpoint.codecSetPriority(codec_id, _HIGHEST - codecs.index(codec) if codec in codecs else _OFF)
        flag = ctypes.c_int(events)
        media_endpoint = self._library.pjsua_get_pjmedia_endpt()
        self._library.pjmedia_endpt_set_flag(media_endpoint, _TELEPHONE_EVENT_FLAG, ctypes.byref(flag))
