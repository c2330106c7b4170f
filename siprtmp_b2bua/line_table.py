"""Which lines there are, and what happens when two clients want the same address."""

from __future__ import annotations

import logging
from typing import Protocol

from .client_port import ClientPort
from .connect_request import ConnectRequest
from .line import Line
from .pj_account import Credentials
from .services import Services
from .tasks import TaskGroup

logger = logging.getLogger(__name__)

LineKey = tuple[str, str]


class LineOwner(ClientPort, Protocol):
    """The RTMP leg of a line."""

    name: str

    def disconnect(self, reason: str) -> None:
        """Close the client's connection, saying why."""


class LineTable:
    """All lines of a gateway, by address of record and instance."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._owners: dict[LineKey, LineOwner] = {}
        self._lines: dict[Line, LineKey | None] = {}
        self._tasks = TaskGroup("lines")

    def __len__(self) -> int:
        return len(self._lines)

    async def open(self, request: ConnectRequest, owner: LineOwner) -> Line:
        """Make the line of a connect and register it; raises what `Line.open` raises.

        A registering client replaces the one that holds the same address and instance.
        """
        credentials = self._credentials(request.credentials)
        line = Line(self._services, credentials, owner, request.rate, owner.name)
        key = self._key(request, line)
        if key is not None:
            before = self._owners.get(key)
            self._owners[key] = owner
            if before is not None:
                before.disconnect(f"{request.credentials.aor} has connected from elsewhere")
        self._lines[line] = key
        try:
            await line.open()
        except BaseException:
            self._forget(line)
            self._tasks.start(line.close())
            raise
        return line

    async def close(self, line: Line) -> None:
        """Hang up and unregister a line; returns when that is done."""
        if line in self._lines:
            self._forget(line)
            await line.close()

    def close_soon(self, line: Line) -> None:
        """Close a line in the background."""
        self._tasks.start(self.close(line))

    async def close_all(self) -> None:
        """Close every line, all at once; returns when the last is closed."""
        for line in list(self._lines):
            self.close_soon(line)
        await self._tasks.wait()

    def _credentials(self, given: Credentials) -> Credentials:
        """Take those of the configured account if the client gave no password."""
        account = self._services.config.account_of(str(given.aor))
        if given.password or account is None:
            return given
        login = account.login or given.aor.user
        display_name = account.display_name or given.display_name
        return Credentials(given.aor, login, account.password.get_secret_value(), display_name)

    def _key(self, request: ConnectRequest, line: Line) -> LineKey | None:
        if not line.registers or (self._services.config.share_aor and not request.instance):
            return None
        return (str(request.credentials.aor).lower(), request.instance)

    def _forget(self, line: Line) -> None:
        key = self._lines.pop(line, None)
        if key is not None and self._owners.get(key) is line.client:
            del self._owners[key]
