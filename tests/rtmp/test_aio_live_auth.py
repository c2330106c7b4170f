"""The live application where publishers have to prove who they are, over sockets."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from rtmp.aio import RtmpClient
from rtmp.aio.live import LiveRequest, Purpose, Refused
from rtmp.auth.auth_scheme import AuthScheme
from rtmp.auth.server_auth import ServerAuth
from rtmp.errors import AuthenticationFailed, StreamFailed
from tests.rtmp.live_server import KEY, Live, live

USERS = {"bob": "s3cret", "eve": "other"}
ENCODER = {"type": "nonprivate"}


async def connect(run: Live, credentials: str = "", app: str = "live", **members: Any) -> RtmpClient:
    url = f"rtmp://{credentials}127.0.0.1:{run.server.port}/{app}"
    client = await RtmpClient.connect(url, command_object=members)
    run.clients.append(client)
    return client


@pytest.mark.parametrize("scheme", AuthScheme, ids=lambda scheme: scheme.value)
async def test_a_publisher_proves_who_it_is_and_players_need_not(scheme: AuthScheme) -> None:
    requests: list[LiveRequest] = []
    async with live(auth=ServerAuth(USERS.get, scheme), authorize=requests.append) as run:
        player = await run.play("cam")
        publisher = await (await connect(run, "bob:s3cret@")).create_stream()
        await publisher.publish("cam")
        publisher.send_video(0, KEY)
        await player.until(lambda player: player.media == [(9, 0, KEY)])
    assert [(request.purpose, request.user) for request in requests] == [
        (Purpose.PLAY, ""),
        (Purpose.PUBLISH, "bob"),
    ]


@pytest.mark.parametrize("scheme", AuthScheme, ids=lambda scheme: scheme.value)
async def test_what_proved_it_belongs_to_no_name(scheme: AuthScheme) -> None:
    requests: list[LiveRequest] = []
    async with live(auth=ServerAuth(USERS.get, scheme), authorize=requests.append) as run:
        publisher = await (await connect(run, "bob:s3cret@", "live/room?key=value")).create_stream()
        await publisher.publish("cam")
        assert list(run.application.streams) == ["live/room/cam"]
    assert requests[0].stream.query == {"key": "value"}


async def test_who_publishes_without_having_proved_it_is_told_what_is_missing() -> None:
    requests: list[LiveRequest] = []
    async with live(auth=ServerAuth(USERS.get), authorize=requests.append) as run:
        stream = await (await connect(run)).create_stream()
        with pytest.raises(StreamFailed, match="to publish live/cam a user and a password") as caught:
            await stream.publish("cam")
        assert caught.value.code == "NetStream.Publish.BadName"
        assert run.application.streams == {}
        await stream.play("cam")
    assert [request.purpose for request in requests] == [Purpose.PLAY]


@pytest.mark.parametrize("members", [ENCODER, {"flashVer": "FMLE/3.0"}, {"app": "live?authmod=adobe"}])
async def test_an_encoder_without_credentials_is_refused_at_once(members: Any) -> None:
    async with live(auth=ServerAuth(USERS.get)) as run:
        with pytest.raises(AuthenticationFailed, match="code=403 need auth; authmod=adobe"):
            await connect(run, **members)


@pytest.mark.parametrize("scheme", AuthScheme, ids=lambda scheme: scheme.value)
@pytest.mark.parametrize("credentials", ["bob:wrong@", "ann:s3cret@", "bob:other@"])
async def test_wrong_credentials_are_refused_and_logged_without_the_password(
    scheme: AuthScheme, credentials: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with live(auth=ServerAuth(USERS.get, scheme)) as run:
        with pytest.raises(AuthenticationFailed, match="reason=authfailed"):
            await connect(run, credentials)
    user, password = credentials.strip("@").split(":")
    (line,) = [text for text in caplog.messages if "connect refused" in text]
    assert re.fullmatch(rf"connection \d+ \(127\.0\.0\.1:\d+\): connect refused: .* be '{user}'", line)
    assert password not in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_program_decides_what_a_user_may() -> None:
    def check(request: LiveRequest) -> None:
        if request.purpose is Purpose.PUBLISH and request.stream.name != request.user:
            raise Refused(f"{request.user} publishes as {request.user}")

    async with live(auth=ServerAuth(USERS.get), authorize=check) as run:
        stream = await (await connect(run, "eve:other@")).create_stream()
        with pytest.raises(StreamFailed, match="eve publishes as eve"):
            await stream.publish("bob")
        await stream.publish("eve")


async def test_without_authentication_nobody_is_asked() -> None:
    async with live() as run:
        for credentials, members in (("", ENCODER), ("bob:wrong@", {})):
            stream = await (await connect(run, credentials, **members)).create_stream()
            await stream.publish("cam")
            stream.close()
            await run.clients[-1].call("checkBandwidth")
