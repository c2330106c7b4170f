"""Keeps one stream of a client up: what publisher and player share.

One task opens a link (a connection and its stream), waits for its end, and tries again after a while. When
the server asks for a new connection (Enhanced RTMP v2, "Reconnect Request") a second link is opened beside
the first, which goes on until media can change over.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from rtmp.aio.client import RtmpClient
from rtmp.aio.reconnecting.link import Link
from rtmp.aio.reconnecting.options import Connect
from rtmp.aio.reconnecting.state import TRANSITIONS, LinkInput, LinkState, StateChange
from rtmp.backoff import Backoff, BackoffPolicy
from rtmp.capabilities import Capabilities, CapsEx
from rtmp.errors import (
    AuthenticationFailed,
    ConnectionLost,
    ConnectRejected,
    ConnectTimeout,
    LocalProtocolError,
    RemoteProtocolError,
    RtmpError,
    StreamFailed,
)
from rtmp.state import advance
from rtmp.url import RtmpUrl

logger = logging.getLogger("rtmp")

_INVALID_APP = "NetConnection.Connect.InvalidApp"
_DEFAULT_POLICY = BackoffPolicy()


class Reconnecting:
    """One stream. Call `start` on the event loop, and `close` in the end; or use it in `async with`.

    `url` is the application's, `name` the stream's (`RtmpUrl.split_stream`). Gives up, with state FAILED,
    when the server does not accept who we are, when it has no such application (unless `retry_invalid_app`),
    when its certificate is not valid (unless `retry_certificate`), when a command is not possible at all, or
    when `policy` says so; and after any error that is neither RtmpError nor OSError, which is a mistake of
    this library or of `connect`, and logged. After the loss of a link to which the server had moved us it
    begins again at `url`. `start_timeout_s` bounds creating and starting the stream.

    The credentials in `url` stay with its host (`RtmpUrl.with_credentials_of`), also when the server sends us
    elsewhere. Those that `connect` brings go wherever it connects.
    """

    def __init__(
        self,
        url: str | RtmpUrl,
        name: str,
        *,
        connect: Connect = RtmpClient.connect,
        capabilities: Capabilities | None = None,
        policy: BackoffPolicy = _DEFAULT_POLICY,
        retry_invalid_app: bool = False,
        retry_certificate: bool = False,
        start_timeout_s: float = 10.0,
        on_state: Callable[[StateChange], None] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.state = LinkState.IDLE
        self.on_state = on_state
        self._home = url if isinstance(url, RtmpUrl) else RtmpUrl.parse(url)
        self._connect = connect
        capabilities = capabilities or Capabilities()
        self._capabilities = replace(capabilities, caps_ex=capabilities.caps_ex | CapsEx.RECONNECT)
        self._backoff = Backoff(policy)
        # a server that asks again and again is followed more and more slowly
        self._move_backoff = Backoff(replace(policy, max_attempts=None))
        self._retry_invalid_app = retry_invalid_app
        self._retry_certificate = retry_certificate
        self._start_timeout_s = start_timeout_s
        self._chance = chance
        self._changed = asyncio.Event()
        self._current: Link | None = None
        self._next: Link | None = None
        self._moved_to: RtmpUrl | None = None
        self._task: asyncio.Task[Exception] | None = None
        self._waiting_for_up: set[asyncio.Future[None]] = set()

    # What subclasses add

    async def _begin(self, link: Link) -> None:
        """Publish or play. Raises RtmpError."""
        raise NotImplementedError

    # For the program

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Where the stream is or is to be, without credentials."""
        return (self._current.url if self._current else self._moved_to or self._home).tc_url

    def start(self) -> None:
        """Begin to connect."""
        self._advance(LinkInput.CONNECT)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def wait_up(self) -> None:
        """Wait until the stream is up. Raises what it gave up with, or ConnectionLost if closed."""
        if self.state in (LinkState.UP, LinkState.MOVING):
            return
        if self._task is None or self.state is LinkState.CLOSED:
            raise ConnectionLost("closed, or never started")
        up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting_for_up.add(up)
        try:
            waiting: set[asyncio.Future[Any]] = {up, self._task}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting_for_up.discard(up)
        if not up.done():
            raise ConnectionLost("closed") if self._task.cancelled() else self._task.result()

    async def wait_failed(self) -> Exception:
        """Wait until it gives up, and return why; raises asyncio.CancelledError if it is closed first."""
        assert self._task is not None, "start first"
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """Stop for good, and wait until the connections are closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._advance(LinkInput.CLOSE, ConnectionLost("closed"))
        links = [link for link in (self._current, self._next) if link is not None]
        self._current = self._next = None
        for link in links:
            link.end(ConnectionLost("closed"))
            await link.wait_closed()

    # The task

    async def _run(self) -> Exception:
        """Keep the stream up; return why it cannot be."""
        loop = asyncio.get_running_loop()
        while True:
            link = self._current = Link(self._moved_to or self._home, self._changed)
            self._moved_to = None
            try:
                await self._open(link)
                error: Exception = await self._hold()
            except Exception as caught:
                if not _is_foreseen(caught):  # but whoever waits, or watches the state, must hear of it
                    logger.exception("%s: gives up", self.url)
                error = caught
            for ended in (self._current, self._next):
                if ended is not None:
                    ended.end(error)
            self._current = self._next = None
            wait_s = None if self._is_final(error) else self._backoff.failed(loop.time(), self._chance())
            if wait_s is None:
                self._advance(LinkInput.GIVE_UP, error)
                return error
            self._advance(LinkInput.LOST, error, wait_s)
            await asyncio.sleep(wait_s)
            self._advance(LinkInput.CONNECT)

    def _is_final(self, error: Exception) -> bool:
        if isinstance(error, ConnectRejected) and error.code == _INVALID_APP:
            return not self._retry_invalid_app
        if isinstance(error, ssl.SSLCertVerificationError):
            return not self._retry_certificate
        return isinstance(error, AuthenticationFailed | LocalProtocolError) or not _is_foreseen(error)

    async def _open(self, link: Link) -> None:
        """Connect and start the stream. Raises RtmpError, OSError."""
        client = await self._connect(
            link.url, capabilities=self._capabilities, on_status=link.take_connection_status
        )
        try:
            async with asyncio.timeout(self._start_timeout_s):
                link.attach(client, await client.create_stream())
                await self._begin(link)
        except TimeoutError as error:
            client.close()
            raise ConnectTimeout(f"the stream did not start in {self._start_timeout_s} s") from error
        except BaseException:
            client.close()
            raise
        link.is_ready = True

    async def _hold(self) -> Exception:
        """Wait for the end of the current link, whichever it is; return the reason."""
        self._note_up()
        while (link := self._current) is not None and link.error is None:
            wish = link.take_wish()
            if wish is None:
                await self._change()
            else:
                await self._follow(link, wish)
        return link.error if link is not None and link.error else ConnectionLost("closed")

    async def _change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    # Moving

    async def _follow(self, old: Link, wish: str) -> None:
        """Open a second link where the server wants us, and change over to it if all goes well.

        Not at once, as others may be asked at the same time.
        """
        try:
            url = self._resolve(old.url, wish)
        except RtmpError as error:
            logger.warning("request to reconnect not followed: %s", error)
            return
        self._advance(LinkInput.MOVE)
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(self._move_backoff.failed(now_s, self._chance()) or 0.0)
        new = self._next = Link(url, self._changed)
        try:
            await self._open(new)
        except Exception as error:
            if not _is_foreseen(error):  # but the old link still stands
                logger.exception("%s: cannot move to %s", self.url, url.tc_url)
            new.end(error)
            if isinstance(error, StreamFailed) and url == old.url and self._next is new:
                # it seems that we stand in our own way: publish again once the old stream is gone
                self._moved_to = url
                old.end(error)
        while self._next is new and old.error is None and new.error is None:
            await self._change()
        if self._next is new and new.error is None:
            self._change_over()
        elif self._next is new:
            self._next = None
            if old.error is None:
                logger.warning("request to reconnect not followed: %s", new.error)
                self._advance(LinkInput.UP)

    def _resolve(self, url: RtmpUrl, wish: str) -> RtmpUrl:
        resolved = url.resolve(wish).with_credentials_of(self._home)
        if url.scheme == "rtmps" and resolved.scheme != "rtmps":
            raise RemoteProtocolError(f"from rtmps:// to {resolved.tc_url}")
        return resolved

    def _change_over(self) -> None:
        """Make the next link the current one."""
        old, self._current, self._next = self._current, self._next, None
        if old is not None:
            old.end(ConnectionLost("another connection took over"))
        self._note_up()
        self._changed.set()

    # State

    def _note_up(self) -> None:
        for backoff in (self._backoff, self._move_backoff):
            backoff.succeeded(asyncio.get_running_loop().time())
        self._advance(LinkInput.UP)

    def _advance(self, cause: LinkInput, error: Exception | None = None, wait_s: float = 0.0) -> None:
        before, self.state = self.state, advance(TRANSITIONS, self.state, cause, LocalProtocolError)
        for up in self._waiting_for_up:
            if self.state is LinkState.UP and not up.done():
                up.set_result(None)
        if self.on_state is not None and self.state is not before:
            try:
                self.on_state(StateChange(self.state, self.url, error, wait_s))
            except Exception:
                # whatever is wrong in the program must not bring its stream down
                logger.exception("the program failed at state %s", self.state.name)


def _is_foreseen(error: Exception) -> bool:
    return isinstance(error, RtmpError | OSError)
