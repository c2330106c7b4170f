"""Another process of the same Python, which finds modules where this one does and nowhere else.

`python -m` looks into the current directory first, so that whoever can write there could have it execute a
file by the name of a module. `-P` keeps it from that, but then a checkout that is not installed is not found.
"""

from __future__ import annotations

import os
import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; it needs `module_environment` as well."""
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """Return this process's environment, with the places in which it looks for modules, in their order."""
    places = os.pathsep.join(place or os.getcwd() for place in sys.path)  # noqa: PTH109 - as text
    return {**os.environ, "PYTHONPATH": places}
