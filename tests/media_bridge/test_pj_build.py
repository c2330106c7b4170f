"""What a build of pjsua2 has room for, and that the numbers of the wheel are those it has."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from media_bridge.pj_build import WHEEL, PjBuild, installed_build, probe


def test_the_installed_build_is_as_it_says() -> None:
    assert probe() == installed_build()


def test_it_is_found_out_by_no_file_that_lies_in_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ctypes.py").write_text("raise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.ERROR):
        assert probe() == installed_build()
    assert not caplog.records


def test_the_wheel_has_room_for_four_calls() -> None:
    assert (WHEEL.lines, WHEEL.registrations, WHEEL.media_to_open(4)) == (4, 7, 14)


@pytest.mark.parametrize(
    ("build", "lines"),
    [
        (PjBuild(calls=40, accounts=64, sockets=512), 40),
        (PjBuild(calls=40, accounts=8, sockets=512), 7),
        (PjBuild(calls=40, accounts=64, sockets=64), 4),
        (PjBuild(calls=1000, accounts=1001, sockets=1024), 124),
        (PjBuild(calls=1, accounts=1, sockets=32), 1),
    ],
)
def test_lines_are_what_calls_accounts_and_sockets_all_suffice_for(build: PjBuild, lines: int) -> None:
    assert build.lines == lines


@pytest.mark.parametrize("program", ["/bin/false", "/bin/echo", "/nowhere/python"])
def test_a_build_that_does_not_tell_is_taken_for_the_smallest(
    program: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.executable", program)
    with caplog.at_level(logging.ERROR):
        assert probe() == WHEEL
    assert "what this build of pjsua2 has room for is unknown, so 4 calls: " in caplog.text
