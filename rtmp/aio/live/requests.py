"""Who asks a live application for what, and how it says no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from rtmp.amf_value import AmfValue
from rtmp.relay.names import StreamName


class Purpose(Enum):
    """What a stream is asked for."""

    PUBLISH = "publish"
    PLAY = "play"


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """Somebody wants to publish or play; what an `Authorize` decides on."""

    purpose: Purpose
    stream: StreamName
    peername: str
    connect_arguments: tuple[AmfValue, ...] = field(repr=False)  # may hold passwords
    user: str = ""
    """Who the client has proved to be; empty: it has not."""


class Refused(Exception):  # noqa: N818 - named for what happened
    """The request is refused; the text is for the client."""


Authorize = Callable[[LiveRequest], None]
"""Raises Refused."""


class Republish(Enum):
    """What becomes of a publisher whose name somebody else wants to publish."""

    REFUSE = "refuse"
    """It stays, and the other is refused with NetStream.Publish.BadName."""
    REPLACE = "replace"
    """It is closed: an encoder that lost its connection may be back before the server has noticed."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """How much a live application takes, in all and from one address (`address_group`).

    Players count whether their stream is published or not: a name that is waited for costs as much. A
    recording takes a thread and a file, until it is whole.
    """

    max_streams: int = 1000
    max_streams_per_address: int = 200
    max_players: int = 10_000
    max_players_per_address: int = 2000
    max_recordings: int = 100
    max_recordings_per_address: int = 20


DEFAULT_LIVE_LIMITS = LiveLimits()
