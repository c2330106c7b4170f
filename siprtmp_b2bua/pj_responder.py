"""Answers to requests that are not to reach the rest of pjsip, in C by ctypes; on the pjsip thread only."""

from __future__ import annotations

import ctypes
from typing import Final

from .call_gate import RETRY_AFTER_S
from .pj_header_list import HeaderMaker
from .pj_structures import ReceivedData

_MOVED: Final = 302
_UNAVAILABLE: Final = 503


class StatelessResponder:
    """Responds without a transaction: to the same request, sent again, the same."""

    def __init__(self, library: ctypes.CDLL, endpoint: ctypes.c_void_p) -> None:
        self._endpoint = endpoint
        self._respond = library.pjsip_endpt_respond_stateless
        self._respond.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int) + (ctypes.c_void_p,) * 3
        self._headers = HeaderMaker(library)

    def answer(self, address: int, code: int) -> None:
        """Answer the request whose pjsip_rx_data is at this address."""
        self._respond(self._endpoint, address, code, None, None, None)

    def redirect(self, address: int, contact: str) -> None:
        """Send the caller to another URI."""
        self._answer_with(address, _MOVED, "Contact", f"<{contact}>")

    def postpone(self, address: int) -> None:
        """Have the caller try again later (RFC 3261 §21.5.4)."""
        self._answer_with(address, _UNAVAILABLE, "Retry-After", str(RETRY_AFTER_S))

    def _answer_with(self, address: int, code: int, name: str, value: str) -> None:
        headers = self._headers.list_of(ReceivedData.from_address(address).pool, name, value)
        self._respond(self._endpoint, address, code, None, ctypes.byref(headers), None)
