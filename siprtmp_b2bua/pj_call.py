"""One SIP call for the asyncio loop: commands in, events out to a `CallListener`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from media_bridge.pj_port import PcmPort

from .client_codecs import CodecPreference
from .pj_call_object import PjCallObject
from .pj_call_session import PjCallSession
from .pj_context import PjContext
from .pj_events import AudioArrival, AudioProgress, CallListener, StreamStats
from .pj_operations import request_key_picture, ring
from .video_sdp import VideoLine


class PjCall:
    """A call of ours. Its methods are for the loop; what they ask for happens on the pjsip thread."""

    def __init__(self, context: PjContext, listener: CallListener | None, name: str) -> None:
        self.session = PjCallSession(context, listener, name)
        """The same call, on the pjsip thread."""
        self._context = context
        self._name = name

    @property
    def name(self) -> str:
        """The call's id in the log."""
        return self._name

    def listen(self, listener: CallListener) -> None:
        """Set who hears of an incoming call, in the turn that learns of it."""
        self.session.reports.listener = listener

    async def make(
        self,
        account: Any,
        destination: str,
        preference: CodecPreference,
        local: str,
        video: VideoLine | None = None,
    ) -> None:
        """Send an INVITE; with `video`, that is offered. `local` is our address, "" for that of the account.

        Raises `SipError` if pjsip cannot, `CapacityError` if all call slots are taken.
        """
        await self._context.thread.run(
            lambda: self.session.make(account, destination, preference, local, video)
        )

    async def ring(self) -> None:
        """Answer an incoming call with 180."""
        await self._run(ring)

    async def accept(self, preference: CodecPreference, video: VideoLine | None = None) -> None:
        """Answer an incoming call with 200 and the best of `preference` that was offered, and with `video`.

        Where the INVITE has no offer, the 200 has ours, as an INVITE would. Raises `SipError`: 488 if no
        audio was offered, 503 if there are too many calls at once. The call still waits for its answer, then.
        """
        await self._run(lambda call: self.session.accept(call, preference, video))

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        """BYE, CANCEL, or the final answer `code` to an incoming call. Does nothing if the call is gone."""

        await self._context.thread.run(lambda: self.session.refuse(code, reason))

    async def hold(self, hold: bool) -> None:
        """Put the peer on hold or take it off; raises `SipError` 491 while a re-INVITE is under way."""
        await self._run(lambda call: self.session.hold(call, hold))

    async def offer_video(self, video: VideoLine) -> None:
        """Send a re-INVITE that offers video; raises as `hold`, and `CapacityError`."""
        await self._run(lambda call: self.session.offer_video(call, video))

    async def dial_dtmf(self, digits: str) -> None:
        """Send `digits` as telephone-events, or by SIP INFO if the peer did not agree to those.

        With x-flv by SIP INFO: nothing is in the bridge, and telephone-events go by its clock.
        """
        await self._run(lambda call: self.session.audio.dial(call, digits))

    async def request_key_picture(self) -> None:
        """Ask the peer for a key picture by SIP INFO."""
        await self._run(request_key_picture)

    async def wait_for_bridge(self) -> None:
        """Wait for the moment to `attach`: now, or if no call is in the bridge, when its clock can start."""
        await self._context.clock.wait_for_tag()

    async def attach(self, make_port: Callable[[], PcmPort]) -> None:
        """Make a port and connect it both ways with the call's audio, now and after each renegotiation.

        The port is closed when the call ends.
        """
        await self._run(lambda call: self.session.audio.attach(call, make_port()))

    async def detach(self) -> None:
        """Take the port out of the bridge again."""
        await self._run(lambda _: self.session.audio.leave_bridge())

    async def stats(self) -> StreamStats | None:
        """RTP counters, or None while no audio runs."""
        return await self._context.thread.run(lambda: self.session.audio.stats(self.session.call))

    async def audio_progress(self, count_ticks: Callable[[], int]) -> AudioProgress | None:
        """What is under way of the audio, None while none runs; `count_ticks` counts those of the bridge."""
        return await self._context.thread.run(
            lambda: self.session.audio.progress(self.session.call, count_ticks)
        )

    def take_audio_arrivals(self) -> list[AudioArrival]:
        """Return what has come of the peer's audio since the last time, where the call has video."""
        return self.session.audio.take_arrivals()

    async def _run(self, command: Callable[[PjCallObject], None]) -> None:
        await self._context.thread.run(lambda: self.session.execute(command))
