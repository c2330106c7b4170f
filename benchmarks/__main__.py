"""Measures the figures of the README, one program after the other; that takes about half an hour.

    python -m benchmarks
    python -m benchmarks --list

Each program prints what it has found, and can be run by itself as the list says. The machine should have
nothing else to do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

PROGRAMS = (
    "calls --calls 1",
    "calls --calls 4",
    "calls --calls 1 --codec pcmu",
    "calls --calls 1 --codec wideband",
    "calls --calls 20 --workers 6 --seconds 25 --rounds 1",
    "calls --calls 40 --workers 11 --seconds 25 --rounds 1",
    "soak",
    "churn --seconds 100 --phases 5",
    "video",
    "video_loss",
    "rtmp_relay --compare nginx,bare-uvloop,ours --seconds 10",
    "rtmp_idle",
    "rtmp_parse",
)
"""Those whose figures the README has, with the arguments that it names."""


def run(program: str) -> int:
    """Run one; return its exit status."""
    return subprocess.run([sys.executable, "-m", *f"benchmarks.{program}".split()], check=False).returncode


def main(argv: Sequence[str] | None = None) -> int:
    """Run them all, also after one has failed; return 1 then, and 0 if none has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--list", action="store_true", help="say which programs these are, and run none")
    options = parser.parse_args(argv)
    failed = []
    for program in PROGRAMS:
        print(f"python -m benchmarks.{program}", flush=True)
        if not options.list and run(program):
            failed.append(program)
    for program in failed:
        print(f"failed: {program}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
