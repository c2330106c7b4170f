"""The control socket of a running gateway: one line of JSON is asked, one is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from ..errors import StartupError
from .place import make_directory

logger = logging.getLogger(__name__)

_MAX_REQUEST: Final = 4096
_READ_S: Final = 5.0

Answer = Mapping[str, object]
Command = Callable[[], Awaitable[Answer]]


class ControlServer:
    """Answers `{"command": NAME}` for the commands that there are. The socket is its user's alone."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = commands
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises `StartupError`, also if another gateway listens there."""
        make_directory(self._path)
        if _is_listening(self._path):
            raise StartupError(
                f"another gateway has the control socket {self._path}; choose another --control"
            )
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_MAX_REQUEST)
        except OSError as error:
            raise StartupError(
                f"cannot listen on {self._path}: {error.strerror}; choose another --control"
            ) from None
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_READ_S):
                line = await reader.readline()
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ValueError, ConnectionError) as error:
            logger.debug("control socket: %s", error)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            command = self._commands[request["command"]]
        except (ValueError, LookupError, TypeError):
            return {"error": f"the commands are {', '.join(sorted(self._commands))}"}
        try:
            return await command()
        except Exception as error:
            logger.exception("control socket: %s failed", request["command"])
            return {"error": f"{request['command']} failed: {error}"}


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
