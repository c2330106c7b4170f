"""What the connections of a live application share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rtmp.aio.live.archive import LiveArchive
from rtmp.aio.live.directory import LiveDirectory
from rtmp.aio.live.requests import Authorize
from rtmp.auth.server_auth import ServerAuth


@dataclass(frozen=True, slots=True)
class LiveServices:
    """The streams, the recordings if there are any, and who may do what."""

    directory: LiveDirectory
    archive: LiveArchive | None
    authorize: Authorize | None
    auth: ServerAuth | None
    ends: set[Callable[[], None]] = field(default_factory=set)
    """One for each client that publishes: ends that, and closes its connection."""
