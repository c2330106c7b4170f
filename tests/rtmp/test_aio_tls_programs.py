"""FFmpeg, and rtmpdump behind stunnel, against the server's RTMPS."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtmp import events as ev
from tests.interop.peers.ports import free_port
from tests.rtmp.certificates import make_server_tls, needs_openssl
from tests.rtmp.running_server import Running, running
from tests.rtmp.test_aio_programs import run_program

pytestmark = [pytest.mark.interop, needs_openssl]
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
needs_stunnel = pytest.mark.skipif(
    not (shutil.which("stunnel") and shutil.which("rtmpdump")),
    reason="needs stunnel and rtmpdump (apt install stunnel4 rtmpdump)",
)

BODY = bytes(range(200))


async def play_to(run: Running, program: asyncio.Task[int]) -> int:
    """Send 30 audio messages to the program that connects next; return its exit status."""
    log = await run.logs.get()
    play = await log.wait(lambda e: isinstance(e, ev.PlayRequested))
    for n in range(30):
        log.connection.send_audio(play.stream_id, n * 20, b"\xb6" + BODY)
    log.connection.end_play(play.stream_id)
    return await program


@needs_ffmpeg
async def test_ffmpeg_publishes_through_tls(tmp_path: Path) -> None:
    tls = make_server_tls(tmp_path)
    async with running(ssl=tls) as run:
        program = run_program(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=16000", "-t", "0.5", "-ac", "1",
            "-c:a", "aac", "-f", "flv", f"rtmps://127.0.0.1:{run.server.port}/live/cam",
        )  # fmt: skip
        assert await program == 0
        log = await run.logs.get()
        assert await log.closed() is None
        assert len([event for event in log.events if isinstance(event, ev.AudioReceived)]) > 5
        assert isinstance(log.events[-2], ev.StreamClosed)


@needs_ffmpeg
async def test_ffmpeg_plays_through_tls(tmp_path: Path) -> None:
    tls = make_server_tls(tmp_path)
    async with running(ssl=tls) as run:
        output = tmp_path / "out.flv"
        url = f"rtmps://127.0.0.1:{run.server.port}/live/cam"
        arguments = ["-rtmp_live", "live", "-i", url, "-c", "copy", "-t", "0.4", str(output)]
        program = asyncio.create_task(run_program("ffmpeg", "-v", "error", *arguments))
        assert await play_to(run, program) == 0
        assert output.read_bytes().count(BODY) > 15


@asynccontextmanager
async def stunnel(directory: Path, certificate: Path, connect_port: int) -> AsyncIterator[int]:
    """Run stunnel as a client of an RTMPS port; yields the plain port in front of it."""
    port = free_port()
    config = directory / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\nsyslog = no\n[rtmps]\nclient = yes\naccept = 127.0.0.1:{port}\n"
        f"connect = 127.0.0.1:{connect_port}\nCAfile = {certificate}\nverifyPeer = yes\n"
    )
    process = await asyncio.create_subprocess_exec(
        "stunnel", str(config), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(10):
            while b"Configuration successful" not in (line := await process.stdout.readline()):
                assert line, "stunnel ended"
        yield port
    finally:
        process.terminate()
        await process.communicate()


@needs_stunnel
async def test_rtmpdump_plays_through_stunnel(tmp_path: Path) -> None:
    tls = make_server_tls(tmp_path)
    async with running(ssl=tls) as run, stunnel(tmp_path, tls.certificate, run.server.port) as port:
        output = tmp_path / "out.flv"
        program = asyncio.create_task(
            run_program("rtmpdump", "-q", "-v", "-r", f"rtmp://127.0.0.1:{port}/live/cam", "-o", str(output))
        )
        assert await play_to(run, program) in (0, 2)
        assert output.read_bytes().count(BODY) == 30


async def test_openssl_with_tls_1_1_is_refused(tmp_path: Path) -> None:
    tls = make_server_tls(tmp_path)
    async with running(ssl=tls) as run:
        address = f"127.0.0.1:{run.server.port}"
        ciphers = ["-cipher", "ALL:@SECLEVEL=0"]
        assert await run_program("openssl", "s_client", "-connect", address, "-tls1_1", *ciphers) != 0
        assert await run_program("openssl", "s_client", "-connect", address, "-tls1_2", *ciphers) == 0
