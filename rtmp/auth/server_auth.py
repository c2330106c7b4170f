"""How a server has its clients prove who they are before it accepts `connect`; see `rtmp.auth.auth_scheme`.

For each ConnectRequested, or those of encoders (`rtmp.auth.encoders`), ask `ServerAuth.check`, and either
accept or refuse with the description it returns.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

from rtmp.auth.auth_scheme import LLNW_COUNT, AuthScheme, adobe_response, llnw_response, split_app

MAX_USER = 64
"""Longer names are nobody's: the refusals have to fit the buffers of encoders."""


@dataclass(frozen=True, slots=True)
class AuthAccepted:
    """The client has proved to be `user`; `app` is the application without what proved it."""

    app: str
    user: str


@dataclass(frozen=True, slots=True)
class AuthRefused:
    """The connect is to be refused (NetConnection.Connect.Rejected) with this description.

    `is_final` tells a wrong answer from one of the refusals that every client sees on its way in. `user` is
    who was to be proved by it, the beginning of a long name.
    """

    description: str
    is_final: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class _Challenge:
    user: str
    salt: str
    expires_s: float


class ServerAuth:
    """Challenges and checks all clients of a server.

    `find_password` returns the password of a user, None if there is no such user, which a client is not told:
    it fails like a wrong password. A challenge can be answered once, within `lifetime_s` seconds; the oldest
    goes when there are more than `max_challenges`.
    """

    def __init__(
        self,
        find_password: Callable[[str], str | None],
        scheme: AuthScheme = AuthScheme.ADOBE,
        *,
        max_challenges: int = 1000,
        lifetime_s: float = 30.0,
        make_token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._find_password = find_password
        self._scheme = scheme
        self._max_challenges = max_challenges
        self._lifetime_s = lifetime_s
        self._make_token = make_token
        self._challenges: dict[str, _Challenge] = {}

    def check(self, app: str, now_s: float) -> AuthAccepted | AuthRefused:
        """Judge the `app` of a connect; `now_s` is any clock that does not go back."""
        plain, given = split_app(app)
        user = given.get("user", "")
        if given.get("authmod") != self._scheme.value or not user:
            return AuthRefused(self._describe("code=403 need auth; ", ""))
        if "response" not in given and len(user) <= MAX_USER:
            return self._challenge(user, now_s)
        key = given.get("opaque" if self._scheme is AuthScheme.ADOBE else "nonce", "")
        challenge = self._challenges.pop(key, None)
        if challenge is None or challenge.user != user or now_s > challenge.expires_s:
            return self._fail(user)
        if not self._is_right(plain, key, challenge, given):
            return self._fail(user)
        return AuthAccepted(plain, user)

    def _challenge(self, user: str, now_s: float) -> AuthRefused:
        if len(self._challenges) >= self._max_challenges:
            del self._challenges[next(iter(self._challenges))]
        key, salt = self._make_token(), self._make_token()
        self._challenges[key] = _Challenge(user, salt, now_s + self._lifetime_s)
        # clients differ in which of challenge and opaque they use when there are both
        proof = f"salt={salt}&challenge={key}&opaque={key}"
        if self._scheme is AuthScheme.LLNW:
            proof = f"nonce={key}"
        return AuthRefused(self._describe("", f"?reason=needauth&user={user}&{proof}"))

    def _is_right(self, app: str, key: str, challenge: _Challenge, given: Mapping[str, str]) -> bool:
        password = self._find_password(challenge.user)
        user, secret = challenge.user, password if password is not None else secrets.token_hex(16)
        if self._scheme is AuthScheme.ADOBE:
            wanted = adobe_response(user, secret, challenge.salt, key, given.get("challenge", ""))
        else:
            wanted = llnw_response(user, secret, app, key, given.get("cnonce", ""))
            if given.get("nc") != LLNW_COUNT:
                return False
        return compare_digest(wanted.encode(), given.get("response", "").encode())

    def _fail(self, user: str) -> AuthRefused:
        return AuthRefused(self._describe("", "?reason=authfailed"), is_final=True, user=user[:MAX_USER])

    def _describe(self, what: str, reason: str) -> str:
        return f"[ AccessManager.Reject ] : [ {what}authmod={self._scheme.value} ] : {reason}"
