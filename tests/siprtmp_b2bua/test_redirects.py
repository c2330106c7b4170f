"""Where a caller is sent whose callee another process has."""

import pytest

from siprtmp_b2bua.redirects import Redirects
from siprtmp_b2bua.sip_message import SipMessage
from tests.siprtmp_b2bua.test_request_uri import Account

CALLER = "127.0.0.9"


def request(
    target: str = "sip:alice@gw", *, method: str = "INVITE", to: str = "<sip:a@gw>", via: str = "UDP"
) -> SipMessage:
    return SipMessage.parse(
        f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/{via} x\r\nFrom: <sip:b@x>;tag=1\r\nTo: {to}\r\n"
        f"Call-ID: 1\r\nCSeq: 1 {method}\r\n\r\n"
    )


@pytest.fixture
def redirects() -> Redirects:
    """Bob is here, alice and another bob elsewhere."""
    table = Redirects({1: Account("bob", "0b")}, "192.0.2.1")
    table.put("alice", 5061)
    table.put("bob", 5062)
    return table


def test_to_the_port_of_the_other_process(redirects: Redirects) -> None:
    assert redirects.contact_for(request(), CALLER) == "sip:alice@192.0.2.1:5061"
    assert redirects.contact_for(request(via="TCP"), CALLER) == "sip:alice@192.0.2.1:5061;transport=tcp"
    assert redirects.contact_for(request("sip:Alice@gw"), CALLER) == "sip:Alice@192.0.2.1:5061"


@pytest.mark.parametrize(
    "message",
    [
        request("sip:bob@gw"),
        request("sip:carol@gw"),
        request("sip:gw"),
        request("sip:alice@gw;line=0b"),
        request(to="<sip:alice@gw>;tag=2"),
        request(method="OPTIONS"),
        request(method="MESSAGE"),
    ],
)
def test_not_what_is_right_here_or_nowhere(redirects: Redirects, message: SipMessage) -> None:
    assert redirects.contact_for(message, CALLER) is None


def test_not_who_has_gone(redirects: Redirects) -> None:
    redirects.put("Alice", 0)
    redirects.put("alice", 0)
    assert redirects.contact_for(request(), CALLER) is None


def test_the_address_by_which_the_caller_reaches_us() -> None:
    table = Redirects({}, "")
    table.put("alice", 5061)
    assert table.contact_for(request(), "127.0.0.1") == "sip:alice@127.0.0.1:5061"
    assert table.contact_for(request(), "no address") is None
