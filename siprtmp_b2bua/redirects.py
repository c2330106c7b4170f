"""Calls for users whose line another process of the gateway has: the caller is told where (302).

A call finds its process by the Contact that the registrar has. Who calls without a registrar, such as a
trunk, knows one port only, that of the first process.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

from .pj_context import RegisteredAccount
from .request_uri import RequestUri
from .sip_message import SipMessage

_ANY_PORT: Final = 9


class Redirects:
    """Who is where else. `host` is our address, "" where each caller may reach us by another one.

    `put` may be called on any thread.
    """

    def __init__(self, accounts: Mapping[int, RegisteredAccount], host: str) -> None:
        self._accounts = accounts
        self._host = host
        self._ports: dict[str, int] = {}

    def put(self, user: str, sip_port: int) -> None:
        """Note the SIP port at which a user can be called; 0: at none but ours."""
        if sip_port:
            self._ports[user.lower()] = sip_port
        else:
            self._ports.pop(user.lower(), None)

    def contact_for(self, message: SipMessage, caller: str) -> str | None:
        """Return the URI where a request of the caller (an IP address) should go; None: it is right here."""
        if not self._ports or not message.invites:
            return None
        uri = RequestUri.parse(message.start_line)
        if uri is None or uri.user is None or uri.find_account(self._accounts) is not None:
            return None
        if (port := self._ports.get(uri.user.lower())) is None:
            return None
        if not (host := self._host or _address_towards(caller)):
            return None
        by_tcp = ";transport=tcp" if message.transport == "TCP" else ""
        return f"sip:{uri.user}@{host}:{port}{by_tcp}"


def _address_towards(host: str) -> str:
    """Return the address of ours that packets to a host come from; "" if there is none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, _ANY_PORT))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
