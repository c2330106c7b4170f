"""What the kernel says of a process and its children: CPU time, memory, descriptors, ports (Linux)."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_TCP_LISTEN = 0x0A
_KERNEL_OBJECT = re.compile(r"(socket|pipe|anon_inode):\[?(\w+)\]?")


def process_tree(pid: int) -> list[int]:
    """The process and all that descend from it, as far as they live."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (fields := _stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    tree = [pid]
    for member in tree:
        tree += children.get(member, [])
    return tree


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of the tree, and of children that have ended."""
    total = 0
    for member in process_tree(pid):
        total += sum(int(field) for field in _stat_fields(member)[11:15])
    return total / _TICKS_PER_S


def rss_kib(pid: int) -> int:
    """Resident memory of the tree; pages that processes share count for each."""
    return sum(_status(member, "VmRSS") for member in process_tree(pid))


def pss_kib(pid: int) -> int:
    """Proportional memory of the tree: a page that n processes share counts 1/n for each."""
    found = (
        line.split() for member in process_tree(pid) for line in _lines(_PROC / str(member) / "smaps_rollup")
    )
    return sum(int(fields[1]) for fields in found if fields[0] == "Pss:")


def peak_rss_kib(pid: int) -> int:
    """The highest resident memory so far, summed over the tree."""
    return sum(_status(member, "VmHWM") for member in process_tree(pid))


def handles_signal(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for a signal (SIGUSR1 would end it otherwise)."""
    line = next((line for line in _lines(_PROC / str(pid) / "status") if line.startswith("SigCgt:")), "")
    return bool(line) and bool(int(line.split()[1], 16) >> (number - 1) & 1)


@dataclass(frozen=True, slots=True)
class Resources:
    """What one process holds at a moment."""

    rss_kib: int
    threads: int
    descriptors: int
    kinds: dict[str, int]
    """Descriptors by kind: socket, pipe, eventfd, eventpoll, file …"""
    udp_ports: tuple[int, ...]
    tcp_listening: tuple[int, ...]
    tcp_connections: int

    @classmethod
    def of(cls, pid: int) -> Resources:
        """Read them."""
        targets = list(_descriptor_targets(pid))
        inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
        udp = [port for port, _, inode in _sockets(pid, "udp") if inode in inodes]
        tcp = [(port, state) for port, state, inode in _sockets(pid, "tcp") if inode in inodes]
        return cls(
            rss_kib=_status(pid, "VmRSS"),
            threads=_status(pid, "Threads"),
            descriptors=len(targets),
            kinds=dict(sorted(Counter(map(_kind, targets)).items())),
            udp_ports=tuple(sorted(udp)),
            tcp_listening=tuple(sorted(port for port, state in tcp if state == _TCP_LISTEN)),
            tcp_connections=sum(state != _TCP_LISTEN for _, state in tcp),
        )


def _kind(target: str) -> str:
    match = _KERNEL_OBJECT.match(target)
    if match is None:
        return "file"
    return match[2] if match[1] == "anon_inode" else match[1]


def _descriptor_targets(pid: int) -> Iterator[str]:
    for entry in (_PROC / str(pid) / "fd").iterdir():
        try:
            yield str(entry.readlink())
        except FileNotFoundError:
            continue  # closed since the directory was read


def _sockets(pid: int, protocol: str) -> Iterator[tuple[int, int, str]]:
    """Local port, state and inode of each socket of the process's network."""
    for table in (protocol, f"{protocol}6"):
        for line in _lines(_PROC / str(pid) / "net" / table)[1:]:
            fields = line.split()
            yield int(fields[1].rpartition(":")[2], 16), int(fields[3], 16), fields[9]


def _status(pid: int, name: str) -> int:
    prefix = f"{name}:"
    for line in _lines(_PROC / str(pid) / "status"):
        if line.startswith(prefix):
            return int(line.split()[1])
    return 0


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may itself contain spaces; empty if it has gone."""
    return "".join(_lines(_PROC / str(pid) / "stat")).rpartition(")")[2].split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []
