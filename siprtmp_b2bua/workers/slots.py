"""What each worker gets of the ports, so that no two of them ever want the same."""

from __future__ import annotations

from typing import Final

from ..config import GatewayConfig
from ..errors import ConfigurationError
from ..room import lines_of_process
from ..setting_types import PortRange
from .account_plan import check_accounts

_PORTS_OF_LINE: Final = 8
"""Three pairs of a call with video, and one of a call that has just ended."""
_MORE_PORTS: Final = 8
"""For those that another program holds."""
_MOST: Final = 32
"""Where the configuration names no number: more take more than a machine of two cores has."""


def min_rtp_ports(config: GatewayConfig) -> int:
    """Return how many ports of RTP a worker needs."""
    return _PORTS_OF_LINE * lines_of_process(config) + _MORE_PORTS


def most_workers(config: GatewayConfig) -> int:
    """How many there may be: as configured, else as many as there are ports for."""
    workers = config.workers
    if workers.max is not None:
        return workers.max
    ports = config.media.rtp_ports
    by_rtp = (ports.high - ports.low + 1) // min_rtp_ports(config)
    by_sip = 65536 - config.sip.port if config.sip.port else _MOST
    return max(workers.least, min(_MOST, by_rtp, by_sip))


def is_one_process(config: GatewayConfig) -> bool:
    """Whether all is one process: that is asked for, or nothing is and there are ports for no second one."""
    workers = config.workers
    if workers.count == "auto":
        return workers.max is None and most_workers(config) == 1
    return workers.count == 1


def check_slots(config: GatewayConfig, max_workers: int) -> None:
    """Raise `ConfigurationError` unless there are ports for so many workers, and lines for all accounts."""
    ports, needed = config.media.rtp_ports, min_rtp_ports(config)
    count = (ports.high - ports.low + 1) // max_workers
    if max_workers > 1 and count < needed:
        raise ConfigurationError(
            f"media.rtp_ports {ports} has {count} ports for each of {max_workers} workers, which need "
            f"{needed}: choose --rtp-ports {ports.low}-{ports.low + needed * max_workers - 1}, "
            "or fewer --max-workers"
        )
    if config.sip.port and config.sip.port + max_workers - 1 > 65535:
        raise ConfigurationError(
            f"sip.port {config.sip.port} leaves no ports for {max_workers} workers, which take one each from "
            "there on: choose a lower --sip-port"
        )
    _check_overlap(config, max_workers)
    check_accounts(config, max_workers)


def _check_overlap(config: GatewayConfig, max_workers: int) -> None:
    """Raise `ConfigurationError` if one worker's port of SIP could be taken by the RTP of another."""
    first, ports = config.sip.port, config.media.rtp_ports
    last = first + max_workers - 1
    if not first or max_workers == 1 or last < ports.low or ports.high < first:
        return
    below, above = ports.low - max_workers, ports.high + 1
    choice = ""
    if below >= 1024:
        choice = f"--sip-port {below} or a lower one, or "
    elif above + max_workers - 1 <= 65535:
        choice = f"--sip-port {above} or a higher one, or "
    raise ConfigurationError(
        f"the ports of SIP {first}-{last} of {max_workers} workers overlap media.rtp_ports {ports}: choose "
        f"{choice}other --rtp-ports"
    )


def config_of_worker(config: GatewayConfig, number: int, max_workers: int) -> GatewayConfig:
    """Return the configuration of a worker; `number` counts from 1.

    The first worker has the SIP port that is configured, the second the next one, and so on. The ports of
    RTP are divided into equal parts that begin with an even one.
    """
    sip_port = config.sip.port + number - 1 if config.sip.port else 0
    ports = config.media.rtp_ports
    first = ports.low + ports.low % 2
    share = (ports.high - first + 1) // max_workers // 2 * 2
    low = first + (number - 1) * share
    return config.model_copy(
        update={
            "sip": config.sip.model_copy(update={"port": sip_port}),
            "media": config.media.model_copy(update={"rtp_ports": PortRange(low=low, high=low + share - 1)}),
        }
    )
