"""What a client's connect says: the address in its URL, then login, password, displayName and rate."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rtmp.aio.server import ServerConnection
from rtmp.events import ConnectRequested

from .config import GatewayConfig
from .credentials import Credentials
from .errors import AddressError, B2buaError, CapacityError, RequestError, UnknownApplicationError
from .sip_address import AddressOfRecord

logger = logging.getLogger(__name__)

_MAX_TEXT = 256
_NAMES = ("login", "password", "displayName", "rate")

LineKey = tuple[str, str]
"""An address of record in lower case, and an instance."""


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """A connect to the `sip` application."""

    credentials: Credentials
    instance: str
    rate: str

    def registers(self, config: GatewayConfig) -> bool:
        """Whether its line is registered: it has a password, or the configuration has its account."""
        credentials = self.credentials
        return bool(credentials.password) or config.account_of(str(credentials.aor)) is not None

    def line_key(self, config: GatewayConfig) -> LineKey | None:
        """Clients with the same key replace each other; None for one that has its address to itself."""
        if not self.registers(config) or (config.share_aor and not self.instance):
            return None
        return (str(self.credentials.aor).lower(), self.instance)

    @classmethod
    def parse(cls, event: ConnectRequested) -> ConnectRequest:
        """Read the app name and the arguments; raises `RequestError` with a text for the client."""
        app, _, rest = event.app.strip("/").partition("?")[0].partition("/")
        address, _, instance = rest.partition("/")
        if app == "sips":
            raise UnknownApplicationError(
                "SIP over TLS (sips/) is not enabled on this gateway; connect to sip/USER@DOMAIN"
            )
        if app != "sip" or not address:
            raise UnknownApplicationError(
                f"no such application: {event.app[:60]!r}; phones connect to rtmp://HOST/sip/USER@DOMAIN, "
                + (
                    "live streams are turned off here"
                    if app == "live"
                    else "encoders to rtmp://HOST/live/NAME"
                )
            )
        try:
            aor = AddressOfRecord.parse(address)
        except AddressError as error:
            raise RequestError(str(error)) from None
        login, password, display_name, rate = (_argument(event, index) for index in range(len(_NAMES)))
        if rate not in ("", "wideband", "narrowband"):
            raise RequestError(f"the rate is wideband or narrowband, not {rate[:20]!r}")
        credentials = Credentials(aor, login or aor.user, password, display_name)
        return cls(credentials, instance[:_MAX_TEXT], rate or "wideband")


def refuse_connect(connection: ServerConnection, name: str, error: B2buaError) -> None:
    """Tell a client why its `connect` is refused, and log it; `name` is the client's in the log."""
    is_unknown = isinstance(error, UnknownApplicationError)
    description = f"503 Service Unavailable: {error}" if isinstance(error, CapacityError) else str(error)
    logger.info("%s: connect from %s refused: %s", name, connection.peername, description)
    code = "NetConnection.Connect.InvalidApp" if is_unknown else "NetConnection.Connect.Rejected"
    connection.reject_connect(code, description)


def _argument(event: ConnectRequested, index: int) -> str:
    value = event.arguments[index] if index < len(event.arguments) else None
    if value is None:
        return ""
    if isinstance(value, float | int) and not isinstance(value, bool):
        value = f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"  # a login such as 1001 given as a Number
    if not isinstance(value, str) or len(value) > _MAX_TEXT or any(ord(c) < 32 for c in value):
        raise RequestError(
            f"argument {_NAMES[index]} of connect is no text of at most {_MAX_TEXT} characters"
        )
    return value
