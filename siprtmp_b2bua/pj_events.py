"""What crosses from the pjsip thread to the asyncio loop, and who listens there."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, ParamSpec, Protocol

from .sdp import SdpCodec
from .video_agreement import VideoAgreement

P = ParamSpec("P")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamStats:
    """RTP counters of a call's audio, from RTCP and pjmedia's jitter buffer."""

    packets_received: int
    packets_lost: int
    packets_discarded: int
    packets_sent: int
    jitter_ms: float
    round_trip_ms: float | None
    """None before the peer has reported."""
    buffered_ms: float
    """What is in the jitter buffer."""


@dataclass(frozen=True, slots=True)
class SentAudio:
    """How far a call's audio towards the peer has come after so many ticks of the bridge.

    `began_s` is when its stream was made, in Unix time; the timestamps are those of RTP, the first one before
    any packet.
    """

    began_s: float
    first_timestamp: int
    last_timestamp: int
    rate_hz: int
    bridge_ticks: int


@dataclass(frozen=True, slots=True)
class AudioProgress:
    """What is under way of a call's audio: `waiting_ms` is in the jitter buffer of what came from the peer.

    `sent` is None before anything was sent, and where a tick of the bridge came between.
    """

    sent: SentAudio | None
    waiting_ms: int


class AudioArrival(NamedTuple):
    """A packet of a call's audio that came at `now_s` of the monotonic clock; one with `unix_s` is a sender
    report, which says that the timestamp is of that moment.
    """

    ssrc: int
    timestamp: int
    now_s: float
    unix_s: float | None = None


class CallListener(Protocol):
    """Hears of one SIP call. Methods run on the asyncio loop, in the order in which things happened."""

    def on_progress(self, code: int, reason: str) -> None:
        """Hear a provisional response over 100 (outgoing calls)."""

    def on_answered(self) -> None:
        """Hear that the call is established: 200 was answered, or our 200 was acknowledged."""

    def on_audio(self, codec: SdpCodec) -> None:
        """Hear that an RTP stream runs with `codec`; comes again after each renegotiation."""

    def on_video(self, video: VideoAgreement | None) -> None:
        """Hear what both sides agreed on for video, None if it was rejected; comes when that has changed."""

    def on_key_picture_requested(self) -> None:
        """Hear that the peer asks for a key picture by SIP INFO."""

    def on_remote_hold(self, held: bool) -> None:
        """Hear that the peer put us on hold or took us off it."""

    def on_disconnected(self, code: int, reason: str) -> None:
        """Hear that the call is gone, always the last; `code` is the INVITE's final status, 200 for BYE."""


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """A registrar's answer. `expires_s` is 0 when the binding is gone."""

    code: int
    reason: str
    expires_s: int

    @property
    def is_registered(self) -> bool:
        """Whether the registrar holds our binding."""
        return 200 <= self.code < 300 and self.expires_s > 0


class EventPoster:
    """Calls functions on the asyncio loop from any thread; after `close` it does nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._closed = False

    def post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have `function` called soon on the loop."""
        if self._closed:
            return
        try:
            self._loop.call_soon_threadsafe(functools.partial(function, *args, **kwargs))
        except RuntimeError:
            # The loop has been closed under us: the program is ending and nobody listens any more.
            self._closed = True

    def close(self) -> None:
        """Drop what is posted from now on."""
        self._closed = True


def peer_text(text: str) -> str:
    """Return text of a peer's as valid Unicode: pjsua2 makes lone surrogates of what is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def guarded(callback: Callable[P, None]) -> Callable[P, None]:
    """Wrap a pjsua2 callback: a Python error that reached C++ would end the process."""

    @functools.wraps(callback)
    def safe(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:
            logger.exception("error in pjsua2 callback %s", callback.__name__)

    return safe
