"""Looks after the workers of a crew: those that hang, those that idle, and those that may be missing."""

from __future__ import annotations

import asyncio
from typing import Final

from . import commands
from .crew import Crew
from .handle import WorkerHandle, WorkerState

_PERIOD_S: Final = 0.5
_HUNG_S: Final = 5.0
_START_S: Final = 20.0
"""How long a worker may take to start: machines that start many at once are slow."""


async def watch(crew: Crew) -> None:
    """Do that until cancelled."""
    clock = asyncio.get_running_loop().time
    last_s = clock()
    while True:
        await asyncio.sleep(_PERIOD_S)
        now_s = clock()
        late_s = now_s - last_s - _PERIOD_S
        last_s = now_s
        for handle in list(crew.workers.values()):
            if late_s > _PERIOD_S:  # what stopped us, such as a pause of the machine, may have stopped it
                handle.heard_s += late_s
            _check(crew, handle, now_s)
        if crew.has_begun and (crew.workers or crew.has_waiting):
            crew.start_ahead()  # first: who waits needs one that starts, rather than one that has always died
        crew.keep_size()


def _check(crew: Crew, handle: WorkerHandle, now_s: float) -> None:
    silent_s = now_s - handle.heard_s
    patience_s = _HUNG_S + (crew.size.stop_s if handle.state is WorkerState.ENDING else 0.0)
    if handle.state is not WorkerState.STARTING and silent_s > patience_s:
        handle.kill(f"nothing was heard of it for {silent_s:.1f} s, so it was killed")
    elif handle.state is WorkerState.STARTING and silent_s > _START_S:
        handle.kill(f"it had not started after {silent_s:.1f} s, so it was killed")
    elif handle.state is WorkerState.READY:
        _end_if_idle(crew, handle, now_s)
    elif handle.state is WorkerState.RETIRING and not handle.member.clients:
        handle.end(commands.Stop())


def _end_if_idle(crew: Crew, handle: WorkerHandle, now_s: float) -> None:
    member = handle.member
    if member.clients or member.standing or len(crew.serving) <= crew.size.least:
        return
    if handle.number == 1 and crew.size.least:
        return  # see `Crew.keep_size`
    spare = crew.roster.free_lines - member.lines > member.lines // 2
    if spare and now_s - handle.used_s > crew.size.idle_s:
        handle.end(commands.Stop())
