"""Settings that a gateway cannot change while it runs."""

from __future__ import annotations

from typing import Final

from ..config import GatewayConfig

_FIXED: Final = {
    "rtmp": None,
    "live": ("enabled",),
    "sip": ("port",),
    "media": ("rtp_ports",),
    "workers": ("count", "max"),
}
"""By section, None: all of it. They are the supervisor's own, or say which ports each worker has."""


def keep_fixed(old: GatewayConfig, new: GatewayConfig) -> tuple[GatewayConfig, list[str]]:
    """Return the new settings with the old values of what is fixed, and in words where that differs."""
    sections = {}
    differences = []
    for section, names in _FIXED.items():
        before, after = getattr(old, section), getattr(new, section)
        fixed = {name: getattr(before, name) for name in names or type(before).model_fields}
        for name, value in fixed.items():
            if getattr(after, name) != value:
                differences.append(f"{section}.{name} changes with a restart only; it stays {value}")
        sections[section] = after.model_copy(update=fixed)
    return new.model_copy(update=sections | {"control": old.control}), differences
