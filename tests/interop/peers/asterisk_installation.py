"""Where Asterisk is on this machine: on the system path, or in a tree of its own (install-peers)."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.interop.peers.errors import PeerMissing
from tests.interop.peers.peer import program_path

ACCOUNT = "asterisk"


@dataclass(frozen=True, slots=True)
class AsteriskInstallation:
    """An installed Asterisk below `root`, which is `/` or a chroot."""

    root: Path

    @classmethod
    def find(cls) -> Self:
        """The system's Asterisk, else the chroot; PeerMissing says what is wrong with either."""
        if shutil.which("asterisk") or Path("/usr/sbin/asterisk").exists():
            return cls(Path("/"))
        root = chroot_directory()
        if not (root / "usr/sbin/asterisk").exists():
            raise PeerMissing("asterisk", f"is neither installed nor in {root}")
        if os.geteuid() != 0:
            raise PeerMissing("asterisk", f"in {root} needs root for chroot; run the tests as root")
        return cls(root)

    @property
    def modules(self) -> str:
        """The module directory, as Asterisk sees it."""
        found = [*self.root.glob("usr/lib/asterisk/modules"), *self.root.glob("usr/lib/*/asterisk/modules")]
        if not found:
            raise PeerMissing("asterisk", f"has no modules below {self.root}")
        return self.inside(found[0])

    def inside(self, path: Path) -> str:
        """A path of this machine as Asterisk sees it."""
        return f"/{path.relative_to(self.root)}"

    def make_run_directory(self) -> Path:
        """A new directory that Asterisk can see and write, in the /tmp below `root`."""
        return Path(tempfile.mkdtemp(prefix="siprtmp-asterisk-", dir=self.root / "tmp"))

    def give_away(self, directory: Path) -> None:
        """Make the account that Asterisk runs under own a directory and all in it."""
        account = self._account()
        if account is not None:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, *account)

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs Asterisk with arguments."""
        if self.root == Path("/"):
            return [program_path("asterisk"), *arguments]
        return [program_path("chroot"), str(self.root), "/usr/sbin/asterisk", *arguments]

    def daemon_command(self, *arguments: str) -> list[str]:
        """A command line that runs Asterisk in the foreground, without root's rights if it has them."""
        account: Sequence[str] = ("-U", ACCOUNT, "-G", ACCOUNT) if self._account() else ()
        return self.command("-f", *account, *arguments)

    def _account(self) -> tuple[int, int] | None:
        if os.geteuid() != 0:
            return None
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == ACCOUNT:
                return int(uid), int(gid)
        return None


def chroot_directory() -> Path:
    """The directory of install-peers: $SIPRTMP_ASTERISK_ROOT, else in the user's cache."""
    chosen = os.environ.get("SIPRTMP_ASTERISK_ROOT")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "siprtmp-b2bua" / "asterisk"
