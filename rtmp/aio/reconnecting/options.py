"""What a program may choose for a stream that is kept up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypedDict

from rtmp.aio.client import OnStatus, RtmpClient
from rtmp.aio.reconnecting.state import StateChange
from rtmp.backoff import BackoffPolicy
from rtmp.capabilities import Capabilities
from rtmp.url import RtmpUrl


class Connect(Protocol):
    """How to connect: `RtmpClient.connect`, or a partial of it with more arguments."""

    async def __call__(
        self, url: RtmpUrl, /, *, capabilities: Capabilities, on_status: OnStatus
    ) -> RtmpClient:
        """Connect. Raises RtmpError, OSError."""
        ...


class ReconnectingOptions(TypedDict, total=False):
    """The options of `Reconnecting`."""

    connect: Connect
    capabilities: Capabilities | None
    policy: BackoffPolicy
    retry_invalid_app: bool
    retry_certificate: bool
    start_timeout_s: float
    on_state: Callable[[StateChange], None] | None
    chance: Callable[[], float]
