"""Servers that want to know who connects, over sockets: our client and FFmpeg."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import RtmpClient, ServerConnection
from rtmp.auth.auth_scheme import AuthScheme
from rtmp.auth.server_auth import AuthAccepted, ServerAuth
from rtmp.errors import AuthenticationFailed, ConnectRejected
from tests.rtmp.running_server import EventLog, Running, running
from tests.rtmp.test_aio_programs import run_program


class AskingLog(EventLog):
    """As a program would use `ServerAuth`."""

    def __init__(self, connection: ServerConnection, auth: ServerAuth) -> None:
        super().__init__(connection)
        self.auth = auth
        self.user = ""

    def on_event(self, event: ev.Event) -> None:
        if not isinstance(event, ev.ConnectRequested):
            super().on_event(event)
            return
        self.events.append(event)
        answer = self.auth.check(event.app, time.monotonic())
        if isinstance(answer, AuthAccepted):
            self.user = answer.user
            self.connection.accept_connect(event)
        else:
            self.connection.reject_connect(description=answer.description)


@asynccontextmanager
async def asking(scheme: AuthScheme) -> AsyncIterator[Running]:
    auth = ServerAuth({"bob": "s3cret"}.get, scheme)

    class AskingServer(Running):
        def make(self, connection: ServerConnection) -> EventLog:
            log = AskingLog(connection, auth)
            self.logs.put_nowait(log)
            return log

    async with running(state=AskingServer()) as run:
        yield run


pytestmark = pytest.mark.parametrize("scheme", AuthScheme, ids=lambda scheme: scheme.value)


@pytest.mark.parametrize(
    ("credentials", "arguments"), [("bob:s3cret@", {}), ("", {"user": "bob", "password": "s3cret"})]
)
async def test_three_connects(scheme: AuthScheme, credentials: str, arguments: Any) -> None:
    async with asking(scheme) as run, asyncio.timeout(5):
        url = f"rtmp://{credentials}127.0.0.1:{run.server.port}/live"
        client = await RtmpClient.connect(url, "extra", **arguments)
        logs = [await run.logs.get() for _ in range(3)]
        assert isinstance(logs[-1], AskingLog)
        assert logs[-1].user == "bob"
        for log in logs:
            connect = log.events[0]
            assert isinstance(connect, ev.ConnectRequested)
            assert connect.arguments == ("extra",)
            assert "s3cret" not in repr(connect)
        assert await logs[0].closed() is None
        client.close()
        await client.wait_closed()


@pytest.mark.parametrize("credentials", ["bob:wrong@", "eve:s3cret@", ""])
async def test_wrong_or_no_credentials(scheme: AuthScheme, credentials: str) -> None:
    async with asking(scheme) as run, asyncio.timeout(5):
        url = f"rtmp://{credentials}127.0.0.1:{run.server.port}/live"
        with pytest.raises(AuthenticationFailed) as caught:
            await RtmpClient.connect(url)
        assert isinstance(caught.value, ConnectRejected)
        assert "wrong" not in str(caught.value)


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
@pytest.mark.parametrize(("password", "works"), [("s3cret", True), ("wrong", False)])
@pytest.mark.parametrize("app", ["live", "live/instance"])
async def test_ffmpeg_publishes(scheme: AuthScheme, password: str, works: bool, app: str) -> None:
    async with asking(scheme) as run:
        url = f"rtmp://bob:{password}@127.0.0.1:{run.server.port}/{app}/cam"
        code = await run_program(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=16000", "-t", "0.5",
            "-c:a", "aac", "-f", "flv", url,
        )  # fmt: skip
        logs = [await run.logs.get() for _ in range(3)]
        assert (code == 0) is works
        audio = [event for event in logs[-1].events if isinstance(event, ev.AudioReceived)]
        assert bool(audio) is works
        if works:
            assert await logs[-1].closed() is None
