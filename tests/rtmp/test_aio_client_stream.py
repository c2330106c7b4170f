"""The commands of a client's stream, over sockets."""

from __future__ import annotations

import asyncio

import pytest

from rtmp import events as ev
from rtmp.aio import RtmpClient
from rtmp.capabilities import Capabilities, CapsEx
from rtmp.errors import LocalProtocolError, StreamFailed
from tests.rtmp.running_server import running


async def test_a_player_pauses_seeks_and_chooses() -> None:
    async with running() as run, asyncio.timeout(5):
        client = await RtmpClient.connect(
            f"rtmp://127.0.0.1:{run.server.port}/live", capabilities=Capabilities(caps_ex=CapsEx.MULTITRACK)
        )
        log = await run.logs.get()
        stream = await client.create_stream()
        codes: list[str] = []
        stream.on_status = lambda event: codes.append(event.code)
        await stream.play("cam", 500.0, 2000.0, announce=True)
        assert (await stream.pause(40)).code == "NetStream.Pause.Notify"
        assert (await stream.resume(40)).code == "NetStream.Unpause.Notify"
        refused = asyncio.ensure_future(stream.seek(0))
        await log.wait(lambda e: isinstance(e, ev.SeekRequested))
        log.connection.reject_seek(stream.stream_id, "live")
        with pytest.raises(StreamFailed, match="live"):
            await refused
        assert codes[-1] == "NetStream.Seek.Failed"
        accepted = asyncio.ensure_future(stream.seek(1000))
        await log.wait(lambda e: e == ev.SeekRequested(stream.stream_id, 1000.0))
        log.connection.accept_seek(stream.stream_id, 1000.0)
        assert (await accepted).code == "NetStream.Seek.Notify"
        stream.receive_video(False)
        stream.receive_audio(False)
        await log.wait(lambda e: e == ev.ReceiveChanged(stream.stream_id, False, False))
        requested = await log.wait(lambda e: isinstance(e, ev.PlayRequested))
        assert (requested.start, requested.duration, requested.reset) == (500.0, 2000.0, True)
        connect = log.events[0]
        assert isinstance(connect, ev.ConnectRequested)
        assert Capabilities.from_command_object(connect.command_object).caps_ex is CapsEx.MULTITRACK
        client.close()
        await client.wait_closed()
        stream.receive_audio(True)  # the connection is gone: nothing happens


async def test_one_command_waits_at_a_time() -> None:
    async with running() as run, asyncio.timeout(5):
        client = await RtmpClient.connect(f"rtmp://127.0.0.1:{run.server.port}/live")
        stream = await client.create_stream()
        await stream.play("cam")
        pausing = asyncio.ensure_future(stream.pause(0))
        await asyncio.sleep(0)
        with pytest.raises(LocalProtocolError, match="still waits"):
            await stream.seek(0)
        await pausing
        client.close()
        await client.wait_closed()
