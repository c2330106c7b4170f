"""Which lines there are, and what happens when two clients want the same address."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

from .client_port import ClientPort
from .config import AccountConfig
from .connect_request import ConnectRequest, LineKey
from .control.status import CallStatus
from .credentials import Credentials
from .line import Line
from .registration import Registration
from .services import Services
from .sip_address import AddressOfRecord
from .tasks import TaskGroup

logger = logging.getLogger(__name__)


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
        self._standing: dict[str, Registration] = {}
        self._tasks = TaskGroup("lines")

    def __len__(self) -> int:
        return len(self._lines)

    async def call_statuses(self) -> list[CallStatus]:
        """What goes on in each call."""
        statuses = await asyncio.gather(*(line.call_status() for line in self._lines))
        return [status for status in statuses if status is not None]

    async def open(self, request: ConnectRequest, owner: LineOwner) -> Line:
        """Make the line of a connect and register it; raises what `Line.open` raises.

        A registering client replaces the one that holds the same address and instance. Raises `CapacityError`
        if no more clients are taken now. When it raises, what the line had is free.
        """
        self._services.gate.check()
        line = self._make_line(request, owner)
        key = request.line_key(self._services.config)
        self._lines[line] = key
        try:
            if key is not None:
                await self._replace(key, owner)
            await line.open()
        except BaseException:
            self._forget(line)
            await asyncio.shield(self._tasks.start(line.close()))
            raise
        return line

    async def put_out(self, key: LineKey) -> None:
        """Part with the client that has `key`, which another process has from now on."""
        await self._part_with(self._owners.get(key), key)

    async def _replace(self, key: LineKey, owner: LineOwner) -> None:
        """Give `key` to `owner`; who had it is out, and its account free, when this returns."""
        before = self._owners.get(key)
        self._owners[key] = owner
        await self._part_with(before, key)

    async def _part_with(self, before: LineOwner | None, key: LineKey) -> None:
        if before is not None:
            before.disconnect(f"{key[0]} has connected from elsewhere")
            for line in [line for line in self._lines if line.client is before]:
                await self.close(line)

    async def close(self, line: Line) -> None:
        """Hang up and unregister a line; returns when that is done."""
        if line in self._lines:
            self._forget(line)
            await line.close()

    def close_soon(self, line: Line) -> asyncio.Task[None]:
        """Close a line in the background."""
        return self._tasks.start(self.close(line))

    async def keep_registered(self, aors: Collection[str]) -> None:
        """Register these accounts of the configuration, and no others any more.

        What a registrar refuses is tried again.
        """
        wanted = {aor.lower() for aor in aors}
        for aor in self._standing.keys() - wanted:
            self._tasks.start(self._standing.pop(aor).close())
        for account in self._services.config.accounts:
            if account.aor in aors and account.aor.lower() not in self._standing:
                credentials = _credentials_of(account)
                name = f"account {account.aor}"
                registration = Registration(self._services, credentials, name, standing=True)
                await registration.start()
                self._standing[account.aor.lower()] = registration

    async def close_all(self) -> None:
        """Close every line and registration, all at once; returns when the last is closed."""
        for line in list(self._lines):
            self.close_soon(line)
        await self._tasks.wait()
        for registration in self._standing.values():
            self._tasks.start(registration.close())
        self._standing.clear()
        await self._tasks.wait()

    def _make_line(self, request: ConnectRequest, owner: LineOwner) -> Line:
        """A client without a password gets the configured account of its address, if there is one."""
        credentials = request.credentials
        registration = None
        if not credentials.password:
            account = self._services.config.account_of(str(credentials.aor))
            registration = self._standing.get(str(credentials.aor).lower())
            credentials = credentials if account is None else _credentials_of(account, credentials)
        if registration is None and credentials.password:
            registration = Registration(self._services, credentials, owner.name, standing=False)
        return Line(self._services, credentials, owner, registration, rate=request.rate, name=owner.name)

    def _forget(self, line: Line) -> None:
        key = self._lines.pop(line, None)
        if key is not None and self._owners.get(key) is line.client:
            del self._owners[key]


def _credentials_of(account: AccountConfig, client: Credentials | None = None) -> Credentials:
    """Make the credentials of a configured account; a client's display name serves where it has none."""
    aor = AddressOfRecord.parse(account.aor)
    display_name = account.display_name or (client.display_name if client else "")
    return Credentials(aor, account.login or aor.user, account.password.get_secret_value(), display_name)
