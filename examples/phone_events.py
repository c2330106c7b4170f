"""What the gateway tells a client about its call: one class for each method that it calls on the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtmp.amf_value import AmfValue


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody calls; the texts are SIP addresses, such as `"Bob" <sip:bob@home.com>`."""

    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Ringing:
    """The callee is alerted; the status is such as `180 Ringing`."""

    status: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The call is up. Both codec names are None if the client named none; `video` also if there is none."""

    audio: str | None
    video: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Our call did not come about; the status is such as `486 Busy Here`."""

    status: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before we answered."""

    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Byed:
    """The other side hung up."""


@dataclass(frozen=True, slots=True)
class Holded:
    """The other side put us on hold, or took us off."""

    held: bool


@dataclass(frozen=True, slots=True)
class DtmfReceived:
    """The other side pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """The other side sent a text; `sender` is empty for a text within the call."""

    sender: str
    text: str


PhoneEvent = (
    Invited | Ringing | Accepted | Rejected | Cancelled | Byed | Holded | DtmfReceived | MessageReceived
)


def parse_event(name: str, arguments: Sequence[AmfValue]) -> PhoneEvent | None:
    """Make the event of a method call; None if it is a method that we do not know."""
    first, second = _text(arguments, 0), _text(arguments, 1)
    match name:
        case "invited":
            return Invited(first or "", second or "")
        case "ringing":
            return Ringing(first or "")
        case "accepted":
            return Accepted(first, second)
        case "rejected":
            return Rejected(first or "")
        case "cancelled":
            return Cancelled(first or "", second or "")
        case "byed":
            return Byed()
        case "holded":
            return Holded(bool(arguments and arguments[0] is True))
        case "receivedDTMF":
            return DtmfReceived(first or "")
        case "receivedMessage":
            return MessageReceived("", first or "")
        case "receivedPagingMessage":
            return MessageReceived(first or "", second or "")
        case _:
            return None


def _text(arguments: Sequence[AmfValue], index: int) -> str | None:
    value = arguments[index] if index < len(arguments) else None
    return value if isinstance(value, str) else None
