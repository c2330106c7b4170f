"""A sender, a queue and a bridge on one simulated time line."""

import heapq
import math
import random
from array import array
from collections.abc import Iterable, Iterator
from itertools import count, pairwise

from media_bridge.pcm_queue import PcmQueue


def tone(n_bytes: int, start: int = 0, rate_hz: int = 16000, hz: float = 440.0, peak: int = 8000) -> bytes:
    step = 2 * math.pi * hz / rate_hz
    return array("h", [int(peak * math.sin(step * (start + i))) for i in range(n_bytes // 2)]).tobytes()


def paced(
    seconds: float, *, every_ms: float = 20.0, phase_ms: float = 0.0, jitter_ms: float = 0.0, seed: int = 1
) -> Iterator[float]:
    """When (ms) pushes arrive that the network makes late by up to `jitter_ms`; TCP keeps them in order."""
    rng = random.Random(seed)
    last = 0.0
    for k in count():
        due = phase_ms + k * every_ms
        if due >= seconds * 1000:
            return
        last = max(last, due + rng.uniform(0, jitter_ms))
        yield last


def run(
    queue: PcmQueue, pushes: Iterable[float], seconds: float, *, push_ms: float = 20.0, tick_ms: float = 20.0
) -> Iterator[tuple[float, bytes]]:
    """Yields (time, what the bridge heard) for each tick. Pushes carry `push_ms` of an endless tone."""
    events: list[tuple[float, int, str]] = [(t, 0, "push") for t in pushes]
    ticks = int(seconds * 1000 / tick_ms)
    events += [(10.0 + k * tick_ms, 1, "tick") for k in range(ticks)]
    heapq.heapify(events)
    size = int(queue.rate_hz * push_ms / 1000) * 2
    period = [tone(size, k * size // 2, queue.rate_hz, hz=500) for k in range(10)]
    pushed = 0
    while events:
        t, _, kind = heapq.heappop(events)
        if kind == "push":
            queue.push(period[pushed % 10])
            pushed += 1
        else:
            yield t, queue.pop(queue.rate_hz // 50 * 2)


def longest_step(pcm: bytes) -> int:
    samples = array("h", pcm)
    return max(abs(b - a) for a, b in pairwise(samples))
