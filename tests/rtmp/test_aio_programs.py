"""FFmpeg and rtmpdump against the server."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from rtmp import events as ev
from tests.rtmp.running_server import running


async def run_program(*arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(15):
            return await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
@pytest.mark.parametrize(("codec", "first"), [("libspeex", 0xB0), ("aac", 0xA0)])
async def test_ffmpeg_publishes(codec: str, first: int) -> None:
    async with running() as run:
        url = f"rtmp://127.0.0.1:{run.server.port}/live/cam"
        program = run_program(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=16000", "-t", "0.5", "-ac", "1",
            "-c:a", codec, "-f", "flv", url,
        )  # fmt: skip
        assert await program == 0
        log = await run.logs.get()
        assert await log.closed() is None
        audio = [event for event in log.events if isinstance(event, ev.AudioReceived)]
        assert len(audio) > 5
        assert {event.payload[0] & 0xF0 for event in audio} == {first}
        assert isinstance(log.events[-2], ev.StreamClosed)


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("rtmpdump") is None, reason="needs rtmpdump (apt install rtmpdump)")
async def test_rtmpdump_plays(tmp_path: Path) -> None:
    async with running() as run:
        output = tmp_path / "out.flv"
        program = asyncio.create_task(
            run_program(
                "rtmpdump",
                "-q",
                "-v",
                "-r",
                f"rtmp://127.0.0.1:{run.server.port}/live/cam",
                "-C",
                "S:login",
                "-o",
                str(output),
            )
        )
        log = await run.logs.get()
        requested = await log.wait(lambda e: isinstance(e, ev.ConnectRequested))
        assert requested.arguments == ("login",)
        play = await log.wait(lambda e: isinstance(e, ev.PlayRequested))
        body = bytes(range(200))
        for n in range(30):
            log.connection.send_audio(play.stream_id, n * 20, b"\xb6" + body)
        log.connection.end_play(play.stream_id)
        assert await program in (0, 2)
        assert output.read_bytes().count(body) == 30
