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
    resources.check_resources(config(max_connections=10), 32)
    assert not caplog.records
