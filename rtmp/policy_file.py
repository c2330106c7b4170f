"""Flash's socket policy file: which pages may open a socket to this port.

Flash Player asks for it with 23 bytes on a connection of its own, which the server closes after the answer.
Adobe, "Setting up a socket policy file server".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from rtmp.errors import LocalProtocolError

REQUEST = b"<policy-file-request/>\0"
_DOMAIN = re.compile(r"\*|(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_PORTS = re.compile(r"\*|\d{1,5}(-\d{1,5})?", re.ASCII)


def begins_request(data: bytes | bytearray) -> bool:
    """Return whether what has arrived is a request or may become one. RTMP begins with another byte."""
    return REQUEST.startswith(data[: len(REQUEST)])


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """Who may connect: pages of these `domains` (`*`, `*.example.com`, `www.example.com`, addresses).

    `ports` are numbers, ranges (`1935-1940`) or `*`; empty: the port that was asked. Raises
    LocalProtocolError for a domain or port of another form.
    """

    domains: tuple[str, ...] = ("*",)
    ports: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern, values in ((_DOMAIN, self.domains), (_PORTS, self.ports)):
            for value in values:
                if not pattern.fullmatch(value):
                    raise LocalProtocolError(f"{value!r} cannot stand in a policy file")

    def serialize(self, port: int) -> bytes:
        """Return the answer to a request on `port`, with the NUL that ends it."""
        ports = quoteattr(",".join(self.ports) or str(port))
        rules = "".join(
            f"<allow-access-from domain={quoteattr(domain)} to-ports={ports}/>" for domain in self.domains
        )
        return f'<?xml version="1.0"?><cross-domain-policy>{rules}</cross-domain-policy>\0'.encode()
