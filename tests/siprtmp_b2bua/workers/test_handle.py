"""The states of a worker."""

from __future__ import annotations

import itertools

from siprtmp_b2bua.workers.handle import TRANSITIONS, WorkerInput, WorkerState


def test_every_state_but_the_last_can_end() -> None:
    for state, cause in itertools.product(WorkerState, (WorkerInput.END, WorkerInput.EXITED)):
        assert ((state, cause) in TRANSITIONS) == (state is not WorkerState.GONE)


def test_a_worker_starts_once() -> None:
    starts = {state for state, cause in TRANSITIONS if cause is WorkerInput.STARTED}
    assert starts == {WorkerState.STARTING, WorkerState.ENDING}
