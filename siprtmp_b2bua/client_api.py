"""The methods that an RTMP client may call, with the types of their arguments. Only these are reachable."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from rtmp.amf0 import AmfValue

from .errors import RequestError
from .line import Line

Arguments = Sequence[AmfValue]

DTMF_KEYS: Final = re.compile(r"[0-9*#A-Da-d]{1,64}")
_STATUS: Final = re.compile(r"([3-6]\d\d)(?: ([^\x00-\x1f\x7f]{1,80}))?")
_MAX_CODECS: Final = 16


def _invite(line: Line, arguments: Arguments) -> Awaitable[None]:
    return line.invite(_text(arguments, 0, "destination"), _codecs(arguments[1:]))


def _accept(line: Line, arguments: Arguments) -> Awaitable[None]:
    return line.accept(_codecs(arguments))


def _reject(line: Line, arguments: Arguments) -> Awaitable[None]:
    if not arguments or arguments[0] is None:
        return line.reject(603, "Decline")
    match = _STATUS.fullmatch(_text(arguments, 0, "status").strip())
    if match is None:
        raise RequestError("reject takes a final SIP status such as '486 Busy Here'")
    return line.reject(int(match[1]), match[2] or "")


def _bye(line: Line, _arguments: Arguments) -> Awaitable[None]:
    return line.bye()


def _hold(line: Line, arguments: Arguments) -> Awaitable[None]:
    if not arguments or not isinstance(arguments[0], bool):
        raise RequestError("hold takes true or false")
    return line.hold(arguments[0])


def _send_dtmf(line: Line, arguments: Arguments) -> Awaitable[None]:
    digits = arguments[0] if arguments else ""
    if isinstance(digits, float | int) and not isinstance(digits, bool):
        digits = f"{digits:g}"  # ActionScript sends a lone digit as a Number
    if not isinstance(digits, str) or not DTMF_KEYS.fullmatch(digits):
        raise RequestError("sendDTMF takes digits out of 0-9 * # A-D")
    return line.send_dtmf(digits.upper())


COMMANDS: Final[dict[str, Callable[[Line, Arguments], Awaitable[None]]]] = {
    "invite": _invite,
    "accept": _accept,
    "reject": _reject,
    "bye": _bye,
    "hold": _hold,
    "sendDTMF": _send_dtmf,
}


def _text(arguments: Arguments, index: int, name: str) -> str:
    value = arguments[index] if index < len(arguments) else None
    if not isinstance(value, str) or not value.strip():
        raise RequestError(f"the {name} is missing or no string")
    return value


def _codecs(arguments: Arguments) -> list[str]:
    names = [value for value in arguments if value is not None]
    if len(names) > _MAX_CODECS:
        raise RequestError(f"more than {_MAX_CODECS} codecs")
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) != len(names):
        raise RequestError("codec names are strings")
    return texts
