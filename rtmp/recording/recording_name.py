"""Which file a stream's recording is: from the names that clients send to a path below a root."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from rtmp.errors import InvalidStreamName

SUFFIX: Final = ".flv"
_PREFIX: Final = "flv:"
_MAX_DEPTH: Final = 8
_MAX_LENGTH: Final = 255
_MAX_PART: Final = 128
# Nothing hidden, nothing that begins like a flag, nothing that a shell, a URL or a log would have to quote.
_PART: Final = re.compile(r"[A-Za-z0-9_@+=,][A-Za-z0-9_@+=,.-]*", re.ASCII)


def recording_path(app: str, name: str) -> PurePosixPath:
    """Return the relative path of the recording of a stream: the application's parts, the name's, `.flv`.

    A query is not part of either; `flv:clip`, `clip.flv` and `clip` are the same. Both may have folders, so
    an application that is below another in name is so on disk too. Raises InvalidStreamName for anything
    else than letters, digits and `_@+=,.-`, and for what is hidden, too long or too deep.
    """
    stream = name.partition("?")[0].removeprefix(_PREFIX).removesuffix(SUFFIX)
    application = app.partition("?")[0].rstrip("/")
    parts = [*(application.split("/") if application else ()), *stream.split("/")]
    if len(parts) > _MAX_DEPTH or sum(map(len, parts)) + len(parts) > _MAX_LENGTH:
        raise InvalidStreamName(f"stream name of {len(name)} characters is too long or too deep")
    for part in parts:
        if len(part) > _MAX_PART or _PART.fullmatch(part) is None:
            # not the query: it may hold a key
            raise InvalidStreamName(
                f"{stream[:60]!r} in {application[:60]!r} cannot be the name of a recording"
            )
    return PurePosixPath(*parts[:-1], parts[-1] + SUFFIX)
