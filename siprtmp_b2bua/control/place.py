"""Where the control socket of a gateway is."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..errors import StartupError

_OWNER_ALONE: Final = 0o700


def control_path(setting: str, rtmp_port: int, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path: the setting, or else one that a gateway's RTMP port gives.

    That is in the directory that the service manager or the login session made for such things, or else in
    one below the directory for temporary files which belongs to the user alone.
    """
    if setting:
        return Path(setting)
    runtime = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0] or environment.get("XDG_RUNTIME_DIR")
    directory = Path(runtime) if runtime else Path(tempfile.gettempdir()) / f"siprtmp-{os.getuid()}"
    return directory / f"siprtmp-{rtmp_port}.sock"


def make_directory(path: Path) -> None:
    """See to it that the socket has a directory; raises `StartupError` if others could write there."""
    directory = path.parent
    try:
        directory.mkdir(mode=_OWNER_ALONE, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise StartupError(
            f"cannot make {directory} for the control socket: {error.strerror}; choose another --control"
        ) from None
    foreign = status.st_uid not in (0, os.getuid())
    if not stat.S_ISDIR(status.st_mode) or foreign or status.st_mode & stat.S_IWOTH:
        raise StartupError(f"others can write to {directory}, the control socket's; choose another --control")
