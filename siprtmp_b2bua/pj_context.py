"""What accounts and calls need of the endpoint that they live in, without knowing the endpoint."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .bridge_clock import BridgeClock
from .config import GatewayConfig
from .pj_codecs import PjCodecs
from .pj_events import EventPoster
from .pj_media_tap import PjMediaTap
from .pj_thread import PjThread
from .rate_limit import RateLimit


class LiveCall(Protocol):
    """A call that pjsip holds."""

    def refuse(self, code: int) -> None:
        """Hang up; on the pjsip thread."""

    def has_id(self, call_id: bytes) -> bool:
        """Whether it is the call of this Call-ID."""

    @property
    def is_incoming(self) -> bool:
        """Whether the peer has made it."""

    @property
    def is_described(self) -> bool:
        """Whether it has a description that could be updated."""

    @property
    def offers_keys(self) -> bool:
        """Whether our last offer had keys of SRTP."""

    def answer_received(self, remote: str) -> None:
        """Hear the answer to an offer of ours that came where pjsua2 does not show it."""

    def key_picture_requested(self) -> None:
        """Hear that the peer asks for a key picture by SIP INFO."""


class RegisteredAccount(Protocol):
    """An account that requests can be for."""

    line_token: str

    def answers_for(self, user: str) -> bool:
        """Whether a request for `user` at this host is for this account."""


@dataclass(frozen=True, slots=True)
class PjContext:
    """The pjsip thread and what lives on it."""

    config: GatewayConfig
    thread: PjThread
    poster: EventPoster
    account_config: Callable[[], Any]
    """Makes pjsua2's AccountConfig with the settings that all accounts share."""
    clock: BridgeClock
    """For the loop."""
    media_budget: RateLimit
    """Who makes pjsip open RTP sockets takes from it; on the pjsip thread only."""
    codecs: PjCodecs = field(default_factory=PjCodecs)
    accounts: dict[int, RegisteredAccount] = field(default_factory=dict)
    """By pjsua's account id; changed on the pjsip thread only."""
    live_calls: set[LiveCall] = field(default_factory=set)
    """Changed on the pjsip thread only."""
    tap: PjMediaTap = field(default_factory=PjMediaTap)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def next_call_name(self) -> str:
        """Return a new call id for the log."""
        return f"call-{next(self._numbers)}"
