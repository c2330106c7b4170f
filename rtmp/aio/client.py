"""An RTMP client on asyncio."""

from __future__ import annotations

import asyncio
import logging
import ssl as ssl_module
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rtmp.aio.client_connect import ConnectingClient, credentials_for
from rtmp.aio.client_stream import ClientStream
from rtmp.amf0 import AmfValue
from rtmp.auth.client_auth import ClientAuth
from rtmp.auth.encoders import ENCODER
from rtmp.capabilities import Capabilities
from rtmp.client_session import ClientSession
from rtmp.commands import info_text
from rtmp.errors import CallFailed, ConnectionLost, ConnectRejected, RtmpError
from rtmp.events import (
    AudioReceived,
    CallReceived,
    ConnectAccepted,
    ConnectionClosed,
    ConnectRefused,
    DataReceived,
    ErrorReceived,
    Event,
    MessageIgnored,
    ResultReceived,
    StatusReceived,
    StreamCreated,
    UndecodedDataReceived,
    VideoReceived,
)
from rtmp.limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts
from rtmp.url import RtmpUrl

logger = logging.getLogger("rtmp")

_MAX_QUEUED_CALLS = 1000


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A method that the server called on us."""

    name: str
    arguments: tuple[AmfValue, ...]
    transaction_id: float = 0.0


@dataclass(frozen=True, slots=True)
class ClientStats:
    """Counters of a connection since its start."""

    bytes_received: int
    bytes_sent: int
    messages_received: int
    dropped_media: int


OnCall = Callable[[str, tuple[AmfValue, ...]], None]
OnStatus = Callable[[StatusReceived], None]


class RtmpClient(ConnectingClient):
    """A connection to a server (NetConnection). Made by `RtmpClient.connect`."""

    def __init__(
        self, session: ClientSession, timeouts: Timeouts = DEFAULT_TIMEOUTS, on_call: OnCall | None = None
    ) -> None:
        super().__init__(session, timeouts)
        self.on_call = on_call
        self.on_status: OnStatus | None = None
        """Both are forgotten when the connection has ended."""
        self._streams: dict[int, ClientStream] = {}
        self._calls: dict[float, asyncio.Future[AmfValue]] = {}
        self._creates: dict[float, asyncio.Future[ClientStream]] = {}
        self._incoming: asyncio.Queue[IncomingCall | None] = asyncio.Queue(_MAX_QUEUED_CALLS)
        self._closed: asyncio.Future[RtmpError | None] = self._loop.create_future()

    @classmethod
    async def connect(
        cls,
        url: str | RtmpUrl,
        *arguments: AmfValue,
        user: str | None = None,
        password: str | None = None,
        handshake: Literal["digest", "plain"] = "digest",
        object_encoding: int = 0,
        command_object: Mapping[str, AmfValue] | None = None,
        capabilities: Capabilities | None = None,
        on_call: OnCall | None = None,
        on_status: OnStatus | None = None,
        limits: Limits = DEFAULT_LIMITS,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        ssl: ssl_module.SSLContext | None = None,
        address: tuple[str, int] | None = None,
    ) -> RtmpClient:
        """Connect, and wait for the server's answer.

        `arguments` follow the command object; `address` is where to connect instead of the URL's host and
        port. `user` and `password`, or else the URL's, are for a server that asks for them by the methods
        "adobe" or "llnw", for which this connects up to three times; servers ask encoders, so a client that
        has them says that it is one (`rtmp.auth.encoders`). rtmps:// checks the certificate against the URL's
        host and the system's authorities; `ssl` is a context to use instead. Raises OSError (no TCP
        connection; ssl.SSLCertVerificationError), ConnectRejected (AuthenticationFailed), ConnectionLost
        (HandshakeTimeout, ConnectTimeout), RemoteProtocolError, LocalProtocolError (InvalidUrl).
        """
        parsed = url if isinstance(url, RtmpUrl) else RtmpUrl.parse(url)
        members = dict(command_object or {})
        credentials = credentials_for(parsed, user, password)
        if credentials is not None:
            members = {**ENCODER, **members}
        auth = ClientAuth(credentials, str(members.get("app", parsed.app)))
        auth_query = ""
        while True:
            session = ClientSession(
                parsed,
                arguments,
                command_object=members,
                capabilities=capabilities,
                auth_query=auth_query,
                digest=handshake == "digest",
                object_encoding=object_encoding,
                limits=limits,
            )
            client = cls(session, timeouts, on_call)
            client.on_status = on_status
            try:
                await client.open(ssl, address)
            except ConnectRejected as refused:
                auth_query = auth.next_query(refused)
            else:
                return client

    @property
    def server_capabilities(self) -> Capabilities:
        """What the server said of itself when it accepted `connect`."""
        return self.session.server_capabilities

    @property
    def closed(self) -> asyncio.Future[RtmpError | None]:
        """Done when the connection has ended; its result is the reason, None for an orderly end."""
        # shielded: a caller who gives up waiting must not cancel it for the others
        return asyncio.shield(self._closed)

    @property
    def stats(self) -> ClientStats:
        """Counters so far."""
        session = self.session
        return ClientStats(
            session.bytes_received, session.bytes_sent, session.messages_received, self.dropped_media
        )

    async def call(self, name: str, *arguments: AmfValue) -> AmfValue:
        """Call a method of the server; return the first value of its result.

        Raises CallFailed if the server answered `_error`, ConnectionLost if it did not answer.
        """
        self._check_alive_for_command()
        transaction_id = self.session.call(name, *arguments)
        self.commands_given()
        future: asyncio.Future[AmfValue] = self._loop.create_future()
        self._calls[transaction_id] = future
        try:
            return await future
        finally:
            self._calls.pop(transaction_id, None)

    def notify(self, name: str, *arguments: AmfValue) -> None:
        """Call a method of the server without wanting an answer. Raises ConnectionLost if closed."""
        self._check_alive_for_command()
        self.session.notify(name, *arguments)
        self.commands_given()

    async def create_stream(self) -> ClientStream:
        """Return a new message stream. Raises CallFailed, ConnectionLost."""
        self._check_alive_for_command()
        transaction_id = self.session.create_stream()
        self.commands_given()
        future: asyncio.Future[ClientStream] = self._loop.create_future()
        self._creates[transaction_id] = future
        try:
            return await future
        finally:
            self._creates.pop(transaction_id, None)

    async def next_call(self, timeout: float | None = None) -> IncomingCall:  # noqa: ASYNC109 - wanted in tests
        """Return the next method the server called on us, in order.

        Raises TimeoutError, and ConnectionLost once the connection is closed and the queue is empty.
        """
        if self._closing and self._incoming.empty():
            raise ConnectionLost("the connection is closed")
        async with asyncio.timeout(timeout):
            incoming = await self._incoming.get()
        if incoming is None:
            raise ConnectionLost("the connection is closed")
        return incoming

    async def wait_closed(self) -> RtmpError | None:
        """Wait for the end of the connection; return the reason."""
        return await self.closed

    # Events

    def _deliver(self, event: Event) -> None:
        match event:
            case AudioReceived() | VideoReceived() | DataReceived() | StatusReceived():
                self._on_stream_event(event)
            case CallReceived():
                self._on_incoming(event)
            case ResultReceived() | ErrorReceived():
                self._on_answer(event)
            case StreamCreated(stream_id, transaction_id):
                self._on_stream_created(stream_id, transaction_id)
            case ConnectAccepted() | ConnectRefused():
                self._take_connect_answer(event)
            case ConnectionClosed(reason):
                self._on_closed(reason)
            case UndecodedDataReceived() if self.session.undecoded_data == 1:
                logger.info("connection %s: data that cannot be decoded: %s", self.id, event.reason)
            case MessageIgnored():
                self._log_ignored(event)
            case _:
                pass

    def _on_stream_event(self, event: AudioReceived | VideoReceived | DataReceived | StatusReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            if isinstance(event, StatusReceived) and self.on_status is not None:
                self.on_status(event)
            return
        match event:
            case AudioReceived(_, timestamp_ms, payload):
                if stream.on_audio is not None:
                    stream.on_audio(timestamp_ms, payload)
            case VideoReceived(_, timestamp_ms, payload):
                if stream.on_video is not None:
                    stream.on_video(timestamp_ms, payload)
            case DataReceived(_, timestamp_ms, values):
                if stream.on_data is not None:
                    stream.on_data(timestamp_ms, values)
            case StatusReceived():
                stream.handle_status(event)

    def _on_incoming(self, event: CallReceived) -> None:
        if self._incoming.full():
            # nobody listens: keep the newest, as a reader who comes late wants the present
            self._incoming.get_nowait()
        self._incoming.put_nowait(IncomingCall(event.name, event.arguments, event.transaction_id))
        if self.on_call is not None:
            self.on_call(event.name, event.arguments)

    def _on_answer(self, event: ResultReceived | ErrorReceived) -> None:
        value = event.arguments[0] if event.arguments else None
        create = self._creates.get(event.transaction_id)
        call = self._calls.get(event.transaction_id)
        if isinstance(event, ErrorReceived):
            info = value if isinstance(value, Mapping) else {}
            error = CallFailed(info_text(value, "code"), info_text(value, "description"), info)
            for future in (create, call):
                if future is not None and not future.done():
                    future.set_exception(error)
        elif call is not None and not call.done():
            call.set_result(value)

    def _on_stream_created(self, stream_id: int, transaction_id: float) -> None:
        future = self._creates.get(transaction_id)
        if future is not None and not future.done():
            self._streams = {key: kept for key, kept in self._streams.items() if not kept.is_deleted}
            stream = self._streams[stream_id] = ClientStream(self, stream_id)
            future.set_result(stream)

    def _on_closed(self, reason: RtmpError | None) -> None:
        error = reason or ConnectionLost("the connection was closed")
        self._fail_connect(error)
        waiting: list[asyncio.Future[Any]] = [*self._calls.values(), *self._creates.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(error)
        for stream in self._streams.values():
            stream.handle_lost(error)
        self._streams.clear()
        self.on_call = self.on_status = None
        if self._incoming.full():
            self._incoming.get_nowait()
        self._incoming.put_nowait(None)
        if not self._closed.done():
            self._closed.set_result(reason)

    # Helpers

    def _check_alive_for_command(self) -> None:
        if self._closing:
            raise ConnectionLost("the connection is closed")
