"""For all tests."""

import os
import signal

# Machines that run tests are late now and then, and clients shall not be refused for that.
os.environ.setdefault("SIPRTMP_WORKERS__MAX_LAG_MS", "0")

# What a shell starts in the background ignores SIGINT, and the programs under test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
