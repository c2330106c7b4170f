import pytest

from examples.phone_events import (
    Accepted,
    Byed,
    Cancelled,
    DtmfReceived,
    Holded,
    Invited,
    MessageReceived,
    Rejected,
    Ringing,
    parse_event,
)


@pytest.mark.parametrize(
    ("name", "arguments", "event"),
    [
        ("invited", ("a", "b"), Invited("a", "b")),
        ("ringing", ("180 Ringing",), Ringing("180 Ringing")),
        ("accepted", (), Accepted(None, None)),
        ("accepted", ("speex", None), Accepted("speex", None)),
        ("rejected", ("486 Busy Here",), Rejected("486 Busy Here")),
        ("cancelled", ("a", "b"), Cancelled("a", "b")),
        ("byed", (), Byed()),
        ("holded", (True,), Holded(True)),
        ("holded", (False,), Holded(False)),
        ("receivedDTMF", ("5",), DtmfReceived("5")),
        ("receivedMessage", ("hello",), MessageReceived("", "hello")),
        ("receivedPagingMessage", ("a", "hello"), MessageReceived("a", "hello")),
        ("invited", (1.0, None), Invited("", "")),
        ("unknown", ("x",), None),
    ],
)
def test_events_of_the_client_api(name, arguments, event):
    assert parse_event(name, arguments) == event
