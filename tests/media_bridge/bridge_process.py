"""A running conference bridge, for scripts that tests start: pjsua2 allows one endpoint in a process."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from media_bridge.pj_module import pj

ROOT = Path(__file__).parents[2]


@contextmanager
def running_bridge(rate_hz: int = 16000, quality: int = 8) -> Iterator[Any]:
    """An endpoint whose bridge ticks every 20 ms (null device)."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0
    config.medConfig.clockRate = config.medConfig.sndClockRate = rate_hz
    config.medConfig.audioFramePtime = 20
    config.medConfig.quality = quality
    endpoint.libInit(config)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    try:
        yield endpoint
    finally:
        endpoint.libDestroy()


def run_script(body: str) -> str:
    """Run `body` in a process of its own; returns what it printed. A crash or an exception fails the test."""
    script = "from tests.media_bridge.bridge_process import running_bridge\n" + textwrap.dedent(body)
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, f"exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout
