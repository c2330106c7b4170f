"""The log on stderr."""

import subprocess
import sys

from siprtmp_b2bua.logs import without_keys

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


def test_no_key_is_shown() -> None:
    secret = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
    message = "\r\n".join(
        [
            f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{secret}|2^20|1:4;inline:{secret}",
            f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 INLINE: {secret} FEC_KEY=inline:{secret}",
            f"srtp0x1 TX: AES_CM_128_HMAC_SHA1_80 key={secret}",
        ]
    )
    shown = without_keys(message)
    assert secret[:4] not in shown
    assert shown.splitlines()[0] == "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^20|1:4;inline:***"
