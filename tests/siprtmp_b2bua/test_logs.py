"""The log on stderr."""

import subprocess
import sys

PROGRAM = """
import logging
from siprtmp_b2bua.logs import configure_logging
configure_logging({verbosity})
logging.getLogger("siprtmp_b2bua.x").info("said: %s", "a\\n2026 b\\x1b[1m")
logging.getLogger("siprtmp_b2bua.x").debug("a step")
logging.getLogger("pjsip").info("two\\nlines")
"""


def log(verbosity: int) -> list[str]:
    """What the program prints, without the time."""
    program = [sys.executable, "-c", PROGRAM.format(verbosity=verbosity)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=20, check=True)
    assert not done.stdout
    return [line.partition(": ")[2] or line for line in done.stderr.splitlines()]


def test_what_a_peer_says_stays_on_its_line() -> None:
    assert log(0) == ["said: a\\x0a2026 b\\x1b[1m"]


def test_verbose_shows_steps_and_what_pjsip_reports() -> None:
    assert log(1) == ["said: a\\x0a2026 b\\x1b[1m", "a step", "two", "lines"]
