"""Which application an RTMP client gets: `sip` is the telephone, `live` relays streams."""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from rtmp.aio.live import LiveApplication, LiveLimits, LiveRequest, Purpose, Refused, Republish
from rtmp.aio.recording.recordings import Recordings
from rtmp.aio.server import ServerConnection, ServerHandler
from rtmp.auth.auth_scheme import AuthScheme
from rtmp.auth.server_auth import ServerAuth
from rtmp.events import ConnectionClosed, ConnectRequested, Event

from .config import LiveConfig
from .control.status import StreamStatus
from .errors import StartupError

logger = logging.getLogger(__name__)

_LIVE: Final = "live"
MakeHandler = Callable[[ServerConnection], ServerHandler]


class Applications:
    """The applications of one process: `make_leg` handles the clients of the telephone."""

    def __init__(self, config: LiveConfig, make_leg: MakeHandler) -> None:
        self._make_leg = make_leg
        self._live = make_live_application(config, has_own_loop=False)
        self._make_live = with_live_timeouts(self._live.make_handler, config) if self._live else None

    def stream_statuses(self) -> list[StreamStatus]:
        """Return what goes on in the live streams that are published or played."""
        return stream_statuses(self._live)

    def make_handler(self, connection: ServerConnection) -> ServerHandler:
        """Return the handler of a new client."""
        return _ApplicationChooser(connection, self._make_leg, self._make_live)

    def close(self) -> None:
        """End all live streams."""
        if self._live is not None:
            self._live.close()

    async def wait_recorded(self) -> None:
        """Wait until what was recorded is whole."""
        if self._live is not None:
            await self._live.wait_recorded()


def is_live(event: ConnectRequested) -> bool:
    """Whether a client wants the application `live`."""
    return event.app.strip("/").partition("?")[0].partition("/")[0] == _LIVE


class _ApplicationChooser:
    """The handler of a connection until it says by `connect` what it wants."""

    def __init__(self, connection: ServerConnection, sip: MakeHandler, live: MakeHandler | None) -> None:
        self._connection = connection
        self._sip = sip
        self._live = live

    def on_event(self, event: Event) -> None:
        """Hand the connection over; what is neither, the telephone refuses."""
        if isinstance(event, ConnectRequested):
            make = self._live if self._live is not None and is_live(event) else self._sip
            handler = self._connection.handler = make(self._connection)
            handler.on_event(event)
        elif isinstance(event, ConnectionClosed) and event.reason is not None:
            logger.info("connection %s: closed before connect: %s", self._connection.id, event.reason)


def make_live_application(config: LiveConfig, *, has_own_loop: bool) -> LiveApplication | None:
    """Return the relay that is configured, None if it is off."""
    if not config.enabled:
        return None
    return LiveApplication(
        auth=_publisher_auth(config),
        authorize=_Keys(config).check,
        republish=Republish(config.republish),
        limits=LiveLimits(
            config.max_streams,
            config.max_streams_per_address,
            config.max_players,
            config.max_players_per_address,
        ),
        recordings=Recordings(Path(config.recordings)) if config.recordings else None,
        record_live=config.record_all,
        rest_s=config.sound_rest_ms / 1000 if has_own_loop else 0.0,
    )


def stream_statuses(live: LiveApplication | None) -> list[StreamStatus]:
    """Return what goes on in its streams; None: there is no relay."""
    return [
        StreamStatus(
            stream=report.name,
            publisher=report.publisher,
            duration_s=report.published_s,
            players=report.players,
            lost=report.lost,
        )
        for report in (live.reports() if live is not None else ())
    ]


def check_recordings(config: LiveConfig) -> None:
    """Raise StartupError unless the directory of the recordings, if one is configured, is there or can be.

    It is made with the first recording only.
    """
    if not config.enabled or not config.recordings:
        return
    root = Path(config.recordings).absolute()
    try:
        nearest = next(path for path in (root, *root.parents) if path.exists())
    except OSError as error:
        raise _no_recordings(config, error.strerror or str(error)) from None
    if not nearest.is_dir():
        raise _no_recordings(config, f"{nearest} is not a directory")
    if nearest != root and not os.access(nearest, os.W_OK | os.X_OK):
        raise _no_recordings(config, f"no directory can be made in {nearest}")


def _no_recordings(config: LiveConfig, reason: str) -> StartupError:
    return StartupError(f"cannot record to {config.recordings}: {reason}; choose another --root")


def with_live_timeouts(make_handler: MakeHandler, config: LiveConfig) -> MakeHandler:
    """Have the clients of `live` closed that are of no use; a phone may wait for a call for days."""

    def make(connection: ServerConnection) -> ServerHandler:
        connection.timeouts = replace(
            connection.timeouts,
            idle=config.idle_timeout_s,
            silent_publisher=config.silent_publisher_timeout_s,
        )
        return make_handler(connection)

    return make


def _publisher_auth(config: LiveConfig) -> ServerAuth | None:
    publishers = config.publishers
    if not publishers:
        return None

    def find_password(user: str) -> str | None:
        return publishers[user].get_secret_value() if user in publishers else None

    return ServerAuth(find_password, AuthScheme(config.authmod))


class _Keys:
    """Compares the `key` in a request with the one that is configured."""

    def __init__(self, config: LiveConfig) -> None:
        self._keys = {
            Purpose.PUBLISH: config.publish_key.get_secret_value(),
            Purpose.PLAY: config.play_key.get_secret_value(),
        }

    def check(self, request: LiveRequest) -> None:
        """Raise Refused if the key is missing or wrong."""
        wanted = self._keys[request.purpose]
        given = request.stream.query.get("key", "")
        if wanted and not hmac.compare_digest(wanted.encode(), given.encode()):
            raise Refused(
                f"to {request.purpose.value} {request.stream} a key is needed: {request.stream.name}?key=…"
                if not given
                else f"the key to {request.purpose.value} {request.stream} is wrong"
            )
