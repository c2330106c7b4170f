"""A live application: what to hand to `start_server`."""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.aio.live.archive import LiveArchive
from rtmp.aio.live.coalescing import Coalescing
from rtmp.aio.live.connection import LiveConnection
from rtmp.aio.live.directory import LiveDirectory, StreamReport
from rtmp.aio.live.requests import DEFAULT_LIVE_LIMITS, Authorize, LiveLimits, Republish
from rtmp.aio.live.services import LiveServices
from rtmp.aio.recording.file_player_config import DEFAULT_CONFIG as DEFAULT_PLAYER_CONFIG
from rtmp.aio.recording.file_player_config import FilePlayerConfig
from rtmp.aio.recording.recording_file import DEFAULT_CONFIG as DEFAULT_RECORDER_CONFIG
from rtmp.aio.recording.recording_file import RecorderConfig
from rtmp.aio.recording.recordings import Recordings
from rtmp.aio.server import ServerConnection
from rtmp.auth.server_auth import ServerAuth
from rtmp.errors import LocalProtocolError
from rtmp.relay.limits import DEFAULT_RELAY_LIMITS, RelayLimits
from rtmp.relay.live_stream import LiveStream


class LiveApplication:
    """Relays live streams between the connections for which it makes the handlers.

    With `auth` only who has authenticated in `connect` may publish; encoders are asked to, players need not.
    `authorize` may raise `Refused`. Players may come before the publisher, and stay when it leaves. With
    `recordings` clients may publish to be recorded, and play what was. With `record_live` as well, what they
    publish as `live` is appended to its recording, and is live without one where there can be none. For
    `rest_s` the loop is blocked between turns while it relays much sound and no video, which costs less CPU:
    for loops on which nothing else runs.
    """

    def __init__(
        self,
        *,
        auth: ServerAuth | None = None,
        authorize: Authorize | None = None,
        republish: Republish = Republish.REFUSE,
        limits: LiveLimits = DEFAULT_LIVE_LIMITS,
        stream_limits: RelayLimits = DEFAULT_RELAY_LIMITS,
        recordings: Recordings | None = None,
        record_live: bool = False,
        recorder_config: RecorderConfig = DEFAULT_RECORDER_CONFIG,
        player_config: FilePlayerConfig = DEFAULT_PLAYER_CONFIG,
        rest_s: float = 0.0,
    ) -> None:
        if record_live and recordings is None:
            raise LocalProtocolError("record_live needs recordings")
        self._archive = None if recordings is None else LiveArchive(recordings, recorder_config, limits)
        self._directory = LiveDirectory(republish, limits, stream_limits)
        coalescing = Coalescing(self._directory.published, rest_s)
        self._services = LiveServices(
            self._directory, self._archive, authorize, auth, player_config, record_live, coalescing
        )

    @property
    def streams(self) -> Mapping[str, LiveStream]:
        """The streams that are published or played now, by app and name."""
        return self._directory.streams

    def reports(self) -> list[StreamReport]:
        """Return what goes on in each of them."""
        return self._directory.reports()

    def make_handler(self, connection: ServerConnection) -> LiveConnection:
        """Return the handler of a connection, for `start_server`."""
        return LiveConnection(self._services, connection)

    def close(self) -> None:
        """End all that is published now, before the server closes: players are told, files become whole.

        A client may take `Timeouts.close` to leave, and the recording of what it publishes need not wait for
        that. The connections of publishers are closed; new ones are for the server to turn away.
        """
        if self._archive is not None:
            self._archive.close()
        for end in list(self._services.ends):
            end()

    async def wait_recorded(self) -> None:
        """Wait until the files of all recordings that have ended are whole."""
        if self._archive is not None:
            await self._archive.wait_finished()
