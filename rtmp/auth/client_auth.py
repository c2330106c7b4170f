"""How a client answers a server that refuses `connect` because it wants to know who we are.

`ClientAuth` is told each refusal and says what to append to `app` and `tcUrl` of the next connect, on a new
connection: first the method and the user, then the answer to the challenge. See `rtmp.auth.auth_scheme`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from rtmp.auth.auth_scheme import LLNW_COUNT, AuthScheme, adobe_response, llnw_response, parse_parameters
from rtmp.errors import AuthenticationFailed, ConnectRejected, LocalProtocolError

_MAX_DESCRIPTION = 4096
_SCHEME = re.compile("authmod=({})".format("|".join(scheme.value for scheme in AuthScheme)))
_RESERVED = re.compile(r"[&?#\s\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are."""

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.user or _RESERVED.search(self.user):
            raise LocalProtocolError("a user's name is not empty and has no '&', '?', '#' or white space")
        if not (_is_utf8(self.user) and _is_utf8(self.password)):
            raise LocalProtocolError("the user's name or the password cannot be expressed in UTF-8")


def _is_utf8(text: str) -> bool:
    # what the command line held of other bytes are lone surrogates
    return not any("\ud800" <= character <= "\udfff" for character in text)


@dataclass(frozen=True, slots=True)
class UserWanted:
    """The server wants to know the user (`code=403 need auth`)."""

    scheme: AuthScheme


@dataclass(frozen=True, slots=True)
class AdobeChallenge:
    """The server wants an answer; one of `challenge` and `opaque` may be empty."""

    user: str
    salt: str
    challenge: str
    opaque: str


@dataclass(frozen=True, slots=True)
class LlnwChallenge:
    """The server wants an answer to its nonce."""

    user: str
    nonce: str


class AuthFailure(Enum):
    """Why the server does not want us; the value is what stands behind `?reason=`, or the start of it."""

    NOT_ACCEPTED = "authfail"
    NO_SUCH_USER = "nosuchuser"


AuthRefusal: TypeAlias = UserWanted | AdobeChallenge | LlnwChallenge | AuthFailure


def parse_refusal(description: str) -> AuthRefusal | None:
    """Return what the description of a refused connect wants, None if it is not about authentication.

    A method that is not known here is None too: nothing can be done about it.
    """
    description = description[:_MAX_DESCRIPTION]
    found = _SCHEME.search(description)
    if found is None:
        return None
    reason = description.partition("?reason=")[2]
    for failure in AuthFailure:
        if reason.startswith(failure.value):
            return failure
    scheme = AuthScheme(found[1])
    if reason.startswith("needauth"):
        return _parse_challenge(scheme, parse_parameters(reason.split()[0]))
    return UserWanted(scheme) if "code=403 need auth" in description else None


def _parse_challenge(scheme: AuthScheme, parameters: Mapping[str, str]) -> AuthRefusal:
    user = parameters.get("user", "")
    if scheme is AuthScheme.LLNW:
        return LlnwChallenge(user, parameters.get("nonce", ""))
    names = ("salt", "challenge", "opaque")
    return AdobeChallenge(user, *(parameters.get(name, "") for name in names))


class _State(Enum):
    START = auto()
    NAMED = auto()
    ANSWERED = auto()


_TRANSITIONS: Mapping[tuple[_State, type[AuthRefusal]], _State] = {
    (_State.START, UserWanted): _State.NAMED,
    (_State.START, AdobeChallenge): _State.ANSWERED,
    (_State.START, LlnwChallenge): _State.ANSWERED,
    (_State.NAMED, AdobeChallenge): _State.ANSWERED,
    (_State.NAMED, LlnwChallenge): _State.ANSWERED,
}
"""A server that asks again for what it has been told does not accept it, so three connects are the most."""


class ClientAuth:
    """The connects of one client to `app`, which is without what is appended to it."""

    def __init__(
        self,
        credentials: Credentials | None,
        app: str,
        make_token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._credentials = credentials
        self._app = app
        self._make_token = make_token
        self._state = _State.START

    def next_query(self, refused: ConnectRejected) -> str:
        """Return what to append to `app` and `tcUrl` of the next connect.

        Raises AuthenticationFailed if the server does not want us or we have no credentials, and the refusal
        itself if it has nothing to do with authentication.
        """
        refusal = parse_refusal(refused.description)
        if refusal is None:
            raise refused
        following = _TRANSITIONS.get((self._state, type(refusal)))
        if self._credentials is None or following is None or isinstance(refusal, AuthFailure):
            raise AuthenticationFailed(refused.code, refused.description, refused.info) from refused
        self._state = following
        if isinstance(refusal, UserWanted):
            return f"?authmod={refusal.scheme.value}&user={self._credentials.user}"
        if isinstance(refusal, AdobeChallenge):
            return self._answer_adobe(refusal, self._credentials)
        return self._answer_llnw(refusal, self._credentials)

    def _answer_adobe(self, wanted: AdobeChallenge, ours: Credentials) -> str:
        user, token = wanted.user or ours.user, self._make_token()
        challenge = wanted.opaque or wanted.challenge
        response = adobe_response(user, ours.password, wanted.salt, challenge, token)
        opaque = f"&opaque={wanted.opaque}" if wanted.opaque else ""
        return f"?authmod=adobe&user={user}&challenge={token}&response={response}{opaque}"

    def _answer_llnw(self, wanted: LlnwChallenge, ours: Credentials) -> str:
        user, token = wanted.user or ours.user, self._make_token()
        response = llnw_response(user, ours.password, self._app, wanted.nonce, token)
        return (
            f"?authmod=llnw&user={user}&nonce={wanted.nonce}&cnonce={token}&nc={LLNW_COUNT}"
            f"&response={response}"
        )
