"""What streams that stay up try again, and what ends them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rtmp import events as ev
from rtmp.aio import (
    LinkState,
    ReconnectingPlayer,
    ReconnectingPublisher,
    RtmpClient,
    ServerConnection,
    StateChange,
)
from rtmp.backoff import BackoffPolicy
from rtmp.errors import (
    AuthenticationFailed,
    ConnectionLost,
    ConnectRejected,
    ConnectTimeout,
    LocalProtocolError,
    StreamFailed,
)
from tests.rtmp.certificates import make_server_tls, needs_openssl
from tests.rtmp.reconnecting_server import (
    SOON,
    Moving,
    Server,
    States,
    audio,
    key,
    serving,
)
from tests.rtmp.running_server import EventLog, running


@needs_openssl
@pytest.mark.parametrize("retry", [False, True])
async def test_a_certificate_that_is_not_valid_is_final_unless_it_is_to_be_tried_again(
    tmp_path: Path, retry: bool
) -> None:
    policy = BackoffPolicy(first_s=0.01, max_attempts=2)
    states = States()
    async with running(ssl=make_server_tls(tmp_path)) as run, asyncio.timeout(5):
        url = f"rtmps://127.0.0.1:{run.server.port}/live"
        async with ReconnectingPlayer(
            url, "cam", policy=policy, on_state=states, retry_certificate=retry
        ) as player:
            assert isinstance(await player.wait_failed(), ssl.SSLCertVerificationError)
    again = [LinkState.CONNECTING, LinkState.WAITING] if retry else []
    assert states.names == [*again, LinkState.CONNECTING, LinkState.FAILED]


@pytest.mark.parametrize("kind", [ReconnectingPublisher, ReconnectingPlayer])
async def test_an_application_that_is_not_there(kind: Any) -> None:
    async with serving() as run:
        url = run.url("refuse/NetConnection.Connect.InvalidApp")
        async with kind(url, "cam", policy=SOON) as stream:
            with pytest.raises(ConnectRejected, match="InvalidApp"):
                await stream.wait_up()
            assert isinstance(await stream.wait_failed(), ConnectRejected)
            with pytest.raises(ConnectRejected):
                await stream.wait_up()
        assert stream.state is LinkState.FAILED
        async with kind(url, "cam", policy=SOON, retry_invalid_app=True):
            for _ in range(3):
                await run.next()


async def test_other_refusals_are_tried_again_until_the_policy_ends() -> None:
    states = States()
    policy = BackoffPolicy(first_s=0.01, max_attempts=3)
    async with serving() as run:
        url = run.url("refuse/NetConnection.Connect.Rejected")
        async with ReconnectingPublisher(url, "cam", policy=policy, on_state=states) as publisher:
            assert isinstance(await publisher.wait_failed(), ConnectRejected)
    again = [LinkState.CONNECTING, LinkState.WAITING]
    assert states.names == [*again, *again, LinkState.CONNECTING, LinkState.FAILED]


async def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"rtmp://127.0.0.1:{reserved.getsockname()[1]}/live"
        policy = BackoffPolicy(first_s=0.01, max_attempts=2)
        async with ReconnectingPlayer(url, "cam", policy=policy) as player, asyncio.timeout(5):
            assert isinstance(await player.wait_failed(), ConnectionRefusedError)


async def test_wrong_credentials_and_nonsense_are_final() -> None:
    class Asking(Server):
        def make(self, connection: ServerConnection) -> EventLog:
            class AskingLog(Moving):
                def on_event(self, event: ev.Event) -> None:
                    if isinstance(event, ev.ConnectRequested):
                        self.connection.reject_connect(description="authmod=adobe ?reason=authfailed")

            return AskingLog(connection)

    async with running(state=Asking()) as run, asyncio.timeout(5):
        url = f"rtmp://bob:s3cret@127.0.0.1:{run.server.port}/live"
        async with ReconnectingPublisher(url, "cam", policy=SOON) as publisher:
            assert isinstance(await publisher.wait_failed(), AuthenticationFailed)
    async with serving() as server:
        publisher = ReconnectingPublisher(server.url(), "cam", "forever", policy=SOON)
        async with publisher:
            assert isinstance(await publisher.wait_failed(), LocalProtocolError)


async def test_a_server_that_does_not_answer_publish() -> None:
    policy = BackoffPolicy(max_attempts=1)
    async with serving() as run:
        publisher = ReconnectingPublisher(run.url(), "silent", policy=policy, start_timeout_s=0.05)
        async with publisher:
            assert isinstance(await publisher.wait_failed(), ConnectTimeout)
        assert await (await run.next()).closed() is None


async def test_a_stream_that_ends_as_it_starts_is_lost() -> None:
    class Ending(Server):
        def make(self, connection: ServerConnection) -> EventLog:
            class EndingLog(Moving):
                def on_event(self, event: ev.Event) -> None:
                    super().on_event(event)
                    if isinstance(event, ev.PlayRequested):
                        self.connection.end_play(event.stream_id)

            return EndingLog(connection)

    policy = BackoffPolicy(first_s=0.01, max_attempts=2)
    async with running(state=Ending()) as run, asyncio.timeout(5):
        url = f"rtmp://127.0.0.1:{run.server.port}/live"
        async with ReconnectingPlayer(url, "cam", policy=policy) as player:
            assert isinstance(await player.wait_failed(), StreamFailed)


async def test_a_mistake_of_the_program_reaches_who_waits() -> None:
    async with serving() as run:
        connect: Any = partial(RtmpClient.connect, nonsense=True)
        async with ReconnectingPublisher(run.url(), "cam", connect=connect) as publisher:
            with pytest.raises(TypeError):
                await publisher.wait_up()
            assert publisher.state is LinkState.FAILED


async def test_close_at_any_moment() -> None:
    async with serving() as run:
        publisher = ReconnectingPublisher(run.url(), "silent", policy=SOON)
        await publisher.close()
        with pytest.raises(ConnectionLost):
            await publisher.wait_up()
        publisher = ReconnectingPublisher(run.url(), "silent", policy=SOON)
        publisher.start()
        waiting = asyncio.ensure_future(publisher.wait_up())
        log = await run.next()
        await log.wait(lambda e: isinstance(e, ev.PublishRequested))
        await publisher.close()
        with pytest.raises(ConnectionLost, match="closed"):
            await waiting
        assert await log.closed() is None
        publisher.send_audio(0, audio(1))
        publisher.send_video(0, key(1))
        assert publisher.dropped_media == 2


async def test_more_arguments_of_connect_and_a_program_that_fails() -> None:
    def fail(_: StateChange) -> None:
        raise ZeroDivisionError

    async with serving() as run:
        connect = partial(RtmpClient.connect, handshake="plain", command_object={"pageUrl": "x"})
        async with ReconnectingPlayer(run.url(), "cam", connect=connect, on_state=fail) as player:
            await player.wait_up()
            log = await run.next()
            requested = log.events[0]
            assert isinstance(requested, ev.ConnectRequested)
            assert requested.command_object["pageUrl"] == "x"
