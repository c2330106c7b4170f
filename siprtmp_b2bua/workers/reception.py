"""What happens to a client between its `connect` and the worker that gets it."""

from __future__ import annotations

import logging
from typing import cast

from rtmp.aio.handover import FrontConnection
from rtmp.aio.server import ServerConnection
from rtmp.errors import ConnectionLost
from rtmp.events import ConnectionClosed, ConnectRequested, Event

from ..applications import is_live
from ..config import GatewayConfig
from ..connect_request import ConnectRequest, LineKey, refuse_connect
from ..errors import B2buaError, CapacityError
from ..tasks import TaskGroup
from . import commands
from .crew import Crew
from .handle import WorkerHandle

logger = logging.getLogger(__name__)


class Receptionist:
    """The handler of one client at the front."""

    def __init__(self, connection: FrontConnection, reception: Reception) -> None:
        self._connection = connection
        self._reception = reception
        self._tasks = TaskGroup(f"rtmp-{connection.id}")

    def on_event(self, event: Event) -> None:
        """Find a worker for a client that says what it wants."""
        if isinstance(event, ConnectRequested):
            self._tasks.start(self._connect(event))
        elif isinstance(event, ConnectionClosed):
            if event.reason is not None:
                logger.info("connection %s: closed before connect: %s", self._connection.id, event.reason)
            self._tasks.cancel()

    async def _connect(self, event: ConnectRequested) -> None:
        try:
            await self._reception.pass_on(self._connection, event)
        except B2buaError as error:
            refuse_connect(self._connection, f"rtmp-{self._connection.id}", error)


class Reception:
    """Knows which crew has which application."""

    def __init__(self, config: GatewayConfig, calls: Crew, live: Crew | None) -> None:
        self._config = config
        self._calls = calls
        self._live = live

    def renew(self, config: GatewayConfig) -> None:
        """Go by other settings from now on."""
        self._config = config

    def make_handler(self, connection: ServerConnection) -> Receptionist:
        """Return the handler of a new client."""
        return Receptionist(cast("FrontConnection", connection), self)

    async def pass_on(self, connection: FrontConnection, event: ConnectRequested) -> None:
        """Hand a client over to a worker; raises `B2buaError` if it has to be refused."""
        crew, aor, key = self._destination(event)
        handle = await crew.worker_for(connection.id, aor)
        try:
            sock, handover, place = await connection.hand_over()
        except BaseException as error:  # also the end of this task, because the client has gone
            crew.give_up(handle, connection.id)
            if isinstance(error, ConnectionLost):
                return
            if isinstance(error, OSError):
                raise CapacityError(f"busy: {error.strerror}") from None
            raise
        logger.debug("connection %s goes to %s %d", connection.id, crew.kind, handle.number)
        handle.adopt(sock, handover, place)
        if key is not None:
            _put_out_elsewhere(crew, handle, key)

    def _destination(self, event: ConnectRequested) -> tuple[Crew, str | None, LineKey | None]:
        if self._live is not None and is_live(event):
            return self._live, None, None
        request = ConnectRequest.parse(event)
        registers = request.registers(self._config)
        aor = str(request.credentials.aor).lower() if registers else None
        return self._calls, aor, request.line_key(self._config)


def _put_out_elsewhere(crew: Crew, handle: WorkerHandle, key: LineKey) -> None:
    """Have workers that keep their clients but get no others part with who has come back to `handle`."""
    for other in crew.workers.values():
        if other is not handle and other.member.has_client(key[0]):
            other.tell(commands.PutOut(key))
