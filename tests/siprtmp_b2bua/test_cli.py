"""The command `siprtmp` as a process: what it prints, and with what it exits."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from siprtmp_b2bua import __version__
from siprtmp_b2bua.cli import flag_settings, make_parser
from tests.interop.peers.ports import HOST, free_port

REPOSITORY = Path(__file__).parents[2]
TIMEOUT_S = 20


def command(*arguments: str) -> list[str]:
    """A command line of the gateway."""
    return [sys.executable, "-m", "siprtmp_b2bua", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the gateway to its end, with so few clients that no machine's limits are worth a line."""
    environment = {**os.environ, "SIPRTMP_RTMP__MAX_CONNECTIONS": "100"}
    return subprocess.run(
        command(*arguments), cwd=REPOSITORY, env=environment, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on, by TCP and UDP."""
    port = free_port()
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind((HOST, port))
        tcp.listen()
        udp.bind((HOST, port))
        yield port


def test_version() -> None:
    assert run("--version").stdout == f"siprtmp {__version__}\n"


def test_help_names_every_flag() -> None:
    text = run("--help").stdout
    for flag in (
        "-i",
        "-p",
        "-l",
        "-e",
        "-d",
        "-D",
        "--sip-port",
        "--rtp-ports",
        "--outbound-proxy",
        "--config",
    ):
        assert flag in text


def test_a_misspelt_command_is_answered_with_those_that_there_are() -> None:
    done = run("stauts")
    assert done.returncode == 2
    assert "siprtmp {status,drain,reload} [flags]" in done.stderr
    assert "unrecognized arguments: stauts" in done.stderr


def test_flags_become_settings() -> None:
    arguments = make_parser().parse_args(["-i", "::1", "-p", "1", "-l", HOST, "--rtp-ports", "2000-3000"])
    assert flag_settings(arguments) == {
        "rtmp": {"host": "::1", "port": 1},
        "sip": {"int_ip": HOST},
        "media": {"rtp_ports": "2000-3000"},
    }


def test_check_config_prints_what_would_be_used_and_no_password(tmp_path: Path) -> None:
    file = tmp_path / "siprtmp.toml"
    file.write_text('[[accounts]]\naor = "alice@pbx"\npassword = "hush-hush"\n')
    done = run("--config", str(file), "--sip-port", "5070", "--check-config")
    assert done.returncode == 0
    assert json.loads(done.stdout)["sip"]["port"] == 5070
    assert "hush-hush" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["-r", "/etc/passwd"], 1, "cannot record to /etc/passwd: /etc/passwd is not a directory"),
        (["-r", "/etc/passwd/below"], 1, "/etc/passwd is not a directory; choose another --root"),
        (["--rtmps-port", "1936", "--certificate", "/none.pem"], 1, "cannot serve RTMPS: cannot read"),
        (["--max-workers", "100"], 2, "media.rtp_ports 10000-10999 has 10 ports for each of 100 workers"),
    ],
)
@pytest.mark.parametrize("check", [[], ["--check-config"]])
def test_check_config_finds_what_would_keep_it_from_starting(
    arguments: list[str], status: int, words: str, check: list[str]
) -> None:
    done = run("-i", HOST, "-l", HOST, "-p", str(free_port()), "--sip-port", "0", *arguments, *check)
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert words in line
    assert done.stdout == ""


def test_check_config_is_content_with_a_directory_to_be_made(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "a" / "b"):
        done = run("-r", str(root), "--check-config")
        assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_without_a_port_is_pointed_out() -> None:
    done = run("--certificate", "/none.pem", "--check-config")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert " WARNING " in line
    assert "--rtmps-port" in line


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["-l", "not-an-address"], 2, "not an IP address"),
        (["--rtp-ports", "9"], 2, "not a range of ports"),
        (["--config", "/nonexistent.toml"], 2, "cannot read"),
        (["-i", HOST, "-l", "192.0.2.77"], 1, "192.0.2.77"),
        (["-i", "192.0.2.77", "-l", HOST], 1, "192.0.2.77"),
    ],
)
def test_what_cannot_work_ends_with_one_line(arguments: list[str], status: int, words: str) -> None:
    done = run("-p", str(free_port()), "--sip-port", str(free_port()), *arguments)
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert line.startswith("siprtmp: ")
    assert words in line
    assert done.stdout == ""


@pytest.mark.parametrize("side", ["rtmp", "sip"])
def test_a_taken_port_ends_with_one_line(taken_port: int, side: str) -> None:
    ports = {"rtmp": free_port(), "sip": free_port(), side: taken_port}
    done = run("-i", HOST, "-l", HOST, "-p", str(ports["rtmp"]), "--sip-port", str(ports["sip"]))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"{side.upper()} on {HOST}:{taken_port}" in line
    assert "choose another" in line


@pytest.mark.parametrize("workers", ["1", "auto"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time(number: signal.Signals, workers: str) -> None:
    arguments = ["-i", HOST, "-l", HOST, "-p", str(free_port()), "--sip-port", "0", "--workers", workers]
    process = subprocess.Popen(
        command(*arguments), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    with process:
        assert process.stderr is not None
        assert any("RTMP on" in line for line in process.stderr)
        begin = time.monotonic()
        process.send_signal(number)
        assert process.wait(TIMEOUT_S) == 0
        assert time.monotonic() - begin < 5
        rest = [line for line in process.stderr if not re.search("stopping|worker 1 .* has ended", line)]
        assert rest == []
