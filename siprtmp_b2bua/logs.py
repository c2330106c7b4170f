"""Where the log goes and how much of it there is."""

from __future__ import annotations

import logging
import sys

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

PJSIP_TRACE = 5
"""Level of the logger `pjsip` below DEBUG: whole SIP messages."""


def configure_logging(verbosity: int) -> None:
    """Log to stderr: 0 what an operator wants to know, 1 (-d) also each step, 2 (-D) also SIP messages."""
    logging.basicConfig(stream=sys.stderr, format=_FORMAT, level=logging.INFO, force=True)
    ours = logging.INFO if verbosity == 0 else logging.DEBUG
    for name in ("siprtmp_b2bua", "rtmp", "media_bridge"):
        logging.getLogger(name).setLevel(ours)
    # pjsip's INFO is what others call DEBUG.
    levels = (logging.ERROR, logging.INFO, PJSIP_TRACE)
    logging.getLogger("pjsip").setLevel(levels[min(verbosity, 2)])
