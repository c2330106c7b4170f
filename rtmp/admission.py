"""Which new connections a server takes, and how much it says of those it refuses. Time is an argument."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from rtmp.errors import TooManyConnections
from rtmp.limits import DEFAULT_ADMISSION_LIMITS, AdmissionLimits
from rtmp.token_bucket import TokenBucket

_MAX_REMEMBERED = 10_000
_LOG_EVERY_S = 1.0


def address_group(host: str) -> str:
    """Return what the limits count as one address: an IPv4 address or the /64 of an IPv6 address.

    An IPv4 address in IPv6 clothes (::ffff:192.0.2.1) is that IPv4 address. Empty for anything else, such as
    the peer of a Unix socket: that is counted in all, but not for itself.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


@dataclass(slots=True)
class _Recent:
    """What is remembered of an address beyond its connections."""

    bucket: TokenBucket
    admitted: int = 0
    logged_s: float = -_LOG_EVERY_S
    unlogged: int = 0


class SharedBudget:
    """A rate that several connections share; what each has used since it last said so is spent at once."""

    __slots__ = ("_bucket", "_total")

    def __init__(self, rate: float, burst_s: float, now_s: float) -> None:
        self._bucket = TokenBucket(rate, rate * burst_s, now_s)
        self._total = 0

    def spend(self, amount: int, now_s: float) -> float:
        """Return the seconds to wait before more may be used."""
        self._total += amount
        return self._bucket.wait(self._total, now_s)


class _Budgets:
    """What connections share: one budget for all, and one for each address that has connections."""

    def __init__(self, in_all: float, per_address: float, burst_s: float) -> None:
        self._rate_in_all = in_all
        self._rate_per_address = per_address
        self._burst_s = burst_s
        self._in_all: SharedBudget | None = None
        self._of: dict[str, SharedBudget] = {}

    def of(self, group: str, now_s: float) -> tuple[SharedBudget, ...]:
        if self._in_all is None:
            self._in_all = SharedBudget(self._rate_in_all, self._burst_s, now_s)
        if not group:
            return (self._in_all,)
        budget = self._of.get(group)
        if budget is None:
            budget = self._of[group] = SharedBudget(self._rate_per_address, self._burst_s, now_s)
        return (budget, self._in_all)

    def forget(self, group: str) -> None:
        self._of.pop(group, None)


class Admission:
    """Counts the connections of one server, or of several that share it.

    It also has the budgets of what they send, and of the files they are sent, together.
    """

    def __init__(self, limits: AdmissionLimits = DEFAULT_ADMISSION_LIMITS) -> None:
        self.limits = limits
        self._count = 0
        self._open: dict[str, int] = {}
        self._inbound = _Budgets(
            limits.max_bytes_per_second, limits.max_bytes_per_second_per_address, limits.rate_burst_s
        )
        self._files = _Budgets(
            limits.max_file_bytes_per_second,
            limits.max_file_bytes_per_second_per_address,
            limits.rate_burst_s,
        )
        self._recent: OrderedDict[str, _Recent] = OrderedDict()

    @property
    def count(self) -> int:
        """How many connections there are now."""
        return self._count

    def admit(self, group: str, now_s: float) -> None:
        """Count a new connection of an `address_group`, or raise TooManyConnections.

        Each admitted connection must be given to `release` once.
        """
        limits = self.limits
        if self._count >= limits.max_connections:
            raise TooManyConnections(f"{limits.max_connections} connections are open already")
        if group:
            self._check_group(group, now_s)
            self._open[group] = self._open.get(group, 0) + 1
        self._count += 1

    def budgets(self, group: str, now_s: float) -> tuple[SharedBudget, ...]:
        """Return what an admitted connection shares, for all it sends, with those of its address and all."""
        return self._inbound.of(group, now_s)

    def file_budgets(self, group: str, now_s: float) -> tuple[SharedBudget, ...]:
        """Return the same for the files that it is sent."""
        return self._files.of(group, now_s)

    def release(self, group: str) -> None:
        """Forget a connection that has ended."""
        self._count -= 1
        if group:
            left = self._open[group] - 1
            if left:
                self._open[group] = left
            else:
                del self._open[group]
                self._inbound.forget(group)
                self._files.forget(group)

    def refusals_to_log(self, group: str, now_s: float) -> int:
        """Count a refusal. Return how many to report now, with this one; 0 if one was just reported."""
        recent = self._remember(group, now_s)
        recent.unlogged += 1
        if now_s - recent.logged_s < _LOG_EVERY_S:
            return 0
        count, recent.unlogged, recent.logged_s = recent.unlogged, 0, now_s
        return count

    def _check_group(self, group: str, now_s: float) -> None:
        limits = self.limits
        if self._open.get(group, 0) >= limits.max_connections_per_address:
            raise TooManyConnections(
                f"{limits.max_connections_per_address} connections are open from {group}"
            )
        if limits.new_per_second:
            recent = self._remember(group, now_s)
            if recent.bucket.wait(recent.admitted + 1, now_s) > 0:
                raise TooManyConnections(f"more than {limits.new_per_second:g} new a second from {group}")
            recent.admitted += 1

    def _remember(self, group: str, now_s: float) -> _Recent:
        recent = self._recent.get(group)
        if recent is None:
            limits = self.limits
            recent = self._recent[group] = _Recent(
                TokenBucket(limits.new_per_second, limits.new_burst, now_s)
            )
            if len(self._recent) > _MAX_REMEMBERED:
                self._recent.popitem(last=False)
        self._recent.move_to_end(group)
        return recent
