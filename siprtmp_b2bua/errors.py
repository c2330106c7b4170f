"""Errors of the B2BUA. Each says who is at fault, in words that can be shown to that party."""

from __future__ import annotations


class B2buaError(Exception):
    """Base of all errors that this package raises."""


class ConfigurationError(B2buaError):
    """The operator's configuration cannot be used; the text says which setting and what to do."""


class StartupError(B2buaError):
    """The gateway cannot start: a port is taken, an address does not exist, a library is missing."""


class CapacityError(B2buaError):
    """A limit of this process is reached (lines or calls); the request is refused, nothing else changes."""


class AddressError(B2buaError):
    """A peer gave an address that is not a SIP or tel URI."""


class RequestError(B2buaError):
    """An RTMP client asked for something impossible in the present state, or with wrong arguments."""


class SipError(B2buaError):
    """The SIP side refused: a final response, or the failure of pjsip to send at all."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class UnknownApplicationError(RequestError):
    """An RTMP client connected to an application that this gateway does not have."""


class IllegalTransitionError(B2buaError):
    """A call received an event that its present state does not have."""
