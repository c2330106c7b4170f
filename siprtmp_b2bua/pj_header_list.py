"""Headers that pjsip is to add to a response, in C by ctypes."""

from __future__ import annotations

import ctypes

from .pj_structures import Header, PjText


class HeaderMaker:
    """Makes pjsip's headers; on the pjsip thread only."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._create = library.pjsip_generic_string_hdr_create
        self._create.argtypes = (ctypes.c_void_p, ctypes.POINTER(PjText), ctypes.POINTER(PjText))
        self._create.restype = ctypes.POINTER(Header)

    def list_of(self, pool: int, name: str, value: str) -> Header:
        """Return the head of a list with one header, of which pjsip makes its own copies.

        Its memory is the pool's; the head has to be kept until pjsip has read the list.
        """
        texts = [PjText(text, len(text)) for text in (name.encode("latin-1"), value.encode("latin-1"))]
        header = self._create(pool, *map(ctypes.byref, texts))
        head = Header()
        head.next = head.previous = ctypes.addressof(header.contents)
        header.contents.next = header.contents.previous = ctypes.addressof(head)
        return head
