"""The gateway as a process with RTMPS: start, clients, renewal of the certificate, and what goes wrong."""

from __future__ import annotations

import asyncio
import signal
import ssl
from pathlib import Path

import pytest

from rtmp.aio import RtmpClient
from tests.interop.peers.ports import HOST, free_port
from tests.rtmp.certificates import make_certificate, needs_openssl, trusting
from tests.siprtmp_b2bua.running_gateway import gateway
from tests.siprtmp_b2bua.test_cli import run

pytestmark = needs_openssl


async def connect(rtmps_port: int, context: ssl.SSLContext) -> RtmpClient:
    """Connect as a guest."""
    async with asyncio.timeout(10):
        return await RtmpClient.connect(f"rtmps://{HOST}:{rtmps_port}/sip/anonymous@invalid", ssl=context)


@pytest.fixture
def rtmps_port() -> int:
    """A free port."""
    return free_port()


async def test_clients_connect_and_the_certificate_is_renewed_by_sighup(
    tmp_path: Path, rtmps_port: int
) -> None:
    certificate, key = make_certificate(tmp_path)
    old = trusting(certificate)
    async with gateway(
        "--rtmps-port", str(rtmps_port), "--certificate", str(certificate), "--key", str(key)
    ) as running:
        first = await connect(rtmps_port, old)
        key.write_text("nothing")
        running.process.send_signal(signal.SIGHUP)
        line = await running.logged("stays in force")
        assert " ERROR " in line
        assert f"{key} holds no key" in line
        second = await connect(rtmps_port, old)
        make_certificate(tmp_path)
        running.process.send_signal(signal.SIGHUP)
        await running.logged("is read again")
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(rtmps_port, old)
        third = await connect(rtmps_port, trusting(certificate))
        for client in (first, second, third):
            await client.create_stream()
            client.close()
            await client.closed


@pytest.mark.parametrize(
    ("workers", "done"), [("auto", "new settings are in force"), ("1", "with one process settings change")]
)
async def test_reload_fails_if_the_certificate_cannot_be_read_and_does_the_rest(
    tmp_path: Path, rtmps_port: int, workers: str, done: str
) -> None:
    certificate, key = make_certificate(tmp_path)
    good = key.read_text()
    config, control = tmp_path / "siprtmp.toml", tmp_path / "control"
    config.write_text("share_aor = false\n")
    arguments = ["--certificate", str(certificate), "--key", str(key), "--workers", workers]
    arguments += ["--config", str(config), "--control", str(control)]
    async with gateway("--rtmps-port", str(rtmps_port), *arguments) as running:
        key.write_text("nothing")
        config.write_text("share_aor = true\n")
        answer = await asyncio.to_thread(run, "reload", "--control", str(control))
        failure = f"{key} holds no key in PEM format; the certificate that was loaded before stays in force"
        assert (answer.returncode, answer.stderr) == (1, f"siprtmp: {failure}\n")
        assert answer.stdout.startswith(done)
        assert " ERROR " in await running.logged(failure)
        await running.logged(done)
        key.write_text(good)
        answer = await asyncio.to_thread(run, "reload", "--control", str(control))
        assert (answer.returncode, answer.stderr) == (0, "")
        await running.logged("is read again")


async def test_bounds_hold_for_both_ports_together(tmp_path: Path, rtmps_port: int) -> None:
    certificate, key = make_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    config = tmp_path / "siprtmp.toml"
    config.write_text("[rtmp]\nmax_connections_per_address = 1\n")
    async with gateway(
        "--rtmps-port", str(rtmps_port), "--certificate", str(both), "--config", str(config)
    ) as running:
        client = await connect(rtmps_port, trusting(certificate))
        _, writer = await asyncio.open_connection(HOST, running.port)
        await running.logged(f"refused: 1 connections are open from {HOST}")
        writer.close()
        client.close()
        await client.closed


async def test_the_policy_file_is_for_the_domains_of_the_configuration(
    tmp_path: Path, rtmps_port: int
) -> None:
    certificate, key = make_certificate(tmp_path)
    config = tmp_path / "siprtmp.toml"
    config.write_text("[rtmp]\npolicy_file_domains = ['*.example.com']\n")
    arguments = ["--certificate", str(certificate), "--key", str(key), "--config", str(config)]
    async with gateway("--rtmps-port", str(rtmps_port), *arguments) as running:
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
