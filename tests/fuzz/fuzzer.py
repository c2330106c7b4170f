"""Fuzzes what reads the bytes of a peer: `make fuzz`, or `python -m tests.fuzz.fuzzer`.

Runs each target of `tests/fuzz/targets` in turn under atheris. What is found and the growing corpora are in
`.cache/fuzz`; `--merge` takes into `tests/vectors/fuzz` what of them reaches more code than is reached there,
and `--input` runs a target with one file, without atheris.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets.registry import TARGETS
from tests.fuzz.targets.seeds import MAX_SIZE

_ROOT = Path(__file__).parents[2]
_PROGRAM = Path(__file__).with_name("fuzz_target.py")
_CACHE = _ROOT / ".cache" / "fuzz"
COMMITTED = _ROOT / "tests" / "vectors" / "fuzz"
MAX_COMMITTED = 30_000
"""Bytes of a target's committed corpus."""
_OPTIONS = (f"-max_len={MAX_SIZE}", "-rss_limit_mb=512", "-timeout=25", "-print_final_stats=1")


def fuzz(name: str, seconds: int) -> bool:
    """Run one target for a time. Print and return whether it stayed without a finding."""
    corpus, findings = _CACHE / "corpus" / name, _CACHE / "findings"
    committed = COMMITTED / name
    for folder in (corpus, findings, committed):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{number:03}").write_bytes(seed[:MAX_SIZE])
    options = (*_OPTIONS, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{name}-")
    log = _CACHE / f"{name}.log"
    with log.open("w") as output:
        command = (sys.executable, _PROGRAM, name, *options, corpus, committed)
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    lines = log.read_text(errors="replace").splitlines()
    if status == 0:
        print(f"{name}: {_summary(lines)}; {seconds} s without a finding", flush=True)
        return True
    print(f"{name}: FOUND something, exit status {status}:", *lines[-30:], sep="\n", flush=True)
    for artifact in (line.rpartition(" ")[2] for line in lines if "Test unit written to" in line):
        print(f"again: python -m tests.fuzz.fuzzer --target {name} --input {artifact}")
    return False


def _summary(lines: list[str]) -> str:
    """Return what libFuzzer says at its end."""
    words = next(line for line in reversed(lines) if "DONE" in line).split()
    return f"{words[0].removeprefix('#')} runs, {words[words.index('cov:') + 1]} edges"


def merge(name: str) -> None:
    """Renew the committed corpus with the least that reaches all code that any input reached.

    The smallest come first; what is beyond `MAX_COMMITTED` is left out.
    """
    committed = COMMITTED / name
    with tempfile.TemporaryDirectory() as folder:
        options = (f"-max_len={MAX_SIZE}", "-set_cover_merge=1", "-use_counters=0")
        command = (sys.executable, _PROGRAM, name, *options, folder, committed, _CACHE / "corpus" / name)
        subprocess.run(command, check=True, capture_output=True)
        least = sorted(
            (file.read_bytes() for file in Path(folder).iterdir()), key=lambda data: (len(data), data)
        )
    for file in committed.iterdir():
        file.unlink()
    size = 0
    for number, content in enumerate(least):
        size += len(content)
        if size > MAX_COMMITTED:
            print(f"{name}: {len(least) - number} of {len(least)} inputs are left out, as too large")
            break
        (committed / f"{number:03}.bin").write_bytes(content)


def main() -> int:
    """Return the exit status: 1 if something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, help="this one alone")
    parser.add_argument("--merge", action="store_true", help="renew the committed corpora")
    parser.add_argument("--input", type=Path, help="run the target with this file")
    options = parser.parse_args()
    if options.input and not options.target:
        parser.error("--input needs a --target")
    names = [options.target] if options.target else list(TARGETS)
    if options.input:
        TARGETS[names[0]].run(options.input.read_bytes())
        return 0
    if options.merge:
        for name in names:
            merge(name)
        return 0
    good = [fuzz(name, max(options.seconds // len(names), 1)) for name in names]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
