"""A softphone that is an RTMP client of the gateway. See docs/client-api.md for the calls behind it.

phone = await RtmpPhone.connect("rtmp://127.0.0.1/sip/anonymous@invalid", display_name="Ann")
accepted = await phone.invite("sip:echo@127.0.0.1:5080", "wideband", "dtmf")
phone.on_frame = lambda frame: print(frame.timestamp_ms, len(frame.pcm))
await phone.send_in_real_time(frames_of_pcm)
await phone.bye()
await phone.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from examples.phone_audio import (
    AudioCounters,
    AudioReceiver,
    ReceivedFrame,
    SendCodec,
    TagEncoder,
    send_in_real_time,
)
from examples.phone_events import Accepted, Byed, Cancelled, PhoneEvent, Rejected, parse_event
from media_bridge.frames import Payload
from rtmp.aio import ClientStream, RtmpClient
from rtmp.amf_value import AmfValue
from rtmp.errors import ConnectionLost, RtmpError
from rtmp.events import StatusReceived
from rtmp.limits import Timeouts

E = TypeVar("E", bound=PhoneEvent)

_MAX_EVENTS: Final = 1000

_TIMEOUTS: Final = Timeouts(connect=30.0)
"""The gateway answers `connect` when the registrar has answered, or has not for 10 s."""


class CallRefused(Exception):  # noqa: N818 - named for what happened
    """A call did not come about; `status` says why, as SIP does: `486 Busy Here`."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class RtmpPhone:
    """One connection, with one registration and at most one call. Made by `RtmpPhone.connect`.

    Every command raises `CallFailed` if the gateway does not allow it now, and `ConnectionLost`.
    """

    def __init__(self, client: RtmpClient) -> None:
        self.client = client
        self.counters = AudioCounters()
        self._receiver = AudioReceiver(self.counters)
        self._encoder = TagEncoder(SendCodec.SPEEX_WIDEBAND)
        self._publisher: ClientStream | None = None
        self.on_audio: Callable[[int, Payload], None] | None = None
        """Called on the loop with the time in ms and the FLV tag of each audio message that comes."""
        self.on_video: Callable[[int, Payload], None] | None = None
        """Called on the loop with the time in ms and the FLV tag of each picture that comes."""
        self._events: asyncio.Queue[PhoneEvent | None] = asyncio.Queue()
        self._outcome: asyncio.Future[Accepted] | None = None
        self._is_in_call = False
        self._close_reason = ""
        client.on_call = self._on_call
        client.on_status = self._on_status
        client.closed.add_done_callback(self._on_closed)

    @classmethod
    async def connect(
        cls, url: str, login: str = "", password: str = "", display_name: str = "", rate: str | None = None
    ) -> RtmpPhone:
        """Connect to `rtmp://HOST/sip/USER@DOMAIN`, and register if there is a password.

        Then publish `local` and play `remote`. `rate` is `wideband` or `narrowband`. Raises OSError (no such
        server), ConnectRejected (the registrar refused; its description is such as `403 Forbidden`), and what
        else `RtmpClient.connect` raises.
        """
        arguments = (login, password, display_name) if rate is None else (login, password, display_name, rate)
        early: list[tuple[str, tuple[AmfValue, ...]]] = []  # a call may come with the answer to connect
        client = await RtmpClient.connect(
            url, *arguments, on_call=lambda *call: early.append(call), timeouts=_TIMEOUTS
        )
        phone = cls(client)
        for call in early:
            phone._on_call(*call)
        try:
            await phone._open_streams()
        except BaseException:
            phone.client.abort()
            raise
        return phone

    async def close(self) -> None:
        """Hang up, unregister and disconnect."""
        self.client.close()
        await self.client.wait_closed()

    # -- the call ------------------------------------------------------------------------------------------

    async def invite(self, destination: str, *codecs: str) -> Accepted:
        """Call, and return when the call is up. Raises CallRefused with the status of the refusal.

        If you stop waiting, by a time-out for instance, the other side goes on ringing until you say `bye`.
        """
        return await self._begin_call("invite", destination, *codecs)

    async def accept(self, *codecs: str) -> Accepted:
        """Answer the call that `Invited` told of. Raises CallRefused if it is gone, or no codec fits."""
        return await self._begin_call("accept", *codecs)

    async def reject(self, status: str = "486 Busy Here") -> None:
        """Refuse the call that `Invited` told of."""
        await self.client.call("reject", status)

    async def bye(self) -> None:
        """Hang up, or give up a call that rings; no event follows, as you know already."""
        self._is_in_call = False
        self._settle(Cancelled("", ""))
        await self.client.call("bye")

    async def hold(self, held: bool) -> None:
        """Put the other side on hold, or take it off."""
        await self.client.call("hold", held)

    async def send_dtmf(self, digits: str) -> None:
        """Press keys: `0-9*#A-D`."""
        await self.client.call("sendDTMF", digits)

    @property
    def is_in_call(self) -> bool:
        """Whether a call is up."""
        return self._is_in_call

    async def next_event(self, timeout_s: float | None = None) -> PhoneEvent:
        """Return the oldest event not yet taken.

        Raises TimeoutError, and ConnectionLost once the connection has ended and all events are taken.
        """
        async with asyncio.timeout(timeout_s):
            event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)
            raise ConnectionLost(self._close_reason or "the connection was closed")
        return event

    async def wait_for(self, kind: type[E], timeout_s: float | None = None) -> E:
        """Take events until one is of this kind, and return that. Raises what `next_event` raises."""
        async with asyncio.timeout(timeout_s):
            while True:
                event = await self.next_event()
                if isinstance(event, kind):
                    return event

    # -- the audio -----------------------------------------------------------------------------------------

    @property
    def on_frame(self) -> Callable[[ReceivedFrame], None] | None:
        """Called on the loop for each frame that comes; while it is None, audio is counted, not decoded."""
        return self._receiver.on_frame

    @on_frame.setter
    def on_frame(self, callback: Callable[[ReceivedFrame], None] | None) -> None:
        self._receiver.on_frame = callback

    @property
    def send_codec(self) -> SendCodec:
        """How `send_pcm` encodes. Every `accepted` sets it; you may set another, even within a call."""
        return self._encoder.codec

    @send_codec.setter
    def send_codec(self, codec: SendCodec) -> None:
        if codec is not self._encoder.codec:
            self._encode_anew(codec)

    def _encode_anew(self, codec: SendCodec) -> None:
        self._encoder = TagEncoder(codec, self._encoder.next_timestamp_ms)

    def send_pcm(self, pcm: Payload) -> None:
        """Send one frame: 20 ms of mono 16-bit PCM at `send_codec.rate_hz`. Raises ValueError."""
        assert self._publisher is not None
        timestamp_ms, tag = self._encoder.encode(pcm)
        self._publisher.send_audio(timestamp_ms, tag)
        self.counters.sent += 1

    async def send_in_real_time(
        self, frames: Iterable[bytes], on_sent: Callable[[float, bytes], None] | None = None
    ) -> float:
        """Send a frame every 20 ms, see `phone_audio`; returns how late the latest was, in seconds."""
        return await send_in_real_time(frames, self.send_pcm, on_sent=on_sent)

    @property
    def publisher(self) -> ClientStream:
        """The stream `local`; its `on_status` hears when the other side needs a key frame."""
        assert self._publisher is not None
        return self._publisher

    def send_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV audio tag of any codec."""
        self.publisher.send_audio(timestamp_ms, tag)

    def send_video(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV video tag: the configuration of H.264 first, then pictures."""
        self.publisher.send_video(timestamp_ms, tag)

    # -- helpers -------------------------------------------------------------------------------------------

    async def _open_streams(self) -> None:
        self._publisher = await self.client.create_stream()
        await self._publisher.publish("local")
        player = await self.client.create_stream()
        player.on_audio = self._receive_audio
        player.on_video = self._receive_video
        await player.play("remote")

    def _receive_audio(self, timestamp_ms: int, tag: Payload) -> None:
        if self.on_audio is not None:
            self.on_audio(timestamp_ms, tag)
        self._receiver.receive(timestamp_ms, tag)

    def _receive_video(self, timestamp_ms: int, tag: Payload) -> None:
        if self.on_video is not None:
            self.on_video(timestamp_ms, tag)

    async def _begin_call(self, command: str, *arguments: AmfValue) -> Accepted:
        outcome: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._outcome = outcome
        self.counters = AudioCounters()
        self._receiver.begin(self.counters)
        self._encode_anew(self.send_codec)  # as the gateway decodes it anew
        try:
            await self.client.call(command, *arguments)
            return await outcome
        finally:
            self._outcome = None
            if not outcome.cancel() and not outcome.cancelled():
                outcome.exception()  # seen, even if the command itself failed first

    def _on_call(self, name: str, arguments: tuple[AmfValue, ...]) -> None:
        event = parse_event(name, arguments)
        if event is None:
            return
        if isinstance(event, Accepted):
            self._is_in_call = True
            self.send_codec = SendCodec.of_accepted(event.audio)
        elif isinstance(event, Byed):
            self._is_in_call = False
        self._settle(event)
        if self._events.qsize() >= _MAX_EVENTS:
            self._events.get_nowait()  # nobody listens: keep the newest
        self._events.put_nowait(event)

    def _settle(self, event: PhoneEvent) -> None:
        """Tell invite() or accept() how it went."""
        outcome = self._outcome
        if outcome is None or outcome.done():
            return
        match event:
            case Accepted():
                outcome.set_result(event)
            case Rejected(status):
                outcome.set_exception(CallRefused(status))
            case Cancelled() | Byed():
                outcome.set_exception(CallRefused("487 Request Terminated"))
            case _:
                pass

    def _on_status(self, status: StatusReceived) -> None:
        if status.code == "NetConnection.Connect.Closed":
            self._close_reason = status.description

    def _on_closed(self, closed: asyncio.Future[RtmpError | None]) -> None:
        self._is_in_call = False
        error = closed.result() or ConnectionLost(self._close_reason or "the connection was closed")
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(error)
        self._events.put_nowait(None)
