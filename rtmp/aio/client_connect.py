"""How a client's connection begins: TCP, perhaps TLS, and the answer to `connect`."""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import Mapping

from rtmp.aio.connection import Connection
from rtmp.amf0 import AmfValue
from rtmp.auth.client_auth import Credentials
from rtmp.client_session import ClientSession
from rtmp.errors import ConnectRejected, ConnectTimeout, RtmpError
from rtmp.events import ConnectAccepted, ConnectRefused
from rtmp.limits import DEFAULT_TIMEOUTS, Timeouts
from rtmp.url import RtmpUrl


def credentials_for(url: RtmpUrl, user: str | None, password: str | None) -> Credentials | None:
    """Return who to be at a server: what is given, or else the URL says; None if neither does."""
    user = url.user if user is None else user
    password = url.password if password is None else password
    return Credentials(user, password) if user else None


class ConnectingClient(Connection[ClientSession]):
    """The connection of a client until the server has answered. `connect_info` is what it said then."""

    def __init__(self, session: ClientSession, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        super().__init__(session, timeouts)
        self.connect_info: AmfValue = None
        self._connected: asyncio.Future[None] = self._loop.create_future()

    async def open(self, ssl: ssl_module.SSLContext | None, address: tuple[str, int] | None) -> None:
        """Connect, to `address` or where the URL says, and wait for the answer to `connect`.

        Raises OSError, ConnectRejected, ConnectionLost, RemoteProtocolError.
        """
        url = self.session.url
        host, port = address or (url.host, url.port)
        if ssl is None and url.scheme == "rtmps":
            ssl = ssl_module.create_default_context()
        self.session.connect()
        try:
            async with asyncio.timeout(self.timeouts.connect):
                await self._loop.create_connection(
                    lambda: self, host, port, ssl=ssl, server_hostname=url.host if ssl else None
                )
        except BaseException as error:
            self._forget_connecting()
            if isinstance(error, TimeoutError):
                raise ConnectTimeout(f"no connection to {host} in {self.timeouts.connect} s") from error
            raise
        try:
            await self._connected
        except BaseException:
            self.close()
            raise

    def _forget_connecting(self) -> None:
        """Take it from the loop that nobody will ask what came of it, whether that is known yet or not."""
        if not self._connected.cancel() and not self._connected.cancelled():
            self._connected.exception()

    def _take_connect_answer(self, event: ConnectAccepted | ConnectRefused) -> None:
        if isinstance(event, ConnectAccepted):
            self.connect_info = event.info
            self._liveness.note_connected()
            if not self._connected.done():
                self._connected.set_result(None)
        else:
            info = event.info if isinstance(event.info, Mapping) else {}
            self._fail_connect(ConnectRejected(event.code, event.description, info))

    def _fail_connect(self, error: RtmpError) -> None:
        if not self._connected.done():
            self._connected.set_exception(error)
