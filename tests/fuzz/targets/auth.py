"""Who a client is: the refusals of any server, and the answers of any client."""

from __future__ import annotations

import itertools

from rtmp.auth.auth_scheme import AuthScheme
from rtmp.auth.client_auth import AuthFailure, ClientAuth, Credentials, parse_refusal
from rtmp.auth.server_auth import AuthAccepted, AuthRefused, ServerAuth
from rtmp.errors import AuthenticationFailed, ConnectRejected

_APP = "live"
_MAX_CHALLENGES = 4
_LIFETIME_S = 30.0


def run_refusal(data: bytes) -> None:
    """The description of a refusal, which a client takes three times."""
    description = data.decode("utf-8", "replace")
    refusal = parse_refusal(description)
    auth = ClientAuth(Credentials("bob", "secret"), _APP)
    rejected = ConnectRejected("NetConnection.Connect.Rejected", description, {})
    for _ in range(3):
        try:
            query = auth.next_query(rejected)
        except ConnectRejected as error:
            assert (error is rejected) == (refusal is None)
        else:
            assert query.startswith("?authmod=")
            assert not isinstance(refusal, AuthFailure)
            assert "secret" not in query or "secret" in description
    assert refusal is None or _fails(auth, rejected)


def _fails(auth: ClientAuth, rejected: ConnectRejected) -> bool:
    try:
        auth.next_query(rejected)
    except AuthenticationFailed:
        return True
    return False


def run_server(data: bytes) -> None:
    """A method, and lines: what a client appends to its application, or `+` and what bob's client does.

    Bob's is right, so it gets in unless something came in between; nobody else does.
    """
    scheme = list(AuthScheme)[data[:1] == b"\1"]
    tokens = map(str, itertools.count(1000))
    server = ServerAuth(
        lambda user: "secret" if user == "bob" else None,
        scheme,
        max_challenges=_MAX_CHALLENGES,
        lifetime_s=_LIFETIME_S,
        make_token=lambda: next(tokens),
    )
    now_s = 0.0
    for line in data[1:].decode("utf-8", "replace").split("\n"):
        now_s += len(line)
        if line.startswith("+"):
            _let_bob_in(server, line[1:], now_s)
        else:
            judged = server.check(_APP + line, now_s)
            assert isinstance(judged, AuthRefused)
            parse_refusal(judged.description)
        assert len(server._challenges) <= _MAX_CHALLENGES


def _let_bob_in(server: ServerAuth, between: str, now_s: float) -> None:
    auth = ClientAuth(Credentials("bob", "secret"), _APP, lambda: "token")
    app = _APP
    for _ in range(2):
        judged = server.check(app, now_s)
        assert isinstance(judged, AuthRefused)
        app = _APP + auth.next_query(ConnectRejected("Rejected", judged.description, {}))
    is_damaged = between.startswith("-")
    if is_damaged:  # which uses the challenge up
        assert isinstance(server.check(app.replace("&response=", "&response=x"), now_s), AuthRefused)
    judged = server.check(app, now_s + len(between))
    if is_damaged or len(between) > _LIFETIME_S:
        assert isinstance(judged, AuthRefused)
    else:
        assert judged == AuthAccepted(_APP, "bob")
    assert isinstance(server.check(app, now_s), AuthRefused), "an answer counts once"
