"""Where the log goes and how much of it there is."""

from __future__ import annotations

import logging
import re
import sys

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127, 0x85, 0x2028, 0x2029)}
_PREFIX = "%(asctime)s %(levelname)-7s"
_TEXT = "%(name)s: %(message)s"

_KEY = re.compile(r"(inline:\s*|\bkey=)[^\s|;]+", re.IGNORECASE)
"""A key of SRTP in a description (RFC 4568), or in what pjsip says of its media transport."""

PJSIP_TRACE = 5
"""Level of the logger `pjsip` below DEBUG: whole SIP messages."""


class _OneLineFormatter(logging.Formatter):
    """Keeps what a peer says from looking like lines of the log. pjsip's own reports have several lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line for a record."""
        if record.name != "pjsip":
            record.message = record.message.translate(_CONTROLS)
        return super().formatMessage(record)


def without_keys(text: str) -> str:
    """Return text of pjsip's for the log: whoever has a key of SRTP can listen to the call."""
    return _KEY.sub(r"\1***", text)


def configure_logging(verbosity: int, process: str = "") -> None:
    """Log to stderr: 0 what an operator wants to know, 1 (-d) also each step, 2 (-D) also SIP messages.

    `process` says in each line which of several processes it is from.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _OneLineFormatter(f"{_PREFIX} {process}: {_TEXT}" if process else f"{_PREFIX} {_TEXT}")
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    ours = logging.INFO if verbosity == 0 else logging.DEBUG
    for name in ("siprtmp_b2bua", "rtmp", "media_bridge"):
        logging.getLogger(name).setLevel(ours)
    # pjsip's INFO is what others call DEBUG.
    levels = (logging.ERROR, logging.INFO, PJSIP_TRACE)
    logging.getLogger("pjsip").setLevel(levels[min(verbosity, 2)])
