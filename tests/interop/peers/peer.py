"""What all peers have in common: a directory, a process, a start that waits until the peer works, a log."""

import contextlib
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Self

from tests.interop.peers.errors import PeerFailed, PeerMissing
from tests.interop.peers.process import LOG_TAIL_CHARS, PeerProcess

CONFIG = Path(__file__).parents[1] / "config"


class Peer(ABC):
    """A peer program as an async context manager: entering it returns when the peer answers."""

    program: ClassVar[str]

    def __init__(self) -> None:
        self._directory: Path | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            self.remove_files()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            self.remove_files()

    @abstractmethod
    async def start(self) -> None:
        """Start the program and return when it is ready."""

    @abstractmethod
    async def stop(self) -> None:
        """End the processes that `start` started. Harmless before `start` and when repeated."""

    @property
    def directory(self) -> Path:
        """Configuration, logs and recordings of this run; made on first use."""
        if self._directory is None:
            self._directory = self.make_directory()
        return self._directory

    def make_directory(self) -> Path:
        """Make the directory of the run."""
        return Path(tempfile.mkdtemp(prefix=f"siprtmp-{self.program}-"))

    def remove_files(self) -> None:
        """Remove the directory of the run with all that is in it."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def log_paths(self) -> Iterable[Path]:
        """The files that tell what happened, most useful first."""
        return self.directory.glob("*.log")

    def log(self) -> str:
        """The ends of all log files, each under its name; for a failed test's report."""
        if self._directory is None:
            return ""
        parts = []
        for path in self.log_paths():
            with contextlib.suppress(FileNotFoundError):
                parts.append(f"--- {path.name}\n{path.read_text(errors='replace')[-LOG_TAIL_CHARS:]}")
        return "\n".join(parts)


class OneProcessPeer(Peer):
    """A peer that is a single program started with a command line."""

    def __init__(self) -> None:
        super().__init__()
        self._process: PeerProcess | None = None

    @property
    def process(self) -> PeerProcess:
        """The running program; PeerFailed before the start."""
        if self._process is None:
            raise PeerFailed(f"{self.program} was not started")
        return self._process

    async def launch(
        self, argv: list[str], *, env: Mapping[str, str] | None = None, stdin: bool = False
    ) -> None:
        """Run the command line in the peer's directory."""
        self._process = PeerProcess(argv, self.directory, env=env, stdin=stdin)
        await self._process.start()

    async def stop(self) -> None:
        """End the program and its children."""
        if self._process is not None:
            await self._process.stop()


def program_path(program: str) -> str:
    """Full path of an installed program, also if it is in an sbin directory; PeerMissing if there is none."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        raise PeerMissing(program)
    return path


def render(template: str, values: Mapping[str, object]) -> str:
    """A configuration template of tests/interop/config with every @NAME@ replaced.

    The marks are @ because $ and % mean something in the configuration languages of the peers.
    """
    text = (CONFIG / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text
