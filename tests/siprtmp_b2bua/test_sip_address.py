"""Addresses: what clients may write, and what must never reach a SIP header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprtmp_b2bua.errors import AddressError
from siprtmp_b2bua.sip_address import AddressOfRecord, name_addr, parse_destination, strip_parameters

OWN = AddressOfRecord.parse("alice@home.com")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Bob" <sip:bob@home.com>', '"Bob" <sip:bob@home.com>'),
        ("Bob Smith <sip:bob@home.com;transport=tcp>", '"Bob Smith" <sip:bob@home.com;transport=tcp>'),
        ("sip:bob@x", "<sip:bob@x>"),
        ("sip:192.0.2.7:5070", "<sip:192.0.2.7:5070>"),
        ("sip:bob@[2001:db8::1]:5070", "<sip:bob@[2001:db8::1]:5070>"),
        ("bob@x", "<sip:bob@x>"),
        ("bob", "<sip:bob@home.com>"),
        ("*98", "<sip:*98@home.com>"),
        ("#31", "<sip:%2331@home.com>"),
        ("tel:+1-212-555-1234", "<sip:+12125551234@home.com;user=phone>"),
    ],
)
def test_destinations(text: str, expected: str) -> None:
    assert parse_destination(text, OWN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "sip:",
        "a b",
        "bob@",
        "@x",
        "sip:bob@x\r\nEvil: 1",
        "<sip:bob@x",
        '"Bob" <javascript:1>',
        "x" * 300,
    ],
)
def test_bad_destinations(text: str) -> None:
    with pytest.raises(AddressError):
        parse_destination(text, OWN)


def test_secure_lines_call_securely() -> None:
    own = AddressOfRecord.parse("alice@home.com", secure=True)
    assert parse_destination("bob", own) == "<sips:bob@home.com>"
    assert own.registrar_uri == "sips:home.com"


@pytest.mark.parametrize("text", ["alice", "alice@", "@home.com", "a@b c", "a@-b", "al ice@b", "a@b:port"])
def test_bad_addresses_of_record(text: str) -> None:
    with pytest.raises(AddressError):
        AddressOfRecord.parse(text)


def test_address_of_record_keeps_its_port() -> None:
    aor = AddressOfRecord.parse("alice@127.0.0.1:5063")
    assert (aor.uri, aor.registrar_uri) == ("sip:alice@127.0.0.1:5063", "sip:127.0.0.1:5063")


@given(st.text())
def test_no_display_name_breaks_out_of_its_quotes(display: str) -> None:
    value = name_addr("sip:a@b", display)
    assert value.endswith("<sip:a@b>")
    assert value.count('"') in (0, 2)
    assert not set(value) & set("\r\n\\")


@given(st.text())
def test_any_destination_is_an_address_or_an_address_error(text: str) -> None:
    try:
        value = parse_destination(text, OWN)
    except AddressError:
        return
    assert not set(value) & set("\r\n")


def test_header_parameters_are_not_for_people() -> None:
    assert strip_parameters('"A;B" <sip:a@b;x=1>;tag=77') == '"A;B" <sip:a@b;x=1>'
    assert strip_parameters("sip:a@b;tag=77") == "sip:a@b"
