"""Whom a request is for."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprtmp_b2bua.request_uri import RequestUri


@dataclass
class Account:
    """An account of a user."""

    user: str
    line_token: str

    def answers_for(self, user: str) -> bool:
        """See `RegisteredAccount`."""
        return user == self.user


ACCOUNTS = {3: Account("alice", "0a"), 5: Account("bob", "0b"), 6: Account("bob", "0c")}


@pytest.mark.parametrize(
    ("request_line", "found"),
    [
        ("INVITE sip:alice@x SIP/2.0\r\nTo: sip:bob@x\r\n", 3),
        ("INVITE sips:bob@x:5061;transport=tcp SIP/2.0\n", 5),
        ("INVITE sip:bob@x;line=0c SIP/2.0", 6),
        ("INVITE sip:alice@x;line=0b;ob SIP/2.0", 5),
        ("INVITE sip:alice@x;line=ff SIP/2.0", None),
        ("INVITE sip:Alice@x SIP/2.0", None),
        ("INVITE sip:x SIP/2.0", None),
    ],
)
def test_by_line_or_else_by_user(request_line: str, found: int | None) -> None:
    uri = RequestUri.parse(request_line)
    assert uri is not None
    assert uri.find_account(ACCOUNTS) == found


@pytest.mark.parametrize(
    "request_line", ["", "INVITE tel:123 SIP/2.0", "SIP/2.0 200 OK", "INVITE sip:a@x HTTP/1.1"]
)
def test_what_has_no_sip_uri(request_line: str) -> None:
    assert RequestUri.parse(request_line) is None


@given(st.text())
def test_any_text(text: str) -> None:
    uri = RequestUri.parse(text)
    assert uri is None or uri.find_account({}) is None
