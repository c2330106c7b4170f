"""pjsip's log in ours: which of its lines are there, and at which level."""

from __future__ import annotations

import logging
from typing import Any, Final

from media_bridge.pj_module import pj

from .logs import without_keys
from .pj_events import guarded

pjsip_logger = logging.getLogger("pjsip")

_LEVELS: Final = {0: logging.CRITICAL, 1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO}

_ORDINARY: Final = (
    # said twice about each m=video line: it is ours and not pjsip's, as it has to be
    ("(PJMEDIA_EINVALIMEDIATYPE)",),
    # a REGISTER is under way: its answer tells what another would
    ("REGISTER", "(PJSIP_EBUSY)"),
    ("pjsua_acc_set_registration(", "(PJSIP_EBUSY)"),
    # the call fails with 502, and the log says so
    ("pjsua_call_make_call(", "(PJ_ERESOLVE)"),
    # the next port is tried; that none is free is another line
    ("socket bind() at", "Address already in use"),
)
"""What pjsip calls an error and is none, by words that are all in the line."""


class PjLogWriter(pj.LogWriter):  # type: ignore[misc]  # pjsua2 has no type information
    """pjsip's log lines go to the logger `pjsip`; nothing is printed."""

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        """Before that every failure becomes a `StartupError` that says it better."""

    @guarded
    def write(self, entry: Any) -> None:
        """Take a line, on any thread."""
        level = _LEVELS.get(entry.level, logging.DEBUG) if self.started else logging.DEBUG
        if level > logging.DEBUG and _is_ordinary(entry.msg):
            level = logging.DEBUG
        pjsip_logger.log(level, "%s", without_keys(entry.msg.rstrip()))


def pjsip_level() -> int:
    """pjsip's level for that of its logger: a line below it costs nothing, as pjsip does not make it."""
    if pjsip_logger.isEnabledFor(5):
        return 5
    for level, threshold in ((4, logging.DEBUG), (3, logging.INFO), (2, logging.WARNING)):
        if pjsip_logger.isEnabledFor(threshold):
            return level
    return 1


def _is_ordinary(line: str) -> bool:
    return any(all(words in line for words in each) for each in _ORDINARY)
