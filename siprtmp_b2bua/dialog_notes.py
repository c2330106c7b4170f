"""What a stranger has to know of a call's dialog to end it, learnt from the messages that come in. No I/O.

If the process that has a call dies, its peer would go on to send, for minutes or for good. Whoever has these
notes can send the BYE.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .sip_message import SipMessage

_Value = TypeVar("_Value")

_MAX_NOTES: Final = 4096
_MAX_TEXT: Final = 2048
_CSEQ_LEAP: Final = 10_000
"""Beyond any number that the call itself has used for its requests."""


class DialogNote(BaseModel):
    """A dialog, from the side that ends it (RFC 3261 §12.2.1.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call_id: str = Field(max_length=_MAX_TEXT)
    local: str = Field(max_length=_MAX_TEXT)
    """Our address, as it stands in From, with our tag."""
    remote: str = Field(max_length=_MAX_TEXT)
    """The peer's, as it stands in To, with its tag."""
    target: str = Field(max_length=_MAX_TEXT)
    """The URI of the peer's Contact."""
    routes: tuple[str, ...] = Field(default=(), max_length=16)
    """Values of Route, in order."""
    cseq: int = Field(ge=0, lt=1 << 31)
    host: str = Field(max_length=64)
    """Where the peer's messages come from: an IP address."""
    port: int = Field(ge=1, le=65535)


@dataclass(frozen=True, slots=True)
class _Invited:
    """An INVITE that came, which its ACK says too little of."""

    target: str
    routes: tuple[str, ...]


class DialogNotes:
    """Learns of dialogs by UDP from each message that comes; the newest some thousand."""

    def __init__(self) -> None:
        self._invited: OrderedDict[str, _Invited] = OrderedDict()
        self._noted: OrderedDict[str, None] = OrderedDict()

    def began(self, message: SipMessage, host: str, port: int) -> DialogNote | None:
        """Return the note of a dialog that this message has made, None for any other message."""
        call_id = message.values("call-id")[0]
        if message.method == "INVITE" and message.status_code is None:
            _remember(self._invited, call_id, _Invited(*_way(message)))
        if call_id in self._noted:
            return None
        from_, to = message.values("from")[0], message.values("to")[0]
        if message.method == "ACK" and (invited := self._invited.pop(call_id, None)) is not None:
            note = _note(call_id, to, from_, invited, 1, host, port)
        elif message.method == "INVITE" and 200 <= (message.status_code or 0) < 300:
            target, routes = _way(message)
            number = message.values("cseq")[0].split()[0]
            cseq = int(number) if number.isdecimal() else 1
            note = _note(call_id, from_, to, _Invited(target, routes[::-1]), cseq, host, port)
        else:
            return None
        if note is not None:
            _remember(self._noted, call_id, None)
        return note

    def ended(self, message: SipMessage) -> str | None:
        """Return the Call-ID of a dialog that was noted, if this message is its BYE or the answer to it."""
        call_id = message.values("call-id")[0]
        if message.method == "BYE" and call_id in self._noted:
            del self._noted[call_id]
            return call_id
        return None


def _note(
    call_id: str, local: str, remote: str, way: _Invited, cseq: int, host: str, port: int
) -> DialogNote | None:
    try:
        return DialogNote(
            call_id=call_id,
            local=local,
            remote=remote,
            target=way.target,
            routes=way.routes,
            cseq=min(cseq + _CSEQ_LEAP, (1 << 31) - 1),
            host=host,
            port=port,
        )
    except ValueError:
        return None  # the peer's headers are longer than any that is worth a BYE


def _way(message: SipMessage) -> tuple[str, tuple[str, ...]]:
    """The URI of the Contact, and the values of Record-Route in their order."""
    contact = next(iter(message.values("contact")), "")
    _, bracket, rest = contact.partition("<")
    target = rest.partition(">")[0] if bracket else contact.partition(";")[0]
    routes = [route.strip() for value in message.values("record-route") for route in value.split(",")]
    return target.strip(), tuple(filter(None, routes))


def _remember(notes: OrderedDict[str, _Value], key: str, value: _Value) -> None:
    notes[key] = value
    if len(notes) > _MAX_NOTES:
        notes.popitem(last=False)
