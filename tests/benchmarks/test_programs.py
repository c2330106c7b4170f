"""Short runs of the benchmark programs, with real calls."""

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks import calls, churn, soak

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="SIPp is not installed"),
]


def test_calls_come_back_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = tmp_path / "calls.json"

    status = calls.main(["--calls", "2", "--seconds", "2", "--rounds", "2", "--json", str(report)])

    assert status == 0
    data = json.loads(report.read_text())
    quality = data["measured"]["quality"]
    assert [call["frames_sent"] for call in quality] == [100, 100]
    assert all(call["frames_returned"] >= 95 for call in quality)
    assert all(len(call["latencies_ms"]) == call["beeps_sent"] == 1 for call in quality)
    assert all(abs(call["level_change_db"]) < 3 for call in quality)
    assert len(data["measured"]["summaries"]) == 2
    assert len(data["measured"]["connect_ms"]) == 2
    assert data["measured"]["troubles"] == []
    assert "| CPU, 2 calls" in capsys.readouterr().out


def test_one_call_of_each_way_goes_as_it_should(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = tmp_path / "soak.json"

    status = soak.main(["--calls", "10", "--every", "5", "--json", str(report), "--check"])

    data = json.loads(report.read_text())
    assert data["failures"] == []
    assert len(data["ways"]) == 5
    assert [sample["calls"] for sample in data["samples"]] == [0, 5, 10]
    assert status == 0
    assert "| grows? |" in capsys.readouterr().out


def test_calls_of_many_workers_begin_and_end_and_leave_nothing(capsys: pytest.CaptureFixture[str]):
    arguments = ["--clients", "6", "--rate", "10", "--hold", "0.2", "--seconds", "4", "--phases", "2"]

    status = churn.main([*arguments, "--check"])

    said = capsys.readouterr().out
    assert status == 0, said
    assert int(re.search(r"^(\d+) calls, ", said, re.MULTILINE)[1]) > 5


def test_a_gateway_that_does_not_start_is_reported_with_its_words(capsys: pytest.CaptureFixture[str]):
    assert calls.main(["--seconds", "2", "--gateway-args=--no-such-flag"]) == 2

    assert "unrecognized arguments: --no-such-flag" in capsys.readouterr().err
