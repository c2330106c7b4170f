"""Runs a test on asyncio's own event loop, and on uvloop, whose TLS is another."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def on_both_loops(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A decorator for asynchronous tests."""

    @functools.wraps(test)
    def run(loop_factory: Callable[[], asyncio.AbstractEventLoop], **arguments: Any) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(test(**arguments))  # type: ignore[arg-type]

    parameters = list(inspect.signature(test).parameters.values())
    first = inspect.Parameter("loop_factory", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]
    del run.__wrapped__  # type: ignore[attr-defined]
    return pytest.mark.parametrize("loop_factory", LOOPS, ids=["asyncio", "uvloop"])(run)
