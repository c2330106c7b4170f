"""A pjsip module that sees each SIP message first and keeps from pjsip what would end the process.

The wheel's pjsip has its assertions compiled in, and some of them do not check the program but the peer:

- A 200 whose Contact is a tel: URI aborts the process, because pjsip finds no way to send the ACK.
- So does an UPDATE in a call whose INVITE had no description, while it rings.
- So does an offer whose rejected m= line has no c= line: what one function lets pass, the next asserts.
- So does a REFER or a MESSAGE in the dialog of a call that has ended, once its slot has another call.
- So does a 401 to the second of two BYEs, when the first has ended the call.
- So does a registrar whose 200 has the Contact "*".
- So do an IPv6 address that is called IP4, and a host name of 254 characters.
- So does an INVITE with audio in DTLS-SRTP, as from any browser: pjsip ends the call while it sets it up.
- 65 keys of SRTP for one m= line are written into an array for 64.
- A hundred INVITEs in half a second do: pjlib keeps the slot of a closed socket for 500 ms and has 64.

pjsua2 shows us a message when it is too late, and some not at all: the answer in an ACK, and the INFO by
which a peer asks for a key picture (RFC 5168). So this module is registered with pjsip's endpoint, in C by
ctypes, in front of all others. It runs on the pjsip thread. It also redirects a call for a client of
another process: here that takes no line of this one.
"""

from __future__ import annotations

import ctypes
import logging
import math
import time
from collections.abc import Callable, Iterable, Set
from typing import Final

from media_bridge.pj_module import shared_object

from .dialog_notes import DialogNote, DialogNotes
from .pj_context import LiveCall
from .pj_dialogs import DialogFinder
from .pj_responder import StatelessResponder
from .pj_structures import PjCallback, PjModule, PjText, ReceivedData
from .rate_limit import RateLimit
from .redirects import Redirects
from .sip_message import CHALLENGES, SipMessage

logger = logging.getLogger(__name__)

_FIRST: Final = 1
"""Priority: the smaller, the earlier; pjsip's transport layer has 8."""
_HANDLED, _NOT_HANDLED = 1, 0
_OK, _BAD_REQUEST, _NO_CALL, _NOT_ACCEPTABLE, _BAD_ANSWER = 200, 400, 481, 488, 502
_MAX_AUDIO_LINES: Final = 2
_ANYWHERE: Final = frozenset({"ACK", "CANCEL"})
"""Methods that pjsip takes by their transaction."""
_MAX_KEYS: Final = 32
_DIALOG_ENDS: Final = frozenset({"INVITE", "ACK", "BYE"})
"""Methods by which a dialog begins or ends."""
_DIALOG_METHODS: Final = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "REFER", "NOTIFY"})


class PjGuard:
    """Refuses dangerous messages for as long as it lives; keep it until `libDestroy` has returned."""

    def __init__(
        self,
        media_budget: RateLimit,
        live_calls: Set[LiveCall],
        redirects: Redirects,
        *,
        max_calls: int,
        requires_srtp: bool,
    ) -> None:
        self._media_budget = media_budget
        self._live_calls = live_calls
        self._redirects = redirects
        self._max_calls = max_calls
        self._requires_srtp = requires_srtp
        self._warned_s: dict[str, float] = {}
        self._dialogs = DialogNotes()
        self.on_dialog: Callable[[DialogNote | str], None] | None = None
        """Hears of dialogs: the note of one that has begun, the Call-ID of one that has ended."""
        library = shared_object()
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
        self._responder = StatelessResponder(library, endpoint)
        self._finder = DialogFinder(library)
        name = b"mod-siprtmp-guard"
        self._module = PjModule(
            name=PjText(name, len(name)),
            id=-1,
            priority=_FIRST,
            on_request=PjCallback(self._on_request),
            on_response=PjCallback(self._on_response),
        )
        library.pjsip_endpt_register_module.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        status = library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module))
        if status:
            logger.error("pjsip does not take our guard (status %d): a peer can end this process", status)

    def _on_request(self, address: int) -> int:
        message = self._read(address)
        if message is None:
            return _NOT_HANDLED
        if not message.is_consistent:
            return self._refuse(address, message, _BAD_REQUEST, "its headers contradict each other")
        received = ReceivedData.from_address(address)
        if message.method not in _ANYWHERE and self._finder.is_of_ended_call(received):
            return self._refuse(address, message, _NO_CALL, "the call of its dialog has ended")
        if message.method in _DIALOG_METHODS and not message.routes_requests_by_sip:
            return self._refuse(address, message, _BAD_REQUEST, "its Contact or Record-Route is no SIP URI")
        if message.method in ("UPDATE", "PRACK") and not self._is_of_described_call(message):
            return self._refuse(address, message, _NO_CALL, "there is no description that it could update")
        audio_lines = len(message.audio_sections)
        if audio_lines > _MAX_AUDIO_LINES:
            return self._refuse(address, message, _NOT_ACCEPTABLE, "it has too many audio lines")
        if fault := self._fault_of_audio(message):
            return self._refuse(address, message, _NOT_ACCEPTABLE, fault)
        if not message.has_connections:
            return self._refuse(address, message, _NOT_ACCEPTABLE, "a media line has no connection address")
        if not message.has_plain_addresses:
            return self._refuse_addresses(address, message)
        if (contact := self._redirects.contact_for(message, _host_of(address))) is not None:
            logger.info("a call is redirected: another process has the line of %s", contact)
            self._responder.redirect(address, contact)
            return _HANDLED
        if message.method == "INVITE" and self._is_one_too_many(received, message):
            self._warn("all calls of this process are in use: a caller has to try again later (503)", "full")
            self._responder.postpone(address)
            return _HANDLED
        opens_sockets = message.method == "INVITE" or audio_lines > 0
        if opens_sockets and not self._media_budget.take(time.monotonic(), max(1, audio_lines)):
            self._warn("too many calls at once: an INVITE is left unanswered", "flood")
            return _HANDLED  # whoever means it sends it again after 500 ms
        return self._hand_on(address, message)

    def _fault_of_audio(self, message: SipMessage) -> str:
        """What is wrong with the audio of an offer or its keys, for pjsip answers 488 without saying why."""
        if message.method == "ACK":
            return ""  # an answer: it cannot be refused, and pjsip takes one key of it at most
        if len(message.key_lines) > _MAX_KEYS:
            return "it has too many SRTP keys"
        if message.has_only_dtls_audio:
            return "its audio is in DTLS-SRTP alone, as a browser's is, which this gateway does not speak"
        if self._requires_srtp and message.audio_sections and not message.has_secure_audio:
            return "its audio is not RTP/SAVP, and media.srtp is require"
        if message.has_only_misleading_keys:
            return "its audio has no SRTP key without an MKI and session parameters"
        return ""

    def _hand_on(self, address: int, message: SipMessage) -> int:
        """Tell a call what pjsua2 would not show it, and hide from pjsip what it would misread."""
        self._note_dialog(address, message)
        self._hide_misleading_keys(address, message)
        if message.method != "ACK":
            self._reject_dtls(address, message)
        is_answer = message.method == "ACK" and message.has_description
        is_request = message.method == "INFO" and message.asks_for_key_picture
        call = self._call_of(message) if is_answer or is_request else None
        if call is None:
            return _NOT_HANDLED
        if is_answer:
            self._hide_unasked_keys(address, message, call)
            call.answer_received(message.body)
            return _NOT_HANDLED
        self._responder.answer(address, _OK)
        call.key_picture_requested()
        return _HANDLED

    def _note_dialog(self, address: int, message: SipMessage) -> None:
        """Tell of a dialog that has begun by UDP, or ended, if somebody wants to know."""
        if self.on_dialog is None or message.method not in _DIALOG_ENDS:
            return
        if (ended := self._dialogs.ended(message)) is not None:
            self.on_dialog(ended)
        elif message.transport == "UDP":
            port = ReceivedData.from_address(address).source_port
            note = self._dialogs.began(message, _host_of(address), port)
            if note is not None:
                self.on_dialog(note)

    def _hide_unasked_keys(self, address: int, message: SipMessage, call: LiveCall | None) -> None:
        """Make unknown attributes of the keys in an answer to an offer without any.

        Phones that would like SRTP answer like that; they send and take RTP, and pjsip would end the call.
        """
        if call is None or call.offers_keys:
            return
        self._hide(address, message, message.key_lines)

    def _hide_misleading_keys(self, address: int, message: SipMessage) -> None:
        """Do the same to keys of audio that pjsip would take for plain ones.

        It reads over an MKI, and over parameters such as UNENCRYPTED_SRTP; the packets would not fit.
        """
        for section in message.audio_sections:
            self._hide(address, message, section.misleading_keys)

    def _reject_dtls(self, address: int, message: SipMessage) -> None:
        """Give audio in DTLS-SRTP port 0, so that pjsip rejects it and answers what else is offered."""
        for port in message.dtls_ports:
            self._overwrite(address, message, port, "0")

    def _hide(self, address: int, message: SipMessage, names: Iterable[int]) -> None:
        """Spoil names of attributes, which end there in the body."""
        for end in names:
            self._overwrite(address, message, range(end - 1, end), "-")

    @staticmethod
    def _overwrite(address: int, message: SipMessage, place: range, character: str) -> None:
        """Fill a place in the body, before pjsip reads it."""
        body = ReceivedData.from_address(address).body_address(len(message.body))
        ctypes.memset(body + place.start, ord(character), len(place))

    def _call_of(self, message: SipMessage, *, is_incoming: bool = False) -> LiveCall | None:
        """The call of a message; there are two by that name if a client has called another one here."""
        call_id = message.values("call-id")[0].encode("latin-1")
        calls = (call for call in self._live_calls if call.is_incoming or not is_incoming)
        return next((call for call in calls if call.has_id(call_id)), None)

    def _is_one_too_many(self, received: ReceivedData, message: SipMessage) -> bool:
        """Whether an INVITE is for a call for which pjsua has no place: it would answer 486."""
        is_new = received.to.contents.tag.length == 0  # or comes once more: then its call is there
        is_full = len(self._live_calls) >= self._max_calls
        return is_new and is_full and self._call_of(message, is_incoming=True) is None

    def _is_of_described_call(self, message: SipMessage) -> bool:
        call = self._call_of(message)
        return call is not None and call.is_described

    def _refuse(self, address: int, message: SipMessage, code: int, reason: str) -> int:
        self._warn(f"a request is refused with {code}: {reason}")
        if message.method != "ACK":  # nothing may answer that (RFC 3261 §17); pjsip asserts it
            self._responder.answer(address, code)
        return _HANDLED

    def _refuse_addresses(self, address: int, message: SipMessage) -> int:
        if message.method != "ACK":
            return self._refuse(
                address, message, _NOT_ACCEPTABLE, "an address in its description is no IP address"
            )
        return self._spoil(address, message)

    def _spoil(self, address: int, message: SipMessage) -> int:
        """Make a description that pjsip does not take: it ends the call then as it should, with a BYE."""
        self._warn(
            f"an answer is ignored: an address in its description is no IP address ({message.start_line})"
        )
        self._overwrite(address, message, range(len(message.body)), "?")
        return _NOT_HANDLED

    def _warn(self, text: str, about: str = "message") -> None:
        """Log once a second at most about the same: a peer decides how often there is a reason."""
        now_s = time.monotonic()
        if now_s - self._warned_s.get(about, -math.inf) >= 1.0:
            self._warned_s[about] = now_s
            logger.warning("%s", text)

    def _on_response(self, address: int) -> int:
        message = self._read(address)
        if message is None:
            return _NOT_HANDLED
        if not message.is_consistent:
            return _HANDLED
        received = ReceivedData.from_address(address)
        if message.status_code in CHALLENGES and self._finder.answers_ended_call(received):
            self._set_code(address, _NO_CALL)
            return _NOT_HANDLED
        self._note_dialog(address, message)
        if message.key_lines:
            self._hide_unasked_keys(address, message, self._call_of(message))
            self._hide_misleading_keys(address, message)
        if message.method == "REGISTER" and message.has_star_contact:
            return self._take_as_failed(address, message, 'its Contact is "*"')
        if message.method not in _DIALOG_METHODS:
            return _NOT_HANDLED
        if not message.routes_requests_by_sip:
            return self._take_as_failed(address, message, "its Contact or Record-Route is no SIP URI")
        return _NOT_HANDLED if message.has_plain_addresses else self._spoil(address, message)

    def _take_as_failed(self, address: int, message: SipMessage, reason: str) -> int:
        code = message.status_code or 0
        if code < 200:
            return _HANDLED  # as if it had been lost: the final response decides
        if code < 300:
            logger.warning("a %d to %s taken as 502: %s", code, message.method, reason)
            self._set_code(address, _BAD_ANSWER)
        return _NOT_HANDLED

    @staticmethod
    def _set_code(address: int, code: int) -> None:
        ReceivedData.from_address(address).message.contents.status.code = code

    def _read(self, address: int) -> SipMessage | None:
        try:
            text = ReceivedData.from_address(address).read()
            if text is not None:
                return SipMessage.parse(text)
            logger.error(
                "unknown build of pjsip: its messages cannot be checked, and a peer can end this process"
            )
        except Exception:
            logger.exception("error while checking a SIP message")
        return None


def _host_of(address: int) -> str:
    """Return the IP address that a message came from."""
    name: bytes = ReceivedData.from_address(address).source_name
    return name.decode("latin-1")
