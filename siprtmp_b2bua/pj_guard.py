"""A pjsip module that sees each SIP message first and keeps from pjsip what would end the process.

The wheel's pjsip has its assertions compiled in, and some of them do not check the program but the peer:

- A 200 whose Contact is a tel: URI aborts the process, because pjsip finds no way to send the ACK.
- So does an UPDATE in a call whose INVITE had no description, while it rings.
- So does an offer whose rejected m= line has no c= line: what one function lets pass, the next asserts.
- 65 keys of SRTP for one m= line are written into an array for 64.
- A hundred INVITEs in half a second do: pjlib keeps the slot of a closed socket for 500 ms and has 64.

pjsua2 shows us a message when it is too late, and some not at all: the answer in an ACK, and the INFO by
which a peer asks for a key picture (RFC 5168). So this module is registered with pjsip's endpoint, in C by
ctypes, in front of all others. It runs on the pjsip thread.
"""

from __future__ import annotations

import ctypes
import logging
import math
import time
from collections.abc import Set
from typing import Final

from media_bridge.pj_module import shared_object_path

from .pj_context import LiveCall
from .rate_limit import RateLimit
from .sip_message import SipMessage

logger = logging.getLogger(__name__)

_MAX_PACKET: Final = 4000
"""`PJSIP_MAX_PKT_LEN` of the wheel."""
_FIRST: Final = 1
"""Priority: the smaller, the earlier; pjsip's transport layer has 8."""
_HANDLED, _NOT_HANDLED = 1, 0
_OK, _BAD_REQUEST, _NO_CALL, _NOT_ACCEPTABLE, _BAD_ANSWER = 200, 400, 481, 488, 502
_MAX_AUDIO_LINES: Final = 2
_MAX_KEYS: Final = 32
_DIALOG_METHODS: Final = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "REFER", "NOTIFY"})


class _Text(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class _StatusLine(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("reason", _Text))


class _Message(ctypes.Structure):
    """The beginning of pjsip_msg of a response."""

    _fields_ = (("type", ctypes.c_int), ("status", _StatusLine))


class _ReceivedData(ctypes.Structure):
    """pjsip_rx_data up to the parsed message (sip_transport.h)."""

    _fields_ = (
        ("pool", ctypes.c_void_p),
        ("transport", ctypes.c_void_p),
        ("transport_data", ctypes.c_void_p),
        ("operation_key", ctypes.c_void_p * 35),
        ("timestamp", ctypes.c_long * 2),
        ("packet", ctypes.c_char * _MAX_PACKET),
        ("zero", ctypes.c_uint32),
        ("packet_length", ctypes.c_ssize_t),
        ("source_address", ctypes.c_uint32 * 7),
        ("source_address_length", ctypes.c_int),
        ("source_name", ctypes.c_char * 46),
        ("source_port", ctypes.c_int),
        ("text", ctypes.c_void_p),
        ("text_length", ctypes.c_int),
        ("message", ctypes.POINTER(_Message)),
    )

    def read(self) -> str | None:
        """The raw message; None if the structure is not what we think it is."""
        packet = ctypes.addressof(self) + type(self).packet.offset
        offset = (self.text or 0) - packet
        if not (0 <= offset < _MAX_PACKET and 0 < self.text_length <= _MAX_PACKET - offset and self.message):
            return None
        return ctypes.string_at(self.text, self.text_length).decode("latin-1")


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Module(ctypes.Structure):
    """pjsip_module (sip_module.h)."""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", _Text),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_request", _Callback),
        ("on_response", _Callback),
        ("on_sent_request", ctypes.c_void_p),
        ("on_sent_response", ctypes.c_void_p),
        ("on_transaction_state", ctypes.c_void_p),
    )


class PjGuard:
    """Refuses dangerous messages for as long as it lives; keep it until `libDestroy` has returned."""

    def __init__(self, media_budget: RateLimit, live_calls: Set[LiveCall], *, requires_srtp: bool) -> None:
        self._media_budget = media_budget
        self._live_calls = live_calls
        self._requires_srtp = requires_srtp
        self._warned_s = -math.inf
        library = ctypes.CDLL(shared_object_path())
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        self._endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
        self._respond = library.pjsip_endpt_respond_stateless
        self._respond.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int) + (ctypes.c_void_p,) * 3
        name = b"mod-siprtmp-guard"
        self._module = _Module(
            name=_Text(name, len(name)),
            id=-1,
            priority=_FIRST,
            on_request=_Callback(self._on_request),
            on_response=_Callback(self._on_response),
        )
        library.pjsip_endpt_register_module.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        status = library.pjsip_endpt_register_module(self._endpoint, ctypes.byref(self._module))
        if status:
            logger.error("pjsip does not take our guard (status %d): a peer can end this process", status)

    def _on_request(self, address: int) -> int:
        message = self._read(address)
        if message is None:
            return _NOT_HANDLED
        if not message.is_consistent:
            return self._refuse(address, message, _BAD_REQUEST, "its headers contradict each other")
        if message.method in _DIALOG_METHODS and not message.routes_requests_by_sip:
            return self._refuse(address, message, _BAD_REQUEST, "its Contact or Record-Route is no SIP URI")
        if message.method in ("UPDATE", "PRACK") and not self._is_of_described_call(message):
            return self._refuse(address, message, _NO_CALL, "there is no description that it could update")
        audio_lines = message.audio_lines
        if audio_lines > _MAX_AUDIO_LINES:
            return self._refuse(address, message, _NOT_ACCEPTABLE, "it has too many audio lines")
        if fault := self._fault_of_keys(message):
            return self._refuse(address, message, _NOT_ACCEPTABLE, fault)
        if not message.has_connections:
            return self._refuse(address, message, _NOT_ACCEPTABLE, "a media line has no connection address")
        opens_sockets = message.method == "INVITE" or audio_lines > 0
        if opens_sockets and not self._media_budget.take(time.monotonic(), max(1, audio_lines)):
            self._warn("too many calls at once: an INVITE is left unanswered")
            return _HANDLED  # whoever means it sends it again after 500 ms
        return self._hand_on(address, message)

    def _fault_of_keys(self, message: SipMessage) -> str:
        """What is wrong with the keys of an offer, for pjsip answers 488 without saying why."""
        if message.method == "ACK":
            return ""  # an answer: it cannot be refused, and pjsip takes one key of it at most
        if len(message.key_lines) > _MAX_KEYS:
            return "it has too many SRTP keys"
        if self._requires_srtp and message.audio_lines and not message.has_secure_audio:
            return "its audio is not RTP/SAVP, and media.srtp is require"
        return ""

    def _hand_on(self, address: int, message: SipMessage) -> int:
        """Tell a call what pjsua2 would not show it."""
        is_answer = message.method == "ACK" and message.has_description
        is_request = message.method == "INFO" and message.asks_for_key_picture
        call = self._call_of(message) if is_answer or is_request else None
        if call is None:
            return _NOT_HANDLED
        if is_answer:
            self._hide_unasked_keys(address, message, call)
            call.answer_received(message.body)
            return _NOT_HANDLED
        self._respond(self._endpoint, address, _OK, None, None, None)
        call.key_picture_requested()
        return _HANDLED

    def _hide_unasked_keys(self, address: int, message: SipMessage, call: LiveCall | None) -> None:
        """Make unknown attributes of the keys in an answer to an offer without any.

        Phones that would like SRTP answer like that; they send and take RTP, and pjsip would end the call.
        """
        if call is None or call.offers_keys:
            return
        received = _ReceivedData.from_address(address)
        body = received.text + received.text_length - len(message.body)
        for end in message.key_lines:
            ctypes.memset(body + end - 1, ord("-"), 1)

    def _call_of(self, message: SipMessage) -> LiveCall | None:
        call_id = message.values("call-id")[0].encode("latin-1")
        return next((call for call in self._live_calls if call.has_id(call_id)), None)

    def _is_of_described_call(self, message: SipMessage) -> bool:
        call = self._call_of(message)
        return call is not None and call.is_described

    def _refuse(self, address: int, message: SipMessage, code: int, reason: str) -> int:
        self._warn(f"a request is refused with {code}: {reason}")
        if message.method != "ACK":  # nothing may answer that (RFC 3261 §17); pjsip asserts it
            self._respond(self._endpoint, address, code, None, None, None)
        return _HANDLED

    def _warn(self, text: str) -> None:
        """Log not more often than once a second: a peer decides how often there is a reason."""
        now_s = time.monotonic()
        if now_s - self._warned_s >= 1.0:
            self._warned_s = now_s
            logger.warning("%s", text)

    def _on_response(self, address: int) -> int:
        message = self._read(address)
        if message is None:
            return _NOT_HANDLED
        if not message.is_consistent:
            return _HANDLED
        if message.key_lines:
            self._hide_unasked_keys(address, message, self._call_of(message))
        if message.method not in _DIALOG_METHODS or message.routes_requests_by_sip:
            return _NOT_HANDLED
        code = message.status_code or 0
        if code < 200:
            return _HANDLED  # as if it had been lost: the final response decides
        if code < 300:
            logger.warning(
                "a %d to %s taken as 502: its Contact or Record-Route is no SIP URI", code, message.method
            )
            received = _ReceivedData.from_address(address)
            received.message.contents.status.code = _BAD_ANSWER
        return _NOT_HANDLED

    def _read(self, address: int) -> SipMessage | None:
        try:
            text = _ReceivedData.from_address(address).read()
            if text is not None:
                return SipMessage.parse(text)
            logger.error(
                "unknown build of pjsip: its messages cannot be checked, and a peer can end this process"
            )
        except Exception:
            logger.exception("error while checking a SIP message")
        return None
