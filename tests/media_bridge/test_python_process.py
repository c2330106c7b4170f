"""Where another process of the same Python looks for modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from media_bridge.python_process import module_command, module_environment


def run(module: str, *arguments: str) -> str:
    return subprocess.check_output(module_command(module, *arguments), env=module_environment(), text=True)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, in which nothing is to be looked for."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_a_module_is_found_where_this_process_would_find_it(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory, says in ((tmp_path, "right"), (elsewhere, "wrong")):
        (directory / "only_here.py").write_text(f"import sys; print({says!r}, *sys.argv[1:])\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run("only_here", "7") == "right 7\n"


def test_a_file_in_the_current_directory_is_no_module(elsewhere: Path) -> None:
    (elsewhere / "platform.py").write_text("raise SystemExit(1)\n")
    assert run("platform")


def test_a_program_that_looks_there_itself_is_followed(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "only_there.py").write_text("print('there')\n")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert run("only_there") == "there\n"


def test_places_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "show_path.py").write_text("import sys; print(*sys.path, sep='\\n')\n")
    places = [str(tmp_path), *sys.path]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", places)
        shown = run("show_path").splitlines()
    assert [place for place in shown if place in places] == list(dict.fromkeys(places))
