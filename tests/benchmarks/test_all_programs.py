"""`python -m benchmarks`: it runs what the README names."""

import importlib
import re
from pathlib import Path

import pytest

from benchmarks import __main__ as everything

README = Path(__file__).parents[2] / "README.md"


def test_all_programs_whose_figures_the_readme_has_are_run():
    named = set(re.findall(r"python (?:-m benchmarks\.|benchmarks/)(\w+)", README.read_text()))

    assert named <= {program.split()[0] for program in everything.PROGRAMS}


@pytest.mark.parametrize("program", sorted({program.split()[0] for program in everything.PROGRAMS}))
def test_each_is_there(program: str):
    assert importlib.import_module(f"benchmarks.{program}").main


def test_the_list_runs_none(capsys: pytest.CaptureFixture[str]):
    assert everything.main(["--list"]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == "python -m benchmarks.rtmp_parse"


def test_one_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(everything, "PROGRAMS", ("calls --no-such-flag", "rtmp_parse --help"))

    assert everything.main([]) == 1

    assert capsys.readouterr().err == "failed: calls --no-such-flag\n"
