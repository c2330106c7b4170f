"""Whether a message belongs to a dialog whose call goes on, in C by ctypes; on the pjsip thread only."""

from __future__ import annotations

import ctypes

from media_bridge.pj_module import pj

from .pj_structures import InviteSession, PjText, ReceivedData


class DialogFinder:
    """Finds pjsip's dialogs. pjsip keeps one for half a minute and more after the end of its call.

    pjsua has the number of its slot by then, which the next call may have.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._find = library.pjsip_ua_find_dialog
        self._find.argtypes = (ctypes.POINTER(PjText),) * 3 + (ctypes.c_int,)
        self._find.restype = ctypes.c_void_p
        self._invite_session = library.pjsip_dlg_get_inv_session
        self._invite_session.argtypes = (ctypes.c_void_p,)
        self._invite_session.restype = ctypes.POINTER(InviteSession)

    def is_of_ended_call(self, request: ReceivedData) -> bool:
        """Whether a request is in a dialog (it has a To tag), of which no call is left."""
        local, remote = request.to.contents.tag, request.from_.contents.tag
        return local.length > 0 and not self._is_live(self._dialog(request, local, remote))

    def answers_ended_call(self, response: ReceivedData) -> bool:
        """Whether a response is in a dialog that pjsip has, but of which no call is left."""
        local, remote = response.from_.contents.tag, response.to.contents.tag
        dialog = self._dialog(response, local, remote)
        return dialog is not None and not self._is_live(dialog)

    def _dialog(self, received: ReceivedData, local: PjText, remote: PjText) -> int | None:
        call_id = received.call_id.contents.id
        dialog: int | None = self._find(ctypes.byref(call_id), ctypes.byref(local), ctypes.byref(remote), 0)
        return dialog

    def _is_live(self, dialog: int | None) -> bool:
        if dialog is None:
            return False
        session = self._invite_session(dialog)
        return bool(session) and session.contents.state != pj.PJSIP_INV_STATE_DISCONNECTED
