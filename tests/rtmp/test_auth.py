"""Authentication in `connect`: both ends, without sockets."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.amf_value import AmfValue
from rtmp.auth.auth_scheme import AuthScheme, adobe_response, llnw_response, split_app
from rtmp.auth.client_auth import (
    AdobeChallenge,
    AuthFailure,
    AuthRefusal,
    ClientAuth,
    Credentials,
    LlnwChallenge,
    UserWanted,
    parse_refusal,
)
from rtmp.auth.encoders import ENCODER, is_encoder
from rtmp.auth.server_auth import AuthAccepted, AuthRefused, ServerAuth
from rtmp.errors import AuthenticationFailed, ConnectRejected, LocalProtocolError

ADOBE = "[ AccessManager.Reject ] : [ authmod=adobe ] : "
LLNW = "[ AccessManager.Reject ] : [ authmod=llnw ] : "


@pytest.mark.parametrize(
    ("description", "refusal"),
    [
        ("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ", UserWanted(AuthScheme.ADOBE)),
        ("code=403 need auth; authmod=llnw", UserWanted(AuthScheme.LLNW)),
        (
            f"{ADOBE}?reason=needauth&user=u&salt=sA==&challenge=c/+=&opaque=o",
            AdobeChallenge("u", "sA==", "c/+=", "o"),
        ),
        (f"{ADOBE}?reason=needauth&user=u&salt=s&challenge=c", AdobeChallenge("u", "s", "c", "")),
        (f"{LLNW}?reason=needauth&user=u&nonce=n more text", LlnwChallenge("u", "n")),
        (f"{LLNW}?reason=needauth&nonce", LlnwChallenge("", "")),
        (f"{ADOBE}?reason=authfailed&opaque=o", AuthFailure.NOT_ACCEPTED),
        (f"{LLNW}?reason=authfail", AuthFailure.NOT_ACCEPTED),
        (f"{ADOBE}?reason=nosuchuser", AuthFailure.NO_SUCH_USER),
        (f"{ADOBE}?reason=other", None),
        ("code=403 need auth; authmod=other", None),
        ("[ AccessManager.Reject ]", None),
        ("", None),
    ],
)
def test_parse_refusal(description: str, refusal: AuthRefusal | None) -> None:
    assert parse_refusal(description) == refusal


@given(st.text())
def test_any_description_is_taken(text: str) -> None:
    parse_refusal(text)
    parse_refusal(f"authmod=adobe ?reason=needauth{text}")


def test_responses_as_the_shell_computes_them() -> None:
    """printf | openssl md5 -binary | base64, and printf | md5sum, step by step."""
    assert adobe_response("bob", "pass", "salt", "opaque", "01234567") == "dYjCb6XZLlB7DKQupE/Ikg=="
    by_default = "805300c0f7921af277324231db9c5e2a"
    for app in ("live", "live/_definst_", "live?k=v/w"):
        assert llnw_response("bob", "pass", app, "nonce", "01234567") == by_default
    assert llnw_response("bob", "pass", "live/inst", "nonce", "01234567") == (
        "b3cbd91c470f5dd9626867ef961698d8"
    )


def refused(description: str) -> ConnectRejected:
    return ConnectRejected("NetConnection.Connect.Rejected", description, {})


def test_a_client_sends_user_then_answer_then_gives_up() -> None:
    auth = ClientAuth(Credentials("bob", "secret"), "live", lambda: "01234567")
    assert auth.next_query(refused("code=403 need auth; authmod=adobe")) == "?authmod=adobe&user=bob"
    answer = auth.next_query(refused(f"{ADOBE}?reason=needauth&user=bob&salt=s&challenge=c&opaque=o"))
    response = adobe_response("bob", "secret", "s", "o", "01234567")
    assert answer == f"?authmod=adobe&user=bob&challenge=01234567&response={response}&opaque=o"
    with pytest.raises(AuthenticationFailed):
        auth.next_query(refused(f"{ADOBE}?reason=needauth&user=bob&salt=s&challenge=c"))


@pytest.mark.parametrize("reason", ["authfailed", "nosuchuser"])
@pytest.mark.parametrize("head", [ADOBE, LLNW])
def test_a_client_that_is_not_wanted(head: str, reason: str) -> None:
    auth = ClientAuth(Credentials("bob", "secret"), "live")
    with pytest.raises(AuthenticationFailed, match=reason) as caught:
        auth.next_query(refused(f"{head}?reason={reason}"))
    assert "secret" not in str(caught.value)


def test_a_client_without_credentials() -> None:
    auth = ClientAuth(None, "live")
    with pytest.raises(AuthenticationFailed, match="need auth"):
        auth.next_query(refused("code=403 need auth; authmod=adobe"))
    with pytest.raises(ConnectRejected) as caught:
        auth.next_query(refused("full"))
    assert not isinstance(caught.value, AuthenticationFailed)


def test_asked_for_the_user_twice_or_for_something_else() -> None:
    auth = ClientAuth(Credentials("bob", "secret"), "live")
    other = refused("no such application")
    with pytest.raises(ConnectRejected) as caught:
        auth.next_query(other)
    assert caught.value is other
    auth.next_query(refused("code=403 need auth; authmod=llnw"))
    with pytest.raises(AuthenticationFailed):
        auth.next_query(refused("code=403 need auth; authmod=llnw"))


def test_credentials_hide_the_password_and_have_a_name_that_can_be_sent() -> None:
    assert "secret" not in repr(Credentials("bob", "secret"))
    for user in ("", "a&b", "a?b", "a b", "a\n", "a\udcff"):
        with pytest.raises(LocalProtocolError):
            Credentials(user, "x")
    with pytest.raises(LocalProtocolError) as caught:
        Credentials("bob", "secret\udcff")
    assert "secret" not in str(caught.value)


class Server:
    """A server with bob, whose tokens are counted and whose clock is set by hand."""

    def __init__(self, scheme: AuthScheme, **options: float) -> None:
        numbers = itertools.count(1)
        self.auth = ServerAuth(
            {"bob": "secret"}.get,
            scheme,
            make_token=lambda: f"token{next(numbers)}",
            **options,  # type: ignore[arg-type]
        )
        self.now_s = 0.0

    def connect(
        self, app: str, user: str = "bob", password: str = "secret"
    ) -> list[AuthAccepted | AuthRefused]:
        """All the answers that a client gets, until it is accepted or gives up."""
        client = ClientAuth(Credentials(user, password), app)
        answers = [self.auth.check(app, self.now_s)]
        while isinstance(answer := answers[-1], AuthRefused):
            try:
                query = client.next_query(refused(answer.description))
            except AuthenticationFailed:
                break
            answers.append(self.auth.check(app + query, self.now_s))
        return answers


@pytest.fixture(params=AuthScheme, ids=lambda scheme: scheme.value)
def server(request: pytest.FixtureRequest) -> Server:
    return Server(request.param)


@pytest.mark.parametrize("app", ["live", "live/instance", "live?key=value"])
def test_client_and_server_agree(server: Server, app: str) -> None:
    first, second, third = server.connect(app)
    assert isinstance(first, AuthRefused)
    assert isinstance(second, AuthRefused)
    assert not first.is_final
    assert not second.is_final
    assert third == AuthAccepted(app, "bob")


@pytest.mark.parametrize(("user", "password"), [("bob", "wrong"), ("eve", "secret"), ("eve", "")])
def test_wrong_credentials_fail_alike(server: Server, user: str, password: str) -> None:
    answers = server.connect("live", user, password)
    assert len(answers) == 3
    last = answers[-1]
    assert isinstance(last, AuthRefused)
    assert last.is_final
    assert last.user == user
    assert last.description.endswith("?reason=authfailed")


@pytest.mark.parametrize(
    ("app", "members", "expected"),
    [
        ("live", {"type": "nonprivate"}, True),  # FFmpeg, GStreamer, librtmp (and so OBS) when they publish
        ("live", {"flashVer": "FMLE/3.0 (compatible; FMSc/1.0)"}, True),
        ("live", {"flashVer": "Wirecast/FM 1.0 (compatible; FMSc/1.0)"}, True),
        ("live?authmod=adobe&user=bob", {"flashVer": "WIN 32,0,0,465"}, True),
        ("live?key=authmod", {"flashVer": "LNX 9,0,124,2"}, False),  # what plays
        ("live", {"flashVer": "see FMLE/3.0", "type": "private"}, False),
        ("live", {"flashVer": 9.0, "type": None}, False),
        ("live", {}, False),
    ],
)
def test_who_is_an_encoder(app: str, members: dict[str, AmfValue], expected: bool) -> None:
    assert is_encoder(app, members) is expected


def test_a_client_that_wants_to_be_asked_is_an_encoder_in_either_way() -> None:
    for name, value in ENCODER.items():
        assert is_encoder("live", {name: value})


def answered(server: Server, alter: Callable[[str], str] = lambda query: query) -> str:
    client = ClientAuth(Credentials("bob", "secret"), "live")
    query = ""
    for _ in range(2):
        answer = server.auth.check(f"live{query}", server.now_s)
        assert isinstance(answer, AuthRefused)
        query = client.next_query(refused(answer.description))
    return f"live{alter(query)}"


def test_an_answer_counts_once_and_in_time(server: Server) -> None:
    app = answered(server)
    assert isinstance(server.auth.check(app, 30.0), AuthAccepted)
    assert isinstance(server.auth.check(app, 30.0), AuthRefused)
    app = answered(server)
    assert isinstance(server.auth.check(app, 31.0), AuthRefused)


@pytest.mark.parametrize("part", ["user=bob", "response=", "nonce=", "opaque=", "nc=", "authmod="])
def test_an_altered_answer_is_refused(server: Server, part: str) -> None:
    app = answered(server)
    if part in app:
        answer = server.auth.check(app.replace(part, f"{part}x"), 0.0)
        assert isinstance(answer, AuthRefused)


def test_another_user_cannot_use_a_challenge(server: Server) -> None:
    app = answered(server).replace("user=bob", "user=eve")
    assert isinstance(server.auth.check(app, 0.0), AuthRefused)


def test_challenges_are_bounded_and_the_oldest_goes() -> None:
    server = Server(AuthScheme.ADOBE, max_challenges=3)
    first, *others = (answered(server) for _ in range(4))
    assert isinstance(server.auth.check(first, 0.0), AuthRefused)
    for app in others:
        assert isinstance(server.auth.check(app, 0.0), AuthAccepted)


def test_the_refusals_fit_the_buffers_of_encoders() -> None:
    auth = ServerAuth({}.get)
    long = auth.check(f"live?authmod=adobe&user={'u' * 64}", 0.0)
    assert isinstance(long, AuthRefused)
    assert len(long.description) < 256
    longer = auth.check(f"live?authmod=adobe&user={'u' * 65}", 0.0)
    assert longer == AuthRefused(f"{ADOBE}?reason=authfailed", is_final=True, user="u" * 64)


@given(st.text())
def test_any_app_is_judged(text: str) -> None:
    for scheme in AuthScheme:
        auth = ServerAuth({"": "", "u": "p"}.get, scheme)
        assert isinstance(auth.check(text, 0.0), AuthRefused)
        assert isinstance(auth.check(f"live?authmod={scheme.value}&user=u&response={text}", 0.0), AuthRefused)


def test_split_app() -> None:
    assert split_app("live?k=v?authmod=adobe&user=u&response=a+/b==") == (
        "live?k=v",
        {"authmod": "adobe", "user": "u", "response": "a+/b=="},
    )
    assert split_app("live?k=v") == ("live?k=v", {})
