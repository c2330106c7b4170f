"""What all lines and calls of a gateway share."""

from __future__ import annotations

from dataclasses import dataclass

from .call_gate import CallGate
from .config import GatewayConfig
from .pj_endpoint import PjEndpoint


@dataclass(frozen=True, slots=True)
class Services:
    """The shared parts, handed down from the gateway."""

    config: GatewayConfig
    endpoint: PjEndpoint
    gate: CallGate
