"""What the kernel and the service manager grant, compared with what so many workers need."""

from __future__ import annotations

import logging
import pickle
import re
import resource
import socket
from pathlib import Path

from ..config import GatewayConfig
from ..errors import StartupError
from .channel import MAX_MESSAGE

logger = logging.getLogger(__name__)

_DESCRIPTORS_OF_WORKER = 4
"""Of the supervisor: a channel, a pidfd, and both ends of a new channel."""
_DESCRIPTORS_AT_REST = 64
_DESCRIPTORS_OF_TLS_CLIENT = 2
"""Its socket and one end of the relay to its worker, as long as it stays."""
_TASKS_OF_WORKER = 8
_REST_OF_REQUEST = 4096
"""What a worker is given beside the configuration."""
_NET_CORE = Path("/proc/sys/net/core")
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_CGROUP_OF_SELF = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def check_resources(config: GatewayConfig, max_workers: int) -> None:
    """Raise `StartupError` for what cannot work, with what to do; log what may not suffice.

    The soft limit of open files is raised to what is needed, as far as the hard one allows.
    """
    check_size(config)
    _check_files(config, max_workers)
    _check_tasks(max_workers)
    _check_tasks_of_cgroup(max_workers)
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


def check_address(config: GatewayConfig) -> None:
    """Raise `StartupError` if nothing can be bound to the address that is configured for SIP and RTP."""
    address = config.sip.int_ip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise StartupError(
                f"cannot listen for SIP on {address}: {error.strerror}; choose another --int-ip"
            ) from None


def _check_files(config: GatewayConfig, max_workers: int) -> None:
    clients = config.rtmp.max_connections
    for_clients = clients * _DESCRIPTORS_OF_TLS_CLIENT if config.rtmp.tls_port else clients
    wanted = for_clients + _DESCRIPTORS_OF_WORKER * max_workers + _DESCRIPTORS_AT_REST
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
            "-u, or LimitNPROC= of systemd), or choose fewer --max-workers",
            soft, max_workers, wanted,
        )  # fmt: skip


def _check_tasks_of_cgroup(max_workers: int) -> None:
    wanted, limits = _TASKS_OF_WORKER * max_workers, _pids_max()
    if limits and min(limits) < wanted:
        logger.warning(
            "this service or container may have %d processes and threads, and %d workers need %d: raise the "
            "limit (TasksMax= of systemd, --pids-limit of Docker), or choose fewer --max-workers",
            min(limits), max_workers, wanted,
        )  # fmt: skip


def _pids_max() -> list[int]:
    """Return the limits of our cgroup (version 2) and of those above it; empty where there are none."""
    limits = []
    for path in re.findall(r"^0::/(.*)$", _read(_CGROUP_OF_SELF), re.MULTILINE):
        own = _CGROUPS / path
        for directory in (own, *own.parents):
            if directory.is_relative_to(_CGROUPS):
                limits += _read_numbers(directory / "pids.max")  # "max" is none
    return limits


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
        return [int(word) for word in _read(file).split()]
    except ValueError:
        return []


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""
