"""What the connections of a live application share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rtmp.aio.live.archive import LiveArchive
from rtmp.aio.live.coalescing import Coalescing
from rtmp.aio.live.directory import LiveDirectory
from rtmp.aio.live.requests import Authorize
from rtmp.aio.recording.file_player_config import FilePlayerConfig
from rtmp.auth.server_auth import ServerAuth


@dataclass(frozen=True, slots=True)
class LiveServices:
    """The streams, the recordings if there are any, who may do what, and how recordings are played."""

    directory: LiveDirectory
    archive: LiveArchive | None
    authorize: Authorize | None
    auth: ServerAuth | None
    player_config: FilePlayerConfig
    record_live: bool
    """Whether what is published as `live` is recorded as well."""
    coalescing: Coalescing
    ends: set[Callable[[], None]] = field(default_factory=set)
    """One for each client that publishes: ends that, and closes its connection."""
