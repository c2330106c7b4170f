"""What to tell a person when connecting to the gateway fails."""

from __future__ import annotations

import os
import socket
import ssl

from rtmp.errors import ConnectRejected, InvalidUrl, RtmpError

_HINTS = {
    "401": "check login and password",
    "403": "check login and password",
    "404": "the registrar does not know this address",
    "408": "the registrar did not answer: check the domain or the outbound proxy",
    "502": "the registrar cannot be reached: check the domain or the outbound proxy",
    "503": "the registrar cannot be reached: check the domain or the outbound proxy",
}
"""For the registrar's own answers: where the gateway refuses, a sentence after the status says why."""


def explain_connect_error(url: str, error: OSError | RtmpError) -> str:
    """Return one sentence about why `RtmpPhone.connect` failed."""
    if isinstance(error, ConnectRejected):
        hint = "" if ": " in error.description else _HINTS.get(error.description[:3], "")
        refusal = error.description or error.code
        return f"the gateway refused the connection: {refusal}" + (f" ({hint})" if hint else "")
    if isinstance(error, InvalidUrl):
        return f"{error}; it should be like rtmp://HOST/sip/USER@DOMAIN"
    if isinstance(error, socket.gaierror):
        return f"cannot connect to {url}: {error.strerror}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"cannot connect to {url}: its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):  # its errno is one of OpenSSL, not of the system
        return f"cannot connect to {url}: no TLS: {error.reason or error}"
    if isinstance(error, ConnectionResetError) and url.startswith("rtmps:"):
        return f"cannot connect to {url}: the other side has closed the connection; is that a port of RTMPS?"
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error)
        return f"cannot connect to {url}: {reason}; is the gateway running there?"
    return f"cannot connect to {url}: {error}"
