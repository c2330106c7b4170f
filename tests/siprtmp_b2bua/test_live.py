"""The gateway's other application, as a process: who may publish and play, recordings, and the end."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from rtmp.errors import AuthenticationFailed, ConnectRejected, StreamFailed
from rtmp.flv_file import FlvParser
from siprtmp_b2bua.control.client import ask
from siprtmp_b2bua.control.status import GatewayStatus, StreamStatus
from tests.siprtmp_b2bua.running_gateway import gateway

KEY = b"\x17\x01\x00\x00\x00key"


async def test_keys_decide_who_publishes_and_plays() -> None:
    keys = {"SIPRTMP_LIVE__PUBLISH_KEY": "in", "SIPRTMP_LIVE__PLAY_KEY": "out"}
    async with gateway(**keys) as running:
        client = await running.connect()
        refused = [
            ("cam", r"a key is needed: cam\?key="),
            ("cam?key=out", "the key to publish live/cam is wrong"),
        ]
        for name, text in refused:
            with pytest.raises(StreamFailed, match=text):
                await (await client.create_stream()).publish(name)
        with pytest.raises(StreamFailed, match="the key to play live/cam is wrong"):
            await (await client.create_stream()).play("cam?key=in")
        publisher, player = await client.create_stream(), await client.create_stream()
        got = asyncio.get_running_loop().create_future()
        player.on_video = lambda timestamp_ms, payload: got.set_result((timestamp_ms, bytes(payload)))
        await player.play("cam?key=out")
        await publisher.publish("cam?key=in")
        publisher.send_video(40, KEY)
        async with asyncio.timeout(5):
            assert await got == (40, KEY)
        client.close()
        await client.closed


async def test_a_key_may_be_behind_the_application() -> None:
    keys = {"SIPRTMP_LIVE__PUBLISH_KEY": "in", "SIPRTMP_LIVE__PLAY_KEY": "out"}
    async with gateway(**keys) as running:
        publisher, player = await running.connect("live?key=in"), await running.connect("live?key=out")
        with pytest.raises(StreamFailed, match="the key to publish live/cam is wrong"):
            await (await player.create_stream()).publish("cam")
        stream, viewer = await publisher.create_stream(), await player.create_stream()
        got = asyncio.get_running_loop().create_future()
        viewer.on_video = lambda timestamp_ms, payload: got.set_result((timestamp_ms, bytes(payload)))
        await viewer.play("cam")
        await stream.publish("cam")
        stream.send_video(40, KEY)
        async with asyncio.timeout(5):
            assert await got == (40, KEY)
        for client in (publisher, player):
            client.close()
            await client.closed


@pytest.mark.parametrize("authmod", ["", "adobe", "llnw"])
async def test_publishers_have_passwords_and_players_need_none(authmod: str) -> None:
    settings = {"SIPRTMP_LIVE__PUBLISHERS": json.dumps({"bob": "s3cret"}), "SIPRTMP_LIVE__PLAY_KEY": "out"}
    if authmod:
        settings["SIPRTMP_LIVE__AUTHMOD"] = authmod
    async with gateway(**settings) as running:
        publisher = await running.connect(credentials="bob:s3cret@")
        stream = await publisher.create_stream()
        await stream.publish("cam")
        for credentials in ("bob:hush@", "ann:s3cret@"):
            with pytest.raises(AuthenticationFailed, match=f"authmod={authmod or 'adobe'} .*authfailed"):
                await running.connect(credentials=credentials)
            line = await running.logged("refused")
            assert f"it did not prove to be '{credentials[:3]}'" in line
            assert "hush" not in line
        viewer = await running.connect()
        with pytest.raises(StreamFailed, match="a user and a password are needed"):
            await (await viewer.create_stream()).publish("other")
        player = await viewer.create_stream()
        got = asyncio.get_running_loop().create_future()
        player.on_video = lambda timestamp_ms, payload: got.set_result((timestamp_ms, bytes(payload)))
        await player.play("cam?key=out")
        stream.send_video(40, KEY)
        async with asyncio.timeout(5):
            assert await got == (40, KEY)


async def test_publishers_may_need_a_key_as_well() -> None:
    settings = {
        "SIPRTMP_LIVE__PUBLISHERS": json.dumps({"bob": "s3cret"}),
        "SIPRTMP_LIVE__PUBLISH_KEY": "in",
    }
    async with gateway(**settings) as running:
        stream = await (await running.connect(credentials="bob:s3cret@")).create_stream()
        with pytest.raises(StreamFailed, match="a key is needed"):
            await stream.publish("cam")
        await stream.publish("cam?key=in")


async def test_streams_are_recorded_and_whole_when_the_gateway_ends(tmp_path: Path) -> None:
    async with gateway("-r", str(tmp_path)) as running:
        client = await running.connect("live/room")
        stream = await client.create_stream()
        await stream.publish("cam", "record")
        stream.send_video(0, KEY)
        await client.call("checkBandwidth")
    parser = FlvParser()
    parser.feed(await asyncio.to_thread((tmp_path / "live/room/cam.flv").read_bytes))
    bodies = []
    while (tag := parser.next_tag()) is not None:
        bodies.append(bytes(tag.body))
    assert bodies[-1] == KEY
    assert parser.pending_size == 0


async def test_the_application_can_be_turned_off() -> None:
    async with gateway(SIPRTMP_LIVE__ENABLED="false") as running:
        with pytest.raises(ConnectRejected, match=r"no such application: 'live'; .* turned off"):
            await running.connect()


@pytest.mark.parametrize(
    ("workers", "counts"),
    [("1", {"lines=1", "legs=1", "streams=1"}), ("auto", {"workers=2", "lines=1", "streams=1"})],
)
async def test_phones_and_streams_have_one_port(workers: str, counts: set[str]) -> None:
    async with gateway("--workers", workers) as running:
        phone, viewer = await running.connect("sip/anonymous@invalid"), await running.connect()
        await (await viewer.create_stream()).play("cam")
        stream = await phone.create_stream()
        with pytest.raises(StreamFailed, match="the stream to the call is 'local'"):
            await stream.publish("cam")
        running.process.send_signal(signal.SIGUSR1)
        status = await running.logged("status:")
        assert counts <= set(status.split())


@pytest.mark.parametrize("workers", ["1", "auto"])
async def test_status_names_the_streams(workers: str, tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    async with gateway("--workers", workers, "--control", str(control)) as running:
        publisher, viewer = await running.connect("live/room"), await running.connect("live/room")
        await (await publisher.create_stream()).publish("cam")
        for name in ("cam", "other"):
            await (await viewer.create_stream()).play(name)
        answer = await asyncio.to_thread(ask, control, "status")
    status = GatewayStatus.model_validate(answer)
    cam, other = (stream for worker in status.workers for stream in worker.streams)
    assert (cam.stream, cam.publisher, cam.players, cam.lost) == ("live/room/cam", "127.0.0.1", 1, 0)
    assert cam.duration_s is not None
    assert other == StreamStatus(stream="live/room/other", players=1, lost=0)
