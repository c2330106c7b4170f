"""The handler of one connection to a live application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from rtmp.aio.live.client import LiveClient
from rtmp.aio.live.playing import LivePlaying
from rtmp.aio.live.publishing import LivePublishing
from rtmp.aio.live.services import LiveServices
from rtmp.aio.server import ServerConnection
from rtmp.auth.encoders import is_encoder
from rtmp.auth.server_auth import AuthRefused
from rtmp.capabilities import ANY_CODEC, Capabilities, CapsEx, FourCcInfo
from rtmp.errors import TransportReset
from rtmp.events import (
    BufferLengthSet,
    CallReceived,
    ConnectionClosed,
    ConnectRequested,
    DataReceived,
    Event,
    PauseRequested,
    PlayQueued,
    PlayRequested,
    PublishRequested,
    ReceiveChanged,
    SeekRequested,
    StreamClosed,
    StreamCreated,
    StreamLengthRequested,
    UndecodedDataReceived,
)

# A relay looks into no codec: it forwards every one.
CAPABILITIES: Final = Capabilities(
    four_ccs=(ANY_CODEC,),
    video={ANY_CODEC: FourCcInfo.CAN_FORWARD},
    audio={ANY_CODEC: FourCcInfo.CAN_FORWARD},
    caps_ex=CapsEx.MULTITRACK | CapsEx.MOD_EX | CapsEx.TIMESTAMP_NANO_OFFSET,
)


class LiveConnection:
    """Hands the client's events to what it publishes and what it plays."""

    def __init__(self, services: LiveServices, connection: ServerConnection) -> None:
        self._connection = connection
        self._auth = services.auth
        self._client = LiveClient(services, connection)
        self._publishing = LivePublishing(services, self._client)
        self._playing = LivePlaying(services, self._client)

    def on_event(self, event: Event) -> None:
        """Take an event of the connection."""
        if (handler := _HANDLERS.get(type(event))) is not None:
            handler(self, event)

    def _on_connect(self, event: ConnectRequested) -> None:
        client = self._client
        client.app, client.connect_arguments = event.app, event.arguments
        if self._auth is not None and is_encoder(event.app, event.command_object):
            answer = self._auth.check(event.app, asyncio.get_running_loop().time())
            if isinstance(answer, AuthRefused):
                self._refuse_connect(answer)
                return
            client.app, client.user = answer.app, answer.user
        self._connection.accept_connect(event, extra=CAPABILITIES.to_command_object())

    def _refuse_connect(self, refused: AuthRefused) -> None:
        if refused.is_final:
            self._client.log(f"connect refused: it did not prove to be {refused.user!r}")
        self._connection.reject_connect(description=refused.description)

    def _on_call(self, event: CallReceived) -> None:
        if event.transaction_id:
            self._connection.respond_error(
                event.transaction_id, description=f"there is no method {event.name[:60]}"
            )

    def _on_stream_closed(self, event: StreamClosed) -> None:
        self._client.cancel(event.stream_id)
        self._publishing.close(event.stream_id)
        self._playing.close(event.stream_id)

    def _on_closed(self, event: ConnectionClosed) -> None:
        self._client.cancel_all()
        if event.reason is None:
            return
        if isinstance(event.reason, TransportReset) and not self._client.has_published:
            self._client.log("gone")  # a player that is closed while media are on their way to it
        else:
            self._client.log(f"lost: {event.reason}")


# Not in the connection: bound methods there would hold it in a circle, which only the collector could free.
_HANDLERS: Final[Mapping[type[Event], Callable[[LiveConnection, Any], None]]] = {
    ConnectRequested: LiveConnection._on_connect,
    PublishRequested: lambda live, event: live._publishing.request(event),
    DataReceived: lambda live, event: live._publishing.take_data(event),
    UndecodedDataReceived: lambda live, event: live._publishing.take_undecoded_data(event),
    PlayRequested: lambda live, event: live._playing.request(event),
    PlayQueued: lambda live, event: live._playing.go_on(event),
    PauseRequested: lambda live, event: live._playing.pause(event),
    SeekRequested: lambda live, event: live._playing.seek(event),
    BufferLengthSet: lambda live, event: live._playing.set_buffer_length(event),
    StreamCreated: lambda live, event: live._playing.forget_buffer_length(event),
    ReceiveChanged: lambda live, event: live._playing.receive(event),
    StreamLengthRequested: lambda live, event: live._playing.tell_length(event),
    StreamClosed: LiveConnection._on_stream_closed,
    CallReceived: LiveConnection._on_call,
    ConnectionClosed: LiveConnection._on_closed,
}
