"""How many lines one process has."""

from __future__ import annotations

from media_bridge.pj_build import installed_build

from .config import GatewayConfig


def lines_of_process(config: GatewayConfig) -> int:
    """Return how many clients can have a call: as pjsua2 was built, or fewer if that is configured."""
    return min(installed_build().lines, config.sip.max_calls)
