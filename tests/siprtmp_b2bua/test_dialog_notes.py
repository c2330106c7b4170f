"""What is learnt of dialogs from the messages that come in."""

from __future__ import annotations

from siprtmp_b2bua.dialog_notes import DialogNote, DialogNotes
from siprtmp_b2bua.sip_message import SipMessage
from siprtmp_b2bua.workers.farewell import serialize_bye

ANSWER = """\
SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1
Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>
Record-Route: <sip:p3.example;lr>
From: "Alice" <sip:alice@example.com>;tag=ours
To: <sip:bob@example.com>;tag=theirs
Call-ID: abc
CSeq: 8741 INVITE
Contact: "Bob" <sip:bob@192.0.2.7:5080;transport=udp>;expires=60
Content-Length: 0

"""
INVITE = """\
INVITE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5080;branch=z9hG4bK2
Record-Route: <sip:p1.example;lr>
Record-Route: <sip:p2.example;lr>
From: <sip:bob@example.com>;tag=theirs
To: <sip:alice@example.com>
Call-ID: abc
CSeq: 3 INVITE
Contact: sip:bob@192.0.2.7:5080;expires=60

"""
ACK = """\
ACK sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5080;branch=z9hG4bK3
From: <sip:bob@example.com>;tag=theirs
To: <sip:alice@example.com>;tag=ours
Call-ID: abc
CSeq: 3 ACK

"""
PEER = ("192.0.2.7", 5080)


def message(text: str) -> SipMessage:
    return SipMessage.parse(text)


def test_a_call_that_we_made() -> None:
    notes = DialogNotes()
    assert notes.began(message(ANSWER.replace("200 OK", "180 Ringing")), *PEER) is None
    note = notes.began(message(ANSWER), *PEER)
    assert note == DialogNote(
        call_id="abc",
        local='"Alice" <sip:alice@example.com>;tag=ours',
        remote="<sip:bob@example.com>;tag=theirs",
        target="sip:bob@192.0.2.7:5080;transport=udp",
        routes=("<sip:p3.example;lr>", "<sip:p2.example;lr>", "<sip:p1.example;lr>"),
        cseq=18741,
        host="192.0.2.7",
        port=5080,
    )
    assert notes.began(message(ANSWER), *PEER) is None, "it is told once"


def test_a_call_that_came() -> None:
    notes = DialogNotes()
    assert notes.began(message(INVITE), *PEER) is None
    note = notes.began(message(ACK), *PEER)
    assert note is not None
    assert (note.local, note.remote) == (
        "<sip:alice@example.com>;tag=ours",
        "<sip:bob@example.com>;tag=theirs",
    )
    assert (note.target, note.routes) == (
        "sip:bob@192.0.2.7:5080",
        ("<sip:p1.example;lr>", "<sip:p2.example;lr>"),
    )


def test_an_acknowledgement_without_an_invitation_is_nothing() -> None:
    assert DialogNotes().began(message(ACK), *PEER) is None


def test_a_bye_or_its_answer_ends_it_once() -> None:
    for end in (ACK.replace("ACK", "BYE"), ANSWER.replace("INVITE", "BYE")):
        notes = DialogNotes()
        notes.began(message(ANSWER), *PEER)
        assert notes.ended(message(ACK)) is None
        assert notes.ended(message(end)) == "abc"
        assert notes.ended(message(end)) is None


def test_headers_of_endless_length_are_not_noted() -> None:
    assert DialogNotes().began(message(ANSWER.replace("Alice", "A" * 3000)), *PEER) is None


def test_a_peer_that_never_ends_anything_does_not_fill_the_memory() -> None:
    notes = DialogNotes()
    for number in range(5000):
        notes.began(message(INVITE.replace("abc", f"i{number}")), *PEER)
        notes.began(message(ANSWER.replace("abc", f"a{number}")), *PEER)
    assert notes.ended(message(ACK.replace("ACK", "BYE").replace("abc", "a0"))) is None
    assert notes.ended(message(ACK.replace("ACK", "BYE").replace("abc", "a4999"))) == "a4999"
    assert notes.began(message(ACK.replace("abc", "i0")), *PEER) is None
    assert notes.began(message(ACK.replace("abc", "i4999")), *PEER) is not None


def test_the_bye() -> None:
    note = DialogNotes().began(message(ANSWER), *PEER)
    assert note is not None
    bye = SipMessage.parse(serialize_bye(note, "192.0.2.1", 4321).decode())
    assert bye.start_line == "BYE sip:bob@192.0.2.7:5080;transport=udp SIP/2.0"
    assert bye.is_consistent
    assert bye.values("route") == ["<sip:p3.example;lr>", "<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    assert bye.values("from") == ['"Alice" <sip:alice@example.com>;tag=ours']
    assert bye.values("to") == ["<sip:bob@example.com>;tag=theirs"]
    assert bye.values("cseq") == ["18741 BYE"]
    assert bye.values("via")[0].startswith("SIP/2.0/UDP 192.0.2.1:4321;rport;branch=z9hG4bK")
