"""Where the control socket is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from siprtmp_b2bua.control.place import control_path, make_directory
from siprtmp_b2bua.errors import StartupError


def test_the_setting_comes_first_then_the_service_manager_then_the_session() -> None:
    both = {"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/7"}
    assert control_path("/x/y.sock", 1935, both) == Path("/x/y.sock")
    assert control_path("", 1935, both) == Path("/run/a/siprtmp-1935.sock")
    assert control_path("", 1936, {"XDG_RUNTIME_DIR": "/run/user/7"}) == Path("/run/user/7/siprtmp-1936.sock")
    assert control_path("", 1935, {}).parent.name == f"siprtmp-{os.getuid()}"


def test_the_directory_is_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "s.sock"
    make_directory(path)
    make_directory(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_where_others_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StartupError, match="others can write"):
        make_directory(tmp_path / "s.sock")


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="choose another --control"):
        make_directory(tmp_path / "file" / "s.sock")
