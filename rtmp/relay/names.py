"""How an app and a stream name in a request read: what is the stream, and what are credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from rtmp.errors import RemoteProtocolError

MAX_NAME = 256
_MAX_FIELDS = 32


@dataclass(frozen=True, slots=True)
class StreamName:
    """A stream of an application, such as `cam` of `live`; `query` is what both carried behind a `?`."""

    app: str
    name: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold keys and passwords

    @classmethod
    def parse(cls, app: str, name: str) -> StreamName:
        """Split app and name from their queries; of a field in both, that of the name counts.

        Raises RemoteProtocolError if the name is empty, longer than MAX_NAME, or holds control characters.
        """
        app, _, app_query = app.strip("/").partition("?")
        name, _, name_query = name.partition("?")
        app, name = app.strip("/"), name.strip("/")
        if not name or len(app) + len(name) > MAX_NAME or not (app + name).isprintable():
            raise RemoteProtocolError(f"no name of a stream: {name[:40]!r}")
        return cls(app, name, {**_fields(app_query), **_fields(name_query)})

    def __str__(self) -> str:
        return f"{self.app}/{self.name}"


def _fields(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:  # more fields than that
        return {}
