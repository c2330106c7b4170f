"""Our re-INVITEs in a call, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from .errors import SipError
from .pj_call import PjCall
from .pj_call_session import REQUEST_PENDING
from .video_sdp import VideoLine

_TRIES: Final = 40
_RETRY_S: Final = 0.05


class Renegotiation:
    """Waits for its turn, and for a re-INVITE of the peer's that may be under way (RFC 3261 §14.1).

    Its methods raise `SipError` 491 if that takes too long, and what pjsip says.
    """

    def __init__(self, sip: PjCall) -> None:
        self.is_held = False
        """Whether we hold the peer."""
        self._sip = sip
        self._lock = asyncio.Lock()

    async def hold(self, held: bool) -> None:
        """Put the peer on hold or take it off."""
        async with self._lock:
            if held != self.is_held:
                await _insist(lambda: self._sip.hold(held))
                self.is_held = held

    async def offer_video(self, line: VideoLine) -> None:
        """Offer video that the call has not had, or that the peer has rejected."""
        async with self._lock:
            await _insist(lambda: self._sip.offer_video(line))


async def _insist(request: Callable[[], Awaitable[None]]) -> None:
    for _ in range(_TRIES):
        try:
            return await request()
        except SipError as error:
            if error.code != REQUEST_PENDING:
                raise
        await asyncio.sleep(_RETRY_S)
    raise SipError(REQUEST_PENDING, "Request Pending")
