"""The process that workers are forked from: everything is imported, and nothing of it runs.

    python -P -m siprtmp_b2bua.workers.forker FD

A program whose event loop and threads run cannot be forked safely, and starting Python anew for each worker
costs a second and all the memory that forked processes share. So the supervisor starts this process, which
does no more than fork and tell how workers ended. It ends with the supervisor, and ends what is left then.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final

from ..collector import freeze_what_is_there
from .channel import MAX_MESSAGE
from .fork_request import Exited, Fork, Forked

_GRACE_S: Final = 3.0
"""What workers get, beyond their own time for shutting down, when the supervisor has gone."""
_OOM_SCORE: Final = Path("/proc/self/oom_score_adj")
_OOM_SCORE_MORE: Final = 200
_OOM_SCORE_MAX: Final = 1000


class Forker:
    """Forks, waits for children, and reports, on a socket that the supervisor has the other end of."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._children: set[int] = set()
        self._shutdown_s = 0.0
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_in.setblocking(False)
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until the supervisor has gone; then see all workers off."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._sock, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._wake_out in ready:
                self._wake_out.recv(4096)
                self._reap()
            if self._sock in ready and not self._serve():
                break
        self._end_all()

    def _serve(self) -> bool:
        """Act on a message; return False if the supervisor has gone."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._sock, MAX_MESSAGE, 1)
        except OSError:
            return False
        if not message:
            return False
        request: Fork = pickle.loads(message)  # noqa: S301 - from the supervisor, on a socket that nobody else has
        self._shutdown_s = max(self._shutdown_s, request.config.shutdown_timeout_s)
        try:
            pid = os.fork()
        except OSError as error:
            sys.stderr.write(f"{request.kind} {request.number} cannot be forked: {error.strerror}\n")
            os.close(descriptors[0])  # which the supervisor sees
            return True
        if pid == 0:
            self._become_worker(request, descriptors[0])
        os.close(descriptors[0])
        self._children.add(pid)
        self._tell(Forked(request.serial, pid))
        return True

    def _become_worker(self, request: Fork, descriptor: int) -> None:
        """Run a worker, and never return."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for sock in (self._sock, self._wake_in, self._wake_out):
                sock.close()
            self._selector.close()
            from .worker import run_worker  # noqa: PLC0415 - the forker imports it in its own time

            status = run_worker(request, socket.socket(fileno=descriptor))
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent, whatever happened
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._children.discard(pid)
            self._tell(Exited(pid, status))

    def _tell(self, report: Forked | Exited) -> None:
        with contextlib.suppress(OSError):  # it has gone: the next read says so
            self._sock.send(pickle.dumps(report))

    def _end_all(self) -> None:
        """Workers end by themselves when the supervisor has gone; kill those that do not."""
        deadline_s = time.monotonic() + self._shutdown_s + _GRACE_S
        while self._children and (left_s := deadline_s - time.monotonic()) > 0:
            self._reap()
            if self._children:
                self._selector.select(left_s)
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)


def raise_oom_score() -> None:
    """Have the kernel, when memory runs out, end a worker sooner than the supervisor.

    Workers inherit it, and are larger than this process.
    """
    with contextlib.suppress(OSError, ValueError):  # some containers do not let it be written
        score = min(int(_OOM_SCORE.read_text()) + _OOM_SCORE_MORE, _OOM_SCORE_MAX)
        _OOM_SCORE.write_text(str(score))


def main() -> None:
    """Run the forker on the socket whose descriptor is the only argument."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # whole groups get them; the supervisor says what is to be done
    raise_oom_score()
    # so that every fork has them, and what is found out once
    from media_bridge.pj_build import installed_build  # noqa: PLC0415

    from . import worker  # noqa: F401, PLC0415

    installed_build()
    freeze_what_is_there()
    Forker(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
