"""One target under atheris: `python tests/fuzz/fuzz_target.py NAME [libFuzzer's options and folders]`."""

from __future__ import annotations

import random
import shlex
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))  # this is run by its path
with atheris.instrument_imports(include=["rtmp", "media_bridge", "siprtmp_b2bua"]):
    from tests.fuzz.targets import operations
    from tests.fuzz.targets.registry import TARGETS, Target

# of mutations; the rest are libFuzzer's own, which know nothing of operations
_BY_OPERATION = 0.7


def mutator(target: Target) -> object:
    """Return a mutator for libFuzzer that changes operations."""

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() > _BY_OPERATION:
            return bytes(atheris.Mutate(data, max_size))
        start = data[: target.prefix].ljust(target.prefix, b"\0")
        steps = operations.parse(data[target.prefix :])
        for _ in range(chance.choice((1, 1, 2, 4))):
            steps = operations.mutate(steps, target.known, chance, atheris.Mutate)
        return (start + operations.serialize(steps))[:max_size]

    return mutate


def main() -> None:
    """Run libFuzzer until its options say that it ends."""
    name = sys.argv[1]
    target = TARGETS[name]
    options = {"custom_mutator": mutator(target)} if target.known else {}
    # to merge a corpus, libFuzzer hands its first argument to a shell
    program = shlex.join((sys.executable, __file__, name))
    atheris.Setup([program, *sys.argv[2:]], target.run, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
