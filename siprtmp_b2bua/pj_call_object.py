"""pjsua2's call object: its callbacks, handed on to whoever owns the call."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from media_bridge.pj_module import pj, shared_object

from .pj_events import guarded, peer_text
from .sip_message import CHALLENGES

_MAX_SDP: Final = 65536
_FIRST_REFUSAL: Final = 300
_ANSWERED_METHODS: Final = ("INVITE", "UPDATE")


class CallOwner(Protocol):
    """What a call's callbacks tell, all on the pjsip thread."""

    def state_changed(self, info: Any) -> None:
        """Hear that the INVITE session is in another state; `info` is a CallInfo."""

    def media_changed(self, call: PjCallObject) -> None:
        """Hear that the streams are others."""

    def transport_made(self, address: int) -> None:
        """Hear that pjsip has sockets for a medium of the call: a pjmedia_transport."""

    def description_made(self, local: str, remote: str) -> str:
        """Return what to send instead of pjsip's `local`; `remote` is the offer that it answers, or empty."""

    def response_received(self, remote: str) -> None:
        """Hear a response to an INVITE or UPDATE that pjsip has acted on, with its description, or empty."""

    def offer_refused(self) -> None:
        """Hear that the peer has refused a request with an offer as a whole."""

    def cancelling(self) -> None:
        """Hear that pjsip sends CANCEL."""


class PjCallObject(pj.Call):  # type: ignore[misc]  # pjsua2 has no type information
    """Receives pjsua2's callbacks and hands them to its owner.

    pjsua2 deletes nothing itself, and the destructor hangs up whatever call lives in the slot at the time. So
    `delete` it as soon as the call has ended; a reference that went later (that of an exception's traceback,
    say, which the collector frees at any time, on any thread) would end somebody else's call.
    """

    def __init__(self, owner: CallOwner, account: Any, call_id: int) -> None:
        super().__init__(account, call_id)
        self._owner = owner
        self._offers: set[int] = set()
        self._stream: int | None = None
        self._is_paused = False

    def delete(self) -> None:
        """Delete the C++ object; on the pjsip thread, and not while one of its methods runs."""
        pj.Call.__swig_destroy__(self)

    @property
    def has_unanswered_offer(self) -> bool:
        """Whether an INVITE or UPDATE of ours is under way: another description must not be made."""
        return bool(self._offers)

    def pause_audio(self, paused: bool) -> None:
        """Let the audio send nothing, not even silence, or let it send again; it hears all the same."""
        if paused != self._is_paused:
            self._is_paused = paused
            self._let_stream_send(not paused)

    @guarded
    def onCallState(self, _prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Tell the owner."""
        self._owner.state_changed(self.getInfo())

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """Pass on answers, and that pjsip cancels."""
        state = prm.e.body.tsxState
        transaction = state.tsx
        if transaction.role != pj.PJSIP_ROLE_UAC:
            return
        if transaction.method in _ANSWERED_METHODS:
            self._note_offer(int(transaction.pjTransaction), transaction.state)
        if transaction.method == "CANCEL" and transaction.state == pj.PJSIP_TSX_STATE_CALLING:
            # Later states may be those of a call that had this slot before.
            self._owner.cancelling()
        elif state.type == pj.PJSIP_EVENT_RX_MSG and transaction.method in _ANSWERED_METHODS:
            if transaction.statusCode >= _FIRST_REFUSAL and transaction.statusCode not in CHALLENGES:
                self._owner.offer_refused()
            self._owner.response_received(_body(state.src.rdata.wholeMsg))

    def _note_offer(self, transaction: int, state: int) -> None:
        if state == pj.PJSIP_TSX_STATE_CALLING:
            self._offers.add(transaction)
        elif state != pj.PJSIP_TSX_STATE_PROCEEDING:
            self._offers.discard(transaction)

    @guarded
    def onStreamCreated(self, prm: Any) -> None:  # noqa: N802
        """Keep the stream's address, by which it can be paused."""
        self._stream = int(prm.stream)
        if self._is_paused:
            self._let_stream_send(False)

    @guarded
    def onStreamDestroyed(self, prm: Any) -> None:  # noqa: N802
        """Forget it."""
        if int(prm.stream) == self._stream:
            self._stream = None

    def _let_stream_send(self, sends: bool) -> None:
        if self._stream is not None:
            library = shared_object()
            function = library.pjmedia_stream_resume if sends else library.pjmedia_stream_pause
            function(ctypes.c_void_p(self._stream), pj.PJMEDIA_DIR_ENCODING)

    @guarded
    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        """Tell the owner."""
        self._owner.media_changed(self)

    @guarded
    def onCreateMediaTransport(self, prm: Any) -> None:  # noqa: N802
        """Tell the owner."""
        self._owner.transport_made(int(prm.mediaTp))

    @guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802
        """Let the owner rewrite it."""
        local, remote = _description(prm.sdp), _description(prm.remSdp)
        rewritten = self._owner.description_made(local, remote)
        if rewritten != local:
            prm.sdp.wholeSdp = rewritten

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        """Decline: left alone, pjsua2 places the call that the peer asks for, with no owner."""
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        """Decline: left alone, pjsua2 lets any INVITE with a matching Replaces header take this call over."""
        prm.statusCode = pj.PJSIP_SC_DECLINE


class PjCallLife:
    """Keeps a call's object for as long as it must live, and no longer; on the pjsip thread."""

    def __init__(self) -> None:
        self.call: PjCallObject | None = None
        self._ended: PjCallObject | None = None
        self._commands = 0

    @property
    def is_commanded(self) -> bool:
        """Whether one of its methods runs."""
        return self._commands > 0

    @contextmanager
    def command(self) -> Iterator[None]:
        """Keep the object for the time of a command on it, which may well end the call."""
        self._commands += 1
        try:
            yield
        finally:
            self._commands -= 1
            self._delete_ended()

    def end(self) -> None:
        """Let go of the object: the call has ended."""
        self._ended, self.call = self.call or self._ended, None
        self._delete_ended()

    def _delete_ended(self) -> None:
        if self._ended is not None and not self._commands:
            ended, self._ended = self._ended, None
            ended.delete()


def _description(sdp: Any) -> str:
    """Return a description's text, "" if there is none. pjsua2 gives none that is longer than 1024 bytes.

    pjsip repeats lines of the peer, and pjsua2 would not take bytes back that are no UTF-8.
    """
    if sdp.wholeSdp or not sdp.pjSdpSession:
        return peer_text(sdp.wholeSdp)
    text = ctypes.create_string_buffer(_MAX_SDP)
    session = ctypes.c_void_p(int(sdp.pjSdpSession))
    size = int(shared_object().pjmedia_sdp_print(session, text, ctypes.c_size_t(_MAX_SDP)))
    return text.raw[: max(size, 0)].decode("utf-8", "replace")


def _body(message: str) -> str:
    """Return the description in a SIP message, "" if there is none."""
    head, _, body = message.partition("\r\n\r\n")
    return peer_text(body) if "application/sdp" in head.lower() else ""
