"""Who a line is at its registrar."""

from __future__ import annotations

from dataclasses import dataclass, field

from .sip_address import AddressOfRecord


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a registrar knows the account by."""

    aor: AddressOfRecord
    login: str
    password: str = field(repr=False)
    display_name: str = ""
