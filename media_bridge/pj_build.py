"""What a build of pjsua2 has room for: constants at which it was compiled.

pjsua2 tells only one of them. Past the others it does not say no but ends the process (an assertion), so the
numbers of a build that is not the wheel are found by a process of its own that goes that far.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import resource
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Final

from media_bridge.pj_module import is_wheel, pj, shared_object
from media_bridge.python_process import module_command, module_environment

_log = logging.getLogger(__name__)

_SOCKETS_OF_CALL: Final = 8
"""RTP and RTCP of two lines, and as many of a call that has just ended: pjmedia keeps those for 500 ms."""
_SOCKETS_AT_REST: Final = 4
_MIN_SOCKETS_TO_OPEN: Final = 28
"""In the time in which pjmedia keeps those that were closed."""
_LogFunction = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_PROBE_TIMEOUT_S: Final = 20.0
_MOST_ACCOUNTS: Final = 4096


@dataclass(frozen=True, slots=True)
class PjBuild:
    """The limits of one process."""

    calls: int
    """`PJSUA_MAX_CALLS`."""
    accounts: int
    """`PJSUA_MAX_ACC`."""
    sockets: int
    """`PJ_IOQUEUE_MAX_HANDLES`: of RTP and RTCP, and again of SIP."""

    @property
    def registrations(self) -> int:
        """Accounts beside the one for calls of clients that do not register."""
        return self.accounts - 1

    @property
    def lines(self) -> int:
        """How many clients can register and have a call each, whatever they do at once."""
        by_sockets = (self.sockets - _SOCKETS_AT_REST - _MIN_SOCKETS_TO_OPEN) // _SOCKETS_OF_CALL
        return max(1, min(self.calls, self.registrations, by_sockets))

    def media_to_open(self, lines: int) -> int:
        """Return how many lines of audio may be opened in the time in which pjmedia keeps closed sockets."""
        return (self.sockets - _SOCKETS_AT_REST - lines * _SOCKETS_OF_CALL) // 2


WHEEL: Final = PjBuild(calls=4, accounts=8, sockets=64)
"""The wheel of the package index."""


@cache
def installed_build() -> PjBuild:
    """Return what the installed pjsua2 has room for. Takes some 0.2 s if that is not the wheel."""
    return WHEEL if is_wheel() else probe()


def probe() -> PjBuild:
    """Find it out in another process; logs an error, and returns what any build has, if that fails."""
    try:
        output = subprocess.run(  # noqa: S603 - this module
            module_command(__name__),
            env=module_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        ).stdout.decode(errors="replace")
        build = PjBuild(_last(output, "calls"), _last(output, "accounts"), _last(output, "sockets"))
    except (OSError, subprocess.TimeoutExpired, LookupError) as error:
        _log.error("what this build of pjsua2 has room for is unknown, so %d calls: %s", WHEEL.lines, error)
        return WHEEL
    _log.debug("this pjsua2 has room for %s", build)
    return build


def _last(output: str, what: str) -> int:
    numbers = re.findall(rf"^{what} (\d+)$", output, re.MULTILINE)
    if not numbers:
        raise LookupError(f"it does not tell its {what}")
    return int(numbers[-1])


def _go_as_far_as_it_can() -> None:
    """Print what there is room for, and more and more accounts until pjsua ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = shared_object()
    library.pj_log_set_level(0)
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    _tell("sockets", _sockets(library))
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.maxCalls = 1_000_000
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    _tell("calls", library.pjsua_call_get_max_count())
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    accounts = []
    for number in range(1, _MOST_ACCOUNTS + 1):
        account, settings = pj.Account(), pj.AccountConfig()
        settings.idUri = f"sip:{number}@127.0.0.1"
        account.create(settings)
        accounts.append(account)
        _tell("accounts", number)
    os._exit(0)


def _sockets(library: ctypes.CDLL) -> int:
    """Read it from what pjlib logs of its build."""
    lines: list[bytes] = []
    write = _LogFunction(lambda level, text, length: lines.append(ctypes.string_at(text, length)))
    before = library.pj_log_get_log_func
    before.restype = ctypes.c_void_p
    theirs = ctypes.c_void_p(before())
    library.pj_log_set_log_func(write)
    library.pj_log_set_level(3)
    library.pj_dump_config()
    library.pj_log_set_level(0)
    library.pj_log_set_log_func(theirs)
    found = re.search(rb"PJ_IOQUEUE_MAX_HANDLES *: *(\d+)", b"".join(lines))
    return int(found[1]) if found else 0


def _tell(what: str, number: int) -> None:
    print(what, number, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _go_as_far_as_it_can()
