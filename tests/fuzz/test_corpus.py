"""The inputs that fuzzing found worth keeping, through the targets that it ran; and parts of the targets."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.fuzzer import COMMITTED, MAX_COMMITTED
from tests.fuzz.targets import operations
from tests.fuzz.targets.operations import Kind, Operation
from tests.fuzz.targets.registry import TARGETS
from tests.fuzz.targets.seeds import KNOWN_TO_SERVER, MAX_SIZE

_MAX_MEMORY = 16 << 20


def corpus(name: str) -> list[Path]:
    return sorted((COMMITTED / name).iterdir())


@pytest.mark.parametrize("name", TARGETS)
def test_corpus(name: str) -> None:
    """Nothing but what is documented is raised, and no input of 2 kB makes anything take 16 MiB."""
    tracemalloc.start()
    try:
        for file in corpus(name):
            tracemalloc.reset_peak()
            TARGETS[name].run(file.read_bytes())
            assert tracemalloc.get_traced_memory()[1] < _MAX_MEMORY, file
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds(name: str) -> None:
    """A little of what the fuzzer does, where it is not installed."""
    target = TARGETS[name]
    chance = random.Random(11)

    def damage(data: bytes, max_size: int) -> bytes:
        out = bytearray(data or b"\0")
        out[chance.randrange(len(out))] = chance.randrange(256)
        return bytes(out[:max_size])

    for seed in target.seeds():
        target.run(damage(seed, MAX_SIZE))
        if target.known:
            steps = operations.parse(seed[target.prefix :])
            steps = operations.mutate(steps, target.known, chance, damage)
            target.run(seed[: target.prefix] + operations.serialize(steps))


def test_the_corpus_is_small() -> None:
    assert {folder.name for folder in COMMITTED.iterdir() if folder.is_dir()} == set(TARGETS)
    sizes = {name: [file.stat().st_size for file in corpus(name)] for name in TARGETS}
    assert all(max(files) <= MAX_SIZE for files in sizes.values())
    assert all(0 < sum(files) <= MAX_COMMITTED for files in sizes.values())
    assert sum(map(sum, sizes.values())) < 300_000


operation = st.builds(
    Operation, st.sampled_from(Kind), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=300)
)


@given(st.lists(operation, max_size=6))
def test_operations_are_read_as_written(steps: list[Operation]) -> None:
    written = operations.serialize(steps)
    assert operations.parse(written) == steps
    assert operations.parse(written + b"\0") == steps


@given(st.binary(max_size=100), st.integers(0, 2**32))
def test_any_bytes_are_operations(data: bytes, seed: int) -> None:
    steps = operations.parse(data)
    assert operations.parse(operations.serialize(steps)) == steps
    mutated = operations.mutate(steps, KNOWN_TO_SERVER, random.Random(seed), lambda body, size: body[:size])
    assert operations.parse(operations.serialize(mutated)) == mutated
