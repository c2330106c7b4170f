"""Short runs of the RTMP benchmark programs, with real servers."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import rtmp_idle, rtmp_relay


def relay_is_whole(server: str, kind: str, report: Path) -> None:
    options = f"--server {server} --kind {kind} --publishers 3 --players 2 --seconds 1 --json {report}"

    status = rtmp_relay.main(options.split())

    assert status == 0
    (row,) = json.loads(report.read_text())["rows"]
    figures = row["figures"]
    assert figures["sent"] > 3 * 40
    assert figures["expected"] == 2 * figures["sent"]
    assert [figures[name] for name in ("lost", "duplicated", "out_of_order")] == [0, 0, 0]
    assert 0 < figures["latency_median_ms"] <= figures["latency_p99_ms"] < 1000
    assert figures["base_rss_kib"] > 1000


@pytest.mark.parametrize(
    ("server", "kind"), [("bare-asyncio", "av"), ("bare-asyncio", "speex"), ("bare-uvloop", "av")]
)
def test_nothing_is_lost_in_a_bare_relay(
    server: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    relay_is_whole(server, kind, tmp_path / "relay.json")

    assert f"| {kind} 3×2" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["av", "speex"])
def test_nothing_is_lost_in_ours(kind: str, tmp_path: Path):
    relay_is_whole("ours", kind, tmp_path / "relay.json")


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nothing_is_lost_in_nginx(tmp_path: Path):
    relay_is_whole("nginx", "av", tmp_path / "relay.json")


def test_several_servers_take_turns(tmp_path: Path):
    report = tmp_path / "relay.json"

    options = f"--compare bare-uvloop,bare-asyncio --repeat 2 --publishers 1 --seconds 0.2 --json {report}"

    status = rtmp_relay.main(options.split())

    assert status == 0
    rows = json.loads(report.read_text())["rows"]
    assert [(row["server"], len(row["runs"])) for row in rows] == [("bare-uvloop", 2), ("bare-asyncio", 2)]


@pytest.mark.parametrize("server", ["bare-asyncio", "ours"])
def test_clients_come_idle_and_go(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = tmp_path / "idle.json"

    options = f"--server {server} --clients 20 --seconds 0.2 --churn 50 --warm-up 10 --at-once 10 --json"

    status = rtmp_idle.main([*options.split(), str(report)])

    assert status == 0
    (row,) = json.loads(report.read_text())["rows"]
    assert row["after"]["descriptors"] == row["before"]["descriptors"]
    assert row["after"]["tasks"] == row["before"]["tasks"] >= 1
    assert "20 idle clients for 0.2 s\n\n| server " in capsys.readouterr().out
