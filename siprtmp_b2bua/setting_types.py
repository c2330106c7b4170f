"""The kinds of values that settings have, and how one that cannot be is refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from rtmp.auth.client_auth import Credentials
from rtmp.auth.server_auth import MAX_USER
from rtmp.errors import LocalProtocolError
from rtmp.policy_file import PolicyFile

from .errors import AddressError
from .sip_address import AddressOfRecord

MAX_WORKERS: Final = 1000


def _ip_address(text: str) -> str:
    if text:
        try:
            ipaddress.IPv4Address(text)
        except ValueError:
            raise ValueError(f"{text!r} is not an IP address (version 4), such as 192.0.2.10") from None
    return text


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _worker_count(value: object) -> object:
    number = _number(value)
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MAX_WORKERS:
        return number
    if number != "auto":
        raise ValueError(f"auto, or a number from 1 to {MAX_WORKERS}")
    return number


def list_of_sections(value: object) -> object:
    """Refuse what is no list, in words of TOML and of a variable's JSON."""
    if not isinstance(value, list | tuple):
        raise ValueError("a list is needed: sections [[accounts]], with two brackets, or JSON such as [{…}]")
    return value


def _words(value: object) -> object:
    """Take a list also as text: `a.example, b.example`."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _domains(domains: tuple[str, ...]) -> tuple[str, ...]:
    try:
        PolicyFile(domains)
    except LocalProtocolError as error:
        raise ValueError(f"{error}; a domain is *, *.example.com or www.example.com") from None
    return domains


def _proxy(text: str) -> str:
    if text and any(character.isspace() or character in "<>\"'," for character in text):
        raise ValueError(
            f"{text!r} is not a proxy of the form host, host:port or sip:host:port;transport=tcp"
        )
    return text


def _aor(text: str) -> str:
    try:
        return str(AddressOfRecord.parse(text.removeprefix("sip:")))
    except AddressError as error:
        raise ValueError(str(error)) from None


def _table(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError('not a table of names and passwords, such as {"alice": "correct horse"}')
    return value


def _users(users: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    for user, password in users.items():
        try:
            Credentials(user, password.get_secret_value())
        except LocalProtocolError as error:
            raise ValueError(f"{user!r}: {error}") from None
        if len(user) > MAX_USER:
            raise ValueError(f"{user!r}: a user's name has at most {MAX_USER} characters")
        if not password.get_secret_value():
            raise ValueError(f"{user!r} has an empty password, which no encoder sends")
    return users


class Section(BaseModel):
    """A section of the settings: no names but those that are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PortRange(Section):
    """A range of UDP ports, both ends included; RTP takes the even ports and RTCP the odd ones."""

    low: int = Field(10000, ge=1024, le=65534)
    high: int = Field(10999, ge=1025, le=65535)

    @model_validator(mode="after")
    def _holds_four_calls(self) -> PortRange:
        if self.high < self.low:
            raise ValueError(f"{self} ends before it begins")
        if self.high - self.low < 7:
            raise ValueError(f"{self} is too small: four calls need at least 8 ports")
        return self

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """Parse `LOW-HIGH`; raises `ValueError`."""
        low, dash, high = text.partition("-")
        if not dash or not low.strip().isdecimal() or not high.strip().isdecimal():
            raise ValueError(f"{text!r} is not a range of ports such as 10000-10999")
        return cls(low=int(low), high=int(high))

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


def _port_range(value: object) -> object:
    if isinstance(value, str):
        return PortRange.parse(value)
    if not isinstance(value, PortRange | Mapping):
        raise ValueError(f"{value!r} is not a range of ports such as 10000-10999")
    return value


IpAddress = Annotated[str, AfterValidator(_ip_address)]
Port = Annotated[int, Field(ge=0, le=65535)]
Domains = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_domains)]
Proxy = Annotated[str, AfterValidator(_proxy)]
RtpPorts = Annotated[PortRange, BeforeValidator(_port_range)]
BridgeRate = Annotated[Literal[8000, 16000], BeforeValidator(_number)]
WorkerCount = Annotated[Literal["auto"] | int, BeforeValidator(_worker_count)]
Aor = Annotated[str, AfterValidator(_aor)]
SrtpPolicy = Literal["accept", "require", "off"]
"""Whether calls are encrypted: if the peer offers it, all of them, or none."""
Users = Annotated[Mapping[str, SecretStr], BeforeValidator(_table), AfterValidator(_users)]
