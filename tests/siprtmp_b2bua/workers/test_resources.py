"""What is said of limits that are too low."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.errors import StartupError
from siprtmp_b2bua.workers import resources


@pytest.fixture(autouse=True)
def open_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def config(**rtmp: int) -> GatewayConfig:
    return GatewayConfig.load(flags={"rtmp": rtmp, "media": {"rtp_ports": "10000-10999"}})


def test_the_soft_limit_of_open_files_is_raised_silently(caplog: pytest.LogCaptureFixture) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    resources.check_resources(config(max_connections=300), 32)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300 + 4 * 32 + 64
    assert "open files" not in caplog.text


def test_a_hard_limit_that_is_too_low_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resources.resource, "getrlimit", lambda _what: (100, 400))
    monkeypatch.setattr(resources.resource, "setrlimit", lambda _what, limits: set_limits.append(limits))
    resources.check_resources(config(max_connections=10_000), 32)
    assert set_limits == [(400, 400)]
    assert "400 open files are allowed, and 10000 clients" in caplog.text
    assert "LimitNOFILE=" in caplog.text


def test_a_client_of_rtmps_is_two_open_files(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    rtmp = {"max_connections": 300, "tls_port": 1936, "certificate": str(tmp_path / "none.pem")}
    resources.check_resources(GatewayConfig.load(flags={"rtmp": rtmp}), 25)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2 * 300 + 4 * 25 + 64


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where cgroups are; ours is `system.slice/siprtmp.service`, without a limit."""
    (tmp_path / "self").write_text("4:memory:/elsewhere\n0::/system.slice/siprtmp.service\n")
    own = tmp_path / "cgroup" / "system.slice" / "siprtmp.service"
    own.mkdir(parents=True)
    (own / "pids.max").write_text("max\n")
    monkeypatch.setattr(resources, "_CGROUP_OF_SELF", tmp_path / "self")
    monkeypatch.setattr(resources, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path / "cgroup"


@pytest.mark.parametrize(
    "limits",
    [
        {"system.slice/siprtmp.service": "100\n"},
        {"system.slice": "100\n", ".": "5000\n"},
        {"system.slice/siprtmp.service": "5000\n", ".": "100\n"},
    ],
)
def test_too_few_processes_for_the_service_or_what_it_is_in_are_told(
    limits: dict[str, str], cgroups: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for place, limit in limits.items():
        (cgroups / place / "pids.max").write_text(limit)
    resources.check_resources(config(), 32)
    assert "may have 100 processes and threads, and 32 workers need 256: raise the limit" in caplog.text
    assert "TasksMax= of systemd, --pids-limit of Docker" in caplog.text


@pytest.mark.parametrize("limit", ["max\n", "256\n"])
def test_enough_processes_are_passed_over_in_silence(
    limit: str, cgroups: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (cgroups / "system.slice" / "pids.max").write_text(limit)
    (cgroups.parent / "pids.max").write_text("1\n")  # which is above all cgroups
    resources.check_resources(config(), 32)
    assert "processes and threads" not in caplog.text


def test_ports_that_outgoing_connections_take_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ephemeral = tmp_path / "range"
    ephemeral.write_text("10500\t60999\n")
    monkeypatch.setattr(resources, "_EPHEMERAL", ephemeral)
    resources.check_resources(config(), 32)
    assert "overlaps the ports 10500-60999" in caplog.text


def test_buffers_that_are_too_small_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wmem_default").write_text("16384\n")
    monkeypatch.setattr(resources, "_NET_CORE", tmp_path)
    with pytest.raises(StartupError, match=r"sysctl -w net\.core\.wmem_default"):
        resources.check_resources(config(), 32)


def test_a_machine_that_tells_nothing_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resources, "_NET_CORE", tmp_path)
    monkeypatch.setattr(resources, "_EPHEMERAL", tmp_path / "none")
    monkeypatch.setattr(resources, "_CGROUP_OF_SELF", tmp_path / "none")
    resources.check_resources(config(max_connections=10), 32)
    assert not caplog.records
