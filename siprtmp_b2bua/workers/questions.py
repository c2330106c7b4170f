"""Questions to a worker that wait for their answers."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

from ..control.status import CallStatus, StreamStatus
from .reports import GoesOn


@dataclass(slots=True, eq=False)
class Question:
    """What goes on? The answer comes in parts."""

    number: int
    calls: list[CallStatus] = field(default_factory=list)
    streams: list[StreamStatus] = field(default_factory=list)
    is_answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, timeout_s: float) -> tuple[tuple[CallStatus, ...], tuple[StreamStatus, ...]]:
        """Return the calls and the streams: what of them has come in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.is_answered.wait()
        except TimeoutError:
            pass
        return tuple(self.calls), tuple(self.streams)


class Questions:
    """Those to one worker."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[int, Question] = {}

    def ask(self) -> Question:
        """Return a new question; only the newest few are remembered."""
        question = Question(next(self._numbers))
        self._open[question.number] = question
        self._open.pop(question.number - 8, None)
        return question

    def answered(self, part: GoesOn) -> None:
        """Take a part of an answer; one that nobody asked for is forgotten."""
        question = self._open.get(part.request)
        if question is None:
            return
        question.calls += part.calls
        question.streams += part.streams
        if part.is_last:
            question.is_answered.set()
            del self._open[part.request]
