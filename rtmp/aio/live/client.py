"""What the two sides of a connection to a live application, publishing and playing, know of its client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from rtmp.aio.live.requests import LiveRequest, Purpose, Refused
from rtmp.aio.live.services import LiveServices
from rtmp.aio.server import ServerConnection
from rtmp.amf_value import AmfValue
from rtmp.errors import RemoteProtocolError
from rtmp.relay.names import StreamName

logger = logging.getLogger("rtmp")


class LiveClient:
    """Checks what the client asks for, and keeps what waits for files until its stream is closed."""

    def __init__(self, services: LiveServices, connection: ServerConnection) -> None:
        self.connection = connection
        self.app = ""
        self.user = ""
        """Who it has proved to be; empty: it has not."""
        self.connect_arguments: tuple[AmfValue, ...] = ()
        self.has_published = False
        self._is_introduced = False
        self._must_authenticate = services.auth is not None
        self._authorize = services.authorize
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """What limits count as one address."""
        return self.connection.address_group

    def name(self, purpose: Purpose, name: str) -> StreamName:
        """Return what is asked for. Raises Refused."""
        try:
            stream_name = StreamName.parse(self.app, name)
        except RemoteProtocolError as error:
            raise Refused(str(error)) from None
        if purpose is Purpose.PUBLISH and self._must_authenticate and not self.user:
            raise Refused(
                f"to publish {stream_name} a user and a password are needed: rtmp://USER:PASSWORD@HOST/…"
            )
        if self._authorize is not None:
            request = LiveRequest(
                purpose, stream_name, self.connection.peername, self.connect_arguments, self.user
            )
            self._authorize(request)
        return stream_name

    def log(self, text: str) -> None:
        """Log what the client does; the first line says where it is."""
        where = "" if self._is_introduced else f" ({self.connection.peername})"
        self._is_introduced = True
        logger.info("connection %s%s: %s", self.connection.id, where, text)

    def start(self, stream_id: int, work: Coroutine[None, None, None]) -> None:
        """Do for a stream what has to wait for a file."""
        self.cancel(stream_id)
        task = asyncio.get_running_loop().create_task(work, name=f"stream {stream_id}")
        self._tasks[stream_id] = task
        task.add_done_callback(lambda done: self._forget(stream_id, done))

    def answer(self, work: Coroutine[None, None, None]) -> None:
        """Answer a call that has to wait for a file; the session bounds how many do."""
        task = asyncio.get_running_loop().create_task(work, name="answer")
        self._answers.add(task)
        task.add_done_callback(self._answered)

    def cancel(self, stream_id: int) -> None:
        """Let what waits for a stream's file be."""
        if (task := self._tasks.pop(stream_id, None)) is not None:
            task.cancel()

    def cancel_all(self) -> None:
        """Let all that waits be."""
        for stream_id in list(self._tasks):
            self.cancel(stream_id)
        for task in self._answers:
            task.cancel()

    def _forget(self, stream_id: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(stream_id) is task:
            del self._tasks[stream_id]
        self._check(task)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answers.discard(task)
        self._check(task)

    def _check(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("connection %s: a request failed", self.connection.id, exc_info=error)
            self.connection.abort()
