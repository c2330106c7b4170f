"""What a worker is told. The supervisor is trusted, and these objects are pickled."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

from rtmp.aio.handover import Handover

from ..connect_request import LineKey


@dataclass(frozen=True, slots=True)
class Adopt:
    """Go on with a client's connection; its socket comes along."""

    handover: Handover


@dataclass(frozen=True, slots=True)
class KeepRegistered:
    """Register these accounts of the configuration, and keep them so; unregister all others."""

    aors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutOut:
    """Part with the client of this address and instance, which has come back to another worker."""

    key: LineKey


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send callers of a user to the SIP port of another worker, which has the user's line; 0: to none."""

    user: str
    sip_port: int


@dataclass(frozen=True, slots=True)
class TakeNoCalls:
    """All workers have as many calls together as there may be, or no longer."""

    is_full: bool


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no more calls; end when the last one has ended."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Hang up, unregister, and end."""


@dataclass(frozen=True, slots=True)
class TellStatus:
    """Report what goes on."""

    request: int


Command = Adopt | KeepRegistered | PutOut | Redirect | TakeNoCalls | Drain | Stop | TellStatus


def pack(command: Command) -> bytes:
    """Return the bytes of a command."""
    return pickle.dumps(command)


def unpack(message: bytes) -> Command:
    """Return the command that the supervisor packed."""
    command: Command = pickle.loads(message)  # noqa: S301 - from the supervisor, on a socket that nobody else has
    return command
