"""The gateway as a process with RTMPS: start, clients, renewal of the certificate, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtmp.aio import RtmpClient
from tests.interop.peers.ports import HOST, free_port
from tests.rtmp.certificates import make_certificate, needs_openssl, trusting
from tests.siprtmp_b2bua.test_cli import REPOSITORY, run

pytestmark = needs_openssl


class RunningGateway:
    """A gateway with RTMPS, and its log."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, rtmps_port: int) -> None:
        self.process = process
        self.port = port
        self.rtmps_port = rtmps_port

    async def logged(self, words: str) -> str:
        """Read the log up to a line with these words."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while words not in (line := (await self.process.stderr.readline()).decode()):
                assert line, f"the gateway ended without saying {words!r}"
            return line

    async def connect(self, context: ssl.SSLContext) -> RtmpClient:
        """Connect as a guest."""
        async with asyncio.timeout(10):
            return await RtmpClient.connect(
                f"rtmps://{HOST}:{self.rtmps_port}/sip/anonymous@invalid", ssl=context
            )


@asynccontextmanager
async def gateway(*arguments: str) -> AsyncIterator[RunningGateway]:
    """Run a gateway, and end it by SIGTERM."""
    port, rtmps_port = free_port(), free_port()
    ports = ["-p", str(port), "--rtmps-port", str(rtmps_port), "--sip-port", str(free_port())]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siprtmp_b2bua", "-i", HOST, "-l", HOST, *ports, *arguments,
        cwd=REPOSITORY, stderr=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    running = RunningGateway(process, port, rtmps_port)
    try:
        await running.logged(f"RTMPS on {HOST}:{rtmps_port}")
        await running.logged(f"RTMP on {HOST}:{port}")
        yield running
        process.terminate()
        async with asyncio.timeout(20):
            _, rest = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_clients_connect_and_the_certificate_is_renewed_by_sighup(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    old = trusting(certificate)
    async with gateway("--certificate", str(certificate), "--key", str(key)) as running:
        first = await running.connect(old)
        key.write_text("nothing")
        running.process.send_signal(signal.SIGHUP)
        line = await running.logged("stays in force")
        assert " ERROR " in line
        assert f"{key} holds no key" in line
        second = await running.connect(old)
        make_certificate(tmp_path)
        running.process.send_signal(signal.SIGHUP)
        await running.logged("is read again")
        with pytest.raises(ssl.SSLCertVerificationError):
            await running.connect(old)
        third = await running.connect(trusting(certificate))
        for client in (first, second, third):
            await client.create_stream()
            client.close()
            await client.closed


async def test_bounds_hold_for_both_ports_together(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    config = tmp_path / "siprtmp.toml"
    config.write_text("[rtmp]\nmax_connections_per_address = 1\n")
    async with gateway("--certificate", str(both), "--config", str(config)) as running:
        client = await running.connect(trusting(certificate))
        _, writer = await asyncio.open_connection(HOST, running.port)
        await running.logged(f"refused: 1 connections are open from {HOST}")
        writer.close()
        client.close()
        await client.closed


async def test_the_policy_file_is_for_the_domains_of_the_configuration(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    config = tmp_path / "siprtmp.toml"
    config.write_text("[rtmp]\npolicy_file_domains = ['*.example.com']\n")
    arguments = ["--certificate", str(certificate), "--key", str(key), "--config", str(config)]
    async with gateway(*arguments) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(b"<policy-file-request/>\0")
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert b'domain="*.example.com"' in answer
        assert f'to-ports="{running.port}"'.encode() in answer
        await running.logged("asked for the policy file")


def test_a_missing_certificate_ends_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "missing.pem"
    arguments = ["-i", HOST, "-l", HOST, "-p", str(free_port()), "--sip-port", str(free_port())]
    done = run(*arguments, "--rtmps-port", str(free_port()), "--certificate", str(file))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"siprtmp: cannot serve RTMPS: cannot read certificate {file}: No such file or directory\n"
    )


def test_a_taken_rtmps_port_ends_with_one_line(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    arguments = ["-i", "192.0.2.77", "-l", HOST, "-p", str(free_port()), "--sip-port", str(free_port())]
    done = run(*arguments, "--rtmps-port", "1", "--certificate", str(certificate), "--key", str(key))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot listen for RTMP" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rtmps-port", "4430"], "tls_port needs certificate"),
        (["--rtmps-port", "1935", "--certificate", "x"], "port and tls_port are both 1935"),
        (["--rtmps-port", "70000", "--certificate", "x"], "rtmp.tls_port"),
    ],
)
def test_what_cannot_be_configured(arguments: list[str], words: str) -> None:
    done = run("--check-config", *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert words in line
