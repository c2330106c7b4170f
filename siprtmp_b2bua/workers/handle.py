"""One worker, as the supervisor sees it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Final, Protocol

from rtmp.aio.handover import Handover
from rtmp.aio.places import Place

from ..control.status import WorkerStatus
from ..dialog_notes import DialogNote
from ..errors import IllegalTransitionError
from . import commands, reports
from .channel import Channel
from .kind import WorkerKind
from .questions import Questions
from .roster import Member

_ANSWER_S: Final = 3.0
_MAX_NAMES: Final = 20
_MAX_DIALOGS: Final = 4096

logger = logging.getLogger(__name__)


class WorkerState(Enum):
    """Where a worker is."""

    STARTING = auto()
    READY = auto()
    RETIRING = auto()
    """It has settings that are no longer in force, keeps its clients, and gets no new ones."""
    ENDING = auto()
    """It has been told to, or it fails to start, or it has been killed."""
    GONE = auto()


class WorkerInput(Enum):
    """What moves a worker."""

    STARTED = auto()
    RETIRE = auto()
    END = auto()
    EXITED = auto()


_S, _I = WorkerState, WorkerInput
TRANSITIONS: Final[Mapping[tuple[WorkerState, WorkerInput], WorkerState]] = {
    (_S.STARTING, _I.STARTED): _S.READY,
    (_S.STARTING, _I.END): _S.ENDING,
    (_S.STARTING, _I.EXITED): _S.GONE,
    (_S.READY, _I.RETIRE): _S.RETIRING,
    (_S.RETIRING, _I.RETIRE): _S.RETIRING,
    (_S.RETIRING, _I.END): _S.ENDING,
    (_S.RETIRING, _I.EXITED): _S.GONE,
    (_S.ENDING, _I.RETIRE): _S.ENDING,
    (_S.READY, _I.END): _S.ENDING,
    (_S.READY, _I.EXITED): _S.GONE,
    (_S.ENDING, _I.STARTED): _S.ENDING,
    (_S.ENDING, _I.END): _S.ENDING,
    (_S.ENDING, _I.EXITED): _S.GONE,
}


_TAKES_CLIENTS: Final = (WorkerState.READY, WorkerState.RETIRING)
"""A client may have been promised to a worker just before that was to retire."""


class Owner(Protocol):
    """Who has the workers."""

    def on_ready(self, handle: WorkerHandle) -> None:
        """Hear that a worker has started."""

    def on_client_gone(self, handle: WorkerHandle) -> None:
        """Hear that a worker has a line more to give."""

    def on_calls_changed(self) -> None:
        """Hear that a worker has more calls than before, or fewer."""

    def on_lost(self, handle: WorkerHandle) -> None:
        """Hear that an orphan has ended."""


class WorkerHandle:
    """A worker's process, its channel and its clients."""

    def __init__(
        self,
        kind: WorkerKind,
        serial: int,
        sock: socket.socket,
        owner: Owner,
        member: Member,
        clock: Callable[[], float],
    ) -> None:
        self.kind = kind
        self.serial = serial
        self.number = member.number
        self.member = member
        self.state = WorkerState.STARTING
        self.pid: int | None = None
        self.sip_port = 0
        self.calls = 0
        self.began_s = self.heard_s = self.used_s = clock()
        """When it was started, when something was last heard of it, when it last had a client."""
        self.dialogs: dict[str, DialogNote] = {}
        """The calls that its peers would have to be told the end of, by Call-ID."""
        self.failure = ""
        """Why it ends, if it said so or we ended it."""
        self.was_told_to_end = False
        self.is_orphan = False
        """Whether nobody will say how it ended."""
        self.is_cut_off = False
        """Whether its channel has been closed at its end."""
        self._owner = owner
        self._clock = clock
        self._questions = Questions()
        self._places: dict[int, Place] = {}
        self._pidfd: int | None = None
        self._channel = Channel(sock, self._told, self._channel_lost)

    def advance(self, cause: WorkerInput) -> None:
        """Go to the next state; raises `IllegalTransitionError` for what cannot happen."""
        after = TRANSITIONS.get((self.state, cause))
        if after is None:
            raise IllegalTransitionError(f"worker {self.number}: {cause.name} in state {self.state.name}")
        self.state = after
        self.member.is_open = after in (WorkerState.STARTING, WorkerState.READY)

    @property
    def takes_clients(self) -> bool:
        """Whether it may have clients, and is not about to end."""
        return self.state in _TAKES_CLIENTS

    def forked(self, pid: int) -> None:
        """Note its process."""
        self.pid = pid
        self._close_pidfd()
        with contextlib.suppress(OSError):  # it has gone, or there are no more descriptors
            self._pidfd = os.pidfd_open(pid)

    def adopt(self, sock: socket.socket, handover: Handover, place: Place) -> None:
        """Give it a client, whose place is its until the client or the worker has gone.

        The client of a worker that is about to end sees its connection close.
        """
        if not self.takes_clients:
            sock.close()
            place.give_back()
            self.member.clients.pop(handover.connection_id, None)
            self._owner.on_client_gone(self)
            return
        self._places[handover.connection_id] = place
        self._channel.send(commands.pack(commands.Adopt(handover)), (sock,))

    def tell(self, command: commands.Command) -> None:
        """Tell it something that comes without a socket."""
        self._channel.send(commands.pack(command))

    def retire(self) -> None:
        """Give it no more clients, and no accounts of the configuration; it ends after its last client."""
        if self.state is WorkerState.STARTING:
            self.end(commands.Stop())
            return
        self.advance(WorkerInput.RETIRE)
        if self.member.standing:
            self.member.standing = frozenset()
            self.tell(commands.KeepRegistered(()))

    def end(self, command: commands.Drain | commands.Stop) -> None:
        """Have it end by itself."""
        self.advance(WorkerInput.END)
        self.was_told_to_end = True
        self.tell(command)

    def kill(self, reason: str) -> None:
        """End it at once: it does not do what it is told any more.

        One whose process is not known, if there is any, ends when it finds its channel closed.
        """
        self.advance(WorkerInput.END)
        self.failure = self.failure or reason
        if self.pid is None:
            self._owner.on_lost(self)
            return
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    async def status(self) -> WorkerStatus:
        """Ask it what goes on; one that does not answer in time is described without."""
        known = WorkerStatus(
            name=f"{self.kind} {self.number}",
            pid=self.pid or 0,
            state=self.state.name.lower(),
            lines=self.member.lines if self.kind is WorkerKind.CALLS else None,
            clients=len(self.member.clients),
            sip_port=self.sip_port or None,
            is_overloaded=self.member.is_overloaded,
        )
        question = self._questions.ask()
        self.tell(commands.TellStatus(question.number))
        calls, streams = await question.answer(_ANSWER_S)
        return known.model_copy(update={"calls": calls, "streams": streams})

    def obituary(self, how: str) -> str:
        """Say for the log that it has died, of what, and who was there."""
        clients = self.member.clients
        names = sorted(aor for aor in clients.values() if aor is not None)
        who = ", ".join(names[:_MAX_NAMES])
        if len(names) > _MAX_NAMES:
            who += f" and {len(names) - _MAX_NAMES} more"
        return (
            f"{self.kind} {self.number} (pid {self.pid}) has died: {self.failure or how}; with it "
            f"{len(clients)} connections and {self.calls} calls{f' of {who}' if who else ''}"
        )

    def exited(self) -> None:
        """Note that the process has ended, and with it all that it had."""
        self.advance(WorkerInput.EXITED)
        self._channel.close()
        self._close_pidfd()
        for place in self._places.values():
            place.give_back()
        self._places.clear()

    def _close_pidfd(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _told(self, message: bytes, descriptors: Sequence[int]) -> None:
        for descriptor in descriptors:  # workers send none
            os.close(descriptor)
        try:
            report = reports.unpack(message)
        except ValueError as error:
            self.kill(f"it reports what cannot be: {error}")
            return
        self.heard_s = self._clock()
        match report:
            case reports.Ready():
                self.advance(WorkerInput.STARTED)
                self.member.lines = report.lines
                self.sip_port = report.sip_port
                self._owner.on_ready(self)
            case reports.Failed():
                self.failure = report.reason
                self.advance(WorkerInput.END)
            case reports.Beat():
                self.member.is_overloaded = report.is_overloaded
                if self.calls != report.calls:
                    self.calls = report.calls
                    self._owner.on_calls_changed()
            case reports.GoesOn():
                self._questions.answered(report)
            case reports.DialogBegan():
                if len(self.dialogs) < _MAX_DIALOGS:
                    self.dialogs[report.note.call_id] = report.note
            case reports.DialogEnded():
                self.dialogs.pop(report.call_id, None)
            case reports.Closed():
                self._client_gone(report.connection_id)

    def _client_gone(self, connection_id: int) -> None:
        place = self._places.pop(connection_id, None)
        if place is None:
            return
        place.give_back()
        del self.member.clients[connection_id]
        self.used_s = self._clock()
        self._owner.on_client_gone(self)

    def _channel_lost(self) -> None:
        """Take it for dead: it could not be told anything, nor tell that a client has gone."""
        self.is_cut_off = True
        if self.state is not WorkerState.ENDING:
            self.kill("")
        if self.is_orphan or self.pid is None:
            self._owner.on_lost(self)
