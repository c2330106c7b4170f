"""The calls of `benchmarks/soak.py`: one client, one call after another, in every way that a call can go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path

from benchmarks.call_load import invite_when_free
from benchmarks.local_process import HOST
from benchmarks.sipp_process import PASSWORD, USER, SippProcess
from examples.audio_probe import frames, tone
from examples.phone_events import Byed, Cancelled, Invited, Ringing
from examples.rtmp_phone import CallRefused, RtmpPhone

CODEC = "ulaw"
TALK_S = 0.2
TIMEOUT_S = 10.0


class Way(Enum):
    """How a call goes."""

    CLIENT_HANGS_UP = "answered, client hangs up"
    PHONE_HANGS_UP = "answered, phone hangs up"
    CLIENT_CANCELS = "cancelled by the client"
    PHONE_IS_BUSY = "refused by the phone"
    INCOMING_ACCEPTED = "incoming, accepted"
    INCOMING_REJECTED = "incoming, rejected"
    INCOMING_CANCELLED = "incoming, cancelled"


_INCOMING = (Way.INCOMING_ACCEPTED, Way.INCOMING_REJECTED, Way.INCOMING_CANCELLED)


def way_of(number: int) -> Way:
    """Every 10th call is cancelled, every 10th refused, every 20th comes in; the rest is answered."""
    match number % 10:
        case 3:
            return Way.CLIENT_CANCELS
        case 7:
            return Way.PHONE_IS_BUSY
        case _ if number % 20 == 9:
            return _INCOMING[number // 20 % len(_INCOMING)]
        case _:
            return Way.CLIENT_HANGS_UP if number % 10 in (0, 2, 5, 8) else Way.PHONE_HANGS_UP


class CallWentWrong(Exception):  # noqa: N818 - named for what happened
    """A call ended otherwise than it should have."""


class Phones:
    """The SIP side: a phone for each way that it can treat a call."""

    def __init__(self, directory: Path) -> None:
        texts = {"rtpmap": "PCMU/8000"}
        self.answering = SippProcess("answer", directory, texts=texts)
        self.hanging_up = SippProcess(
            "answer_then_bye", directory, texts=texts, pause_ms=round(TALK_S * 1000)
        )
        self.busy = SippProcess("busy", directory)
        self.ringing = SippProcess("ring_until_cancel", directory)
        self.registrar = SippProcess("registrar", directory)

    @property
    def all(self) -> tuple[SippProcess, ...]:
        """All of them."""
        return (self.answering, self.hanging_up, self.busy, self.ringing, self.registrar)


class SoakClient:
    """The client that makes and takes the calls."""

    def __init__(self, url: str, phones: Phones, directory: Path, sip_port: int) -> None:
        self._url = url
        self._phones = phones
        self._directory = directory
        self._sip_port = sip_port
        self._phone: RtmpPhone | None = None
        self._sound = list(frames(tone(16000, TALK_S), 640))

    @property
    def phone(self) -> RtmpPhone:
        """The connected client."""
        assert self._phone is not None
        return self._phone

    async def connect(self) -> None:
        """Connect and register."""
        self._phone = await RtmpPhone.connect(self._url, USER, PASSWORD, "Soak")

    async def close(self) -> None:
        """Unregister and disconnect."""
        if self._phone is not None:
            await self._phone.close()
            self._phone = None

    async def call(self, way: Way) -> None:
        """Make one call; raises CallWentWrong, and what RtmpPhone raises."""
        await self._forget_events()
        works: dict[Way, Callable[[], Awaitable[None]]] = {
            Way.CLIENT_HANGS_UP: self._client_hangs_up,
            Way.PHONE_HANGS_UP: self._phone_hangs_up,
            Way.CLIENT_CANCELS: self._client_cancels,
            Way.PHONE_IS_BUSY: self._phone_is_busy,
            Way.INCOMING_ACCEPTED: self._incoming_accepted,
            Way.INCOMING_REJECTED: self._incoming_rejected,
            Way.INCOMING_CANCELLED: self._incoming_cancelled,
        }
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await works[way]()
        except TimeoutError:
            raise CallWentWrong(f"not over after {TIMEOUT_S:g} s") from None

    async def _client_hangs_up(self) -> None:
        await invite_when_free(self.phone, self._phones.answering.uri, CODEC)
        await self._talk()
        await self.phone.bye()

    async def _phone_hangs_up(self) -> None:
        await invite_when_free(self.phone, self._phones.hanging_up.uri, CODEC)
        await self._talk()
        await self.phone.wait_for(Byed)

    async def _client_cancels(self) -> None:
        inviting = asyncio.create_task(invite_when_free(self.phone, self._phones.ringing.uri, CODEC))
        try:
            await self.phone.wait_for(Ringing)
            await self.phone.bye()
        finally:
            inviting.cancel()
            await asyncio.gather(inviting, return_exceptions=True)

    async def _phone_is_busy(self) -> None:
        try:
            await invite_when_free(self.phone, self._phones.busy.uri, CODEC)
        except CallRefused as refused:
            if refused.status.startswith("486 "):
                return
            raise CallWentWrong(f"refused with {refused.status} instead of 486") from None
        raise CallWentWrong("a busy phone was reached")

    async def _incoming_accepted(self) -> None:
        async with self._caller("call") as caller:
            await self.phone.wait_for(Invited)
            await self.phone.accept(CODEC)
            await self._talk()
            await self.phone.bye()
            await caller.wait_successful()

    async def _incoming_rejected(self) -> None:
        async with self._caller("call_refused") as caller:
            await self.phone.wait_for(Invited)
            await self.phone.reject("486 Busy Here")
            await caller.wait_successful()

    async def _incoming_cancelled(self) -> None:
        async with self._caller("call_then_cancel") as caller:
            await self.phone.wait_for(Invited)
            await self.phone.wait_for(Cancelled)
            await caller.wait_successful()

    def _caller(self, scenario: str) -> _Caller:
        return _Caller(scenario, self._directory, pause_ms=100, remote=(HOST, self._sip_port), service=USER)

    async def _talk(self) -> None:
        await self.phone.send_in_real_time(self._sound)
        if not self.phone.counters.received:
            raise CallWentWrong("no audio came")

    async def _forget_events(self) -> None:
        while True:
            try:
                await self.phone.next_event(0)
            except TimeoutError:
                return


class _Caller(SippProcess):
    """A phone that calls the client once."""

    async def wait_successful(self) -> None:
        """Wait for the end of its call; raises CallWentWrong if that was not as the scenario has it."""
        while self.returncode is None:  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)
        if self.returncode:
            raise CallWentWrong(f"the caller saw another end: {self.errors()[-1000:]}")
