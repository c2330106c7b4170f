"""What the kernel and the service manager grant, compared with what so many workers need."""

from __future__ import annotations

import logging
import pickle
import resource
from pathlib import Path

from ..config import GatewayConfig
from ..errors import StartupError
from .channel import MAX_MESSAGE

logger = logging.getLogger(__name__)

_DESCRIPTORS_OF_WORKER = 4
"""Of the supervisor: a channel, a pidfd, and both ends of a new channel."""
_DESCRIPTORS_AT_REST = 64
_TASKS_OF_WORKER = 8
_REST_OF_REQUEST = 4096
"""What a worker is given beside the configuration."""
_NET_CORE = Path("/proc/sys/net/core")
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def check_resources(config: GatewayConfig, max_workers: int) -> None:
    """Raise `StartupError` for what cannot work, with what to do; log what may not suffice.

    The soft limit of open files is raised to what is needed, as far as the hard one allows.
    """
    check_size(config)
    _check_files(config, max_workers)
    _check_tasks(max_workers)
    _check_buffers()
    _check_ports(config)


def check_size(config: GatewayConfig) -> None:
    """Raise `StartupError` if the configuration is too large to be given to workers."""
    size, most = len(pickle.dumps(config)), MAX_MESSAGE - _REST_OF_REQUEST
    if size > most:
        raise StartupError(
            f"the configuration takes {size} bytes, and workers can be given {most}: name fewer accounts and "
            "publishers, or use --workers 1"
        )


def _check_files(config: GatewayConfig, max_workers: int) -> None:
    clients = config.rtmp.max_connections
    wanted = clients + _DESCRIPTORS_OF_WORKER * max_workers + _DESCRIPTORS_AT_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return
    granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    if granted < wanted:
        logger.warning(
            "%d open files are allowed, and %d clients by rtmp.max_connections would need %d: raise the "
            "limit (ulimit -n, or LimitNOFILE= of systemd), or lower rtmp.max_connections",
            granted, clients, wanted,
        )  # fmt: skip


def _check_tasks(max_workers: int) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = _TASKS_OF_WORKER * max_workers
    if soft != resource.RLIM_INFINITY and soft < wanted:
        logger.warning(
            "this user may have %d processes and threads, and %d workers need %d: raise the limit (ulimit "
            "-u, or LimitNPROC= and TasksMax= of systemd), or choose fewer --max-workers",
            soft, max_workers, wanted,
        )  # fmt: skip


def _check_buffers() -> None:
    size = _read_numbers(_NET_CORE / "wmem_default")
    if size and size[0] < MAX_MESSAGE:
        raise StartupError(
            f"sockets buffer {size[0]} bytes here, and what clients are handed over with has up to "
            f"{MAX_MESSAGE}: sysctl -w net.core.wmem_default=212992, or use --workers 1"
        )


def _check_ports(config: GatewayConfig) -> None:
    ephemeral, rtp = _read_numbers(_EPHEMERAL), config.media.rtp_ports
    if len(ephemeral) == 2 and ephemeral[0] <= rtp.high and rtp.low <= ephemeral[1]:
        logger.warning(
            "media.rtp_ports %s overlaps the ports %d-%d that this machine gives to outgoing connections, "
            "which may take some of them: choose other --rtp-ports",
            rtp, ephemeral[0], ephemeral[1],
        )  # fmt: skip


def _read_numbers(file: Path) -> list[int]:
    """Read a setting of the kernel; empty where there is none, as in some containers."""
    try:
        return [int(word) for word in file.read_text().split()]
    except (OSError, ValueError):
        return []
