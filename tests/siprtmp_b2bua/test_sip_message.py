"""What the guard reads out of a raw SIP message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprtmp_b2bua.sip_message import SipMessage

INVITE = (
    "INVITE sip:bob@x SIP/2.0\r\nVia: SIP/2.0/UDP y\r\nf: <sip:a@y>;tag=1\r\nTo: <sip:bob@x>\r\n"
    "i: abc\r\nCSeq: 1 INVITE\r\n{}\r\n{}"
)
ONE_AUDIO = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n"


def invite(extra: str = "", body: str = "") -> SipMessage:
    return SipMessage.parse(INVITE.format(extra, body))


def test_a_request() -> None:
    message = invite("Contact: <sip:a@y>\r\n", ONE_AUDIO)
    assert message.method == "INVITE"
    assert message.status_code is None
    assert message.values("call-id") == ["abc"]
    assert len(message.audio_sections) == 1
    assert message.is_consistent
    assert message.routes_requests_by_sip


def test_a_response_has_the_method_that_it_answers() -> None:
    message = SipMessage.parse(INVITE.format("", "").replace("INVITE sip:bob@x SIP/2.0", "SIP/2.0 200 OK", 1))
    assert (message.status_code, message.method) == (200, "INVITE")
    assert message.is_consistent


@pytest.mark.parametrize("extra", ["CSeq: 2 INVITE\r\n", "t: <sip:c@x>\r\n", "Call-ID: x\r\n", "From: x\r\n"])
def test_a_header_that_may_not_be_repeated(extra: str) -> None:
    assert not invite(extra).is_consistent


def test_a_cseq_of_another_method() -> None:
    assert not SipMessage.parse(INVITE.format("", "").replace("1 INVITE", "1 BYE")).is_consistent


@pytest.mark.parametrize(
    ("header", "is_sip"),
    [
        ("Contact: <sip:a@y>", True),
        ("Contact: sips:a@y;expires=3", True),
        ("m: <tel:+12>", False),
        ('Contact: "<sip:a@y>" <tel:+12>', False),
        ('Contact: "a \\" <tel:+12>" <SIP:a@y>', True),
        ('Contact: "never closed <sip:a@y>', False),
        ("Contact: <sip:a@y>, <mailto:b@c>", False),
        ("Record-Route: <sip:p;lr>,\r\n <tel:1>", False),
        ("Contact: *", False),
        ("Contact: <sip:a@y>, *", False),
        ('Contact: "a, *" <sip:a@y>', True),
    ],
)
def test_where_requests_would_go(header: str, is_sip: bool) -> None:
    assert invite(f"{header}\r\n").routes_requests_by_sip is is_sip


@pytest.mark.parametrize(
    ("body", "has_all"),
    [
        ("", True),
        ("v=0\r\ns=c=\r\n", True),
        ("v=0\r\nc=IN IP4 1\r\nm=audio 1\r\nm=video 0\r\n", True),
        ("v=0\r\nm=audio 1\r\nc=IN IP4 1\r\na=x\r\nm=video 0\r\na=c=\r\n", False),
        ("v=0\r\nm=audio 1\r\nc=IN IP4 1\r\nm=video 0\r\nc=IN IP4 1\r\n", True),
        ("m=audio 1", False),
    ],
)
def test_every_media_line_has_a_connection(body: str, has_all: bool) -> None:
    assert invite(body=body).has_connections is has_all


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        ("", True),
        ("c=IN IP4 192.0.2.1", True),
        ("c=in ip6 2001:db8::1", True),
        ("c=IN IP4 224.2.1.1/127/3", True),
        ("c=IN IP4 ::1", False),
        ("c=IN IP6 192.0.2.1", False),
        ("c=IN IP4 host.example", False),
        ("c=IN IP4", False),
        ("c=IN NSAP 47", False),
        ("c=", False),
        ("a=rtcp:5001", True),
        ("a=rtcp:5001 IN IP4 192.0.2.1", True),
        ("a=rtcp:5001 IN IP4 host.example", False),
        ("a=rtcp-mux", True),
        ("s=c=x", True),
    ],
)
def test_addresses_are_of_their_family(line: str, is_plain: bool) -> None:
    assert invite(body=f"v=0\r\nm=audio 1\r\n{line}\r\n").has_plain_addresses is is_plain
    assert invite(body=f"{line}\r\n").has_plain_addresses
    assert invite(body=f"m=audio 1\r\nm=video 1\r\n{line}\r\n").has_plain_addresses
    assert invite(body=f"{line}\r\nm=audio 1\r\n").has_plain_addresses is is_plain


@pytest.mark.parametrize(
    ("lines", "is_secure"),
    [
        ("m=audio 4000 RTP/SAVP 0", True),
        ("m=audio 4000/2 rtp/savpf 0 8", True),
        ("m=audio 4000 RTP/AVP 0\r\nm= audio 4002 RTP/SAVP 0", True),
        ("m=audio 0 RTP/SAVP 0", False),
        ("m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/SAVP 96", False),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0", False),
        ("m=audio 4000 RTP/SAVPX 0", False),
    ],
)
def test_whether_audio_is_secure(lines: str, is_secure: bool) -> None:
    assert invite(body=f"v=0\r\n{lines}\r\n").has_secure_audio is is_secure


@pytest.mark.parametrize(
    ("lines", "ports", "is_all"),
    [
        ("m=audio 4000 UDP/TLS/RTP/SAVP", ["4000"], True),
        ("m=Audio 04000/2 udp/tls/rtp/savpf 0 8", ["04000"], True),
        ("m=audio 0 RTP/AVP 0\r\nm=audio 4002 UDP/TLS/RTP/SAVP 0", ["4002"], True),
        ("m=audio 4000 UDP/TLS/RTP/SAVP\r\nm=audio 4002 UDP/TLS/RTP/SAVPF 0", ["4000", "4002"], True),
        ("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 UDP/TLS/RTP/SAVP 0", ["4002"], False),
        ("m=audio 0 UDP/TLS/RTP/SAVP 0", [], False),
        ("m=audio 4000 UDP/TLS/RTP/SAVPX 0", [], False),
        ("m=video 4000 UDP/TLS/RTP/SAVP 96", [], False),
    ],
)
def test_which_audio_is_in_dtls_srtp(lines: str, ports: list[str], is_all: bool) -> None:
    message = invite(body=f"v=0\r\n{lines}\r\n")
    assert [message.body[port.start : port.stop] for port in message.dtls_ports] == ports
    assert message.has_only_dtls_audio is is_all


@given(
    st.text(" \t\v\f\xa0"),
    st.lists(st.booleans(), min_size=5, max_size=5).map(
        lambda upper: "".join(c.upper() if up else c for c, up in zip("audio", upper, strict=True))
    ),
)
def test_what_is_audio_is_so_in_every_respect(space: str, audio: str) -> None:
    body = f"v=0\r\nm={space}{audio} 4000 RTP/SAVP 0\r\nc=IN IP4 host.example\r\n"
    message = invite(body=body)
    assert (len(message.audio_sections), message.has_secure_audio, message.has_plain_addresses) == (
        1,
        True,
        False,
    )


@pytest.mark.parametrize("line", ["M=audio", "m=x audio", "m=xaudio", " m=audio", "a=m=audio", "m=video"])
def test_what_is_no_audio_is_so_in_every_respect(line: str) -> None:
    message = invite(body=f"v=0\r\n{line} 4000 RTP/SAVP 0\r\nc=IN IP4 host.example\r\n")
    assert (len(message.audio_sections), message.has_secure_audio, message.has_plain_addresses) == (
        0,
        False,
        True,
    )


def test_where_keys_are() -> None:
    body = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:1 x inline:y\r\na=x:a=crypto\r\nA= CRYPTO:2 x\r\n"
    assert [body[:end].rpartition("\n")[2] for end in invite(body=body).key_lines] == [
        "a=crypto",
        "A= CRYPTO",
    ]
    assert invite(body=ONE_AUDIO).key_lines == ()


PLAIN, WITH_MKI, UNENCRYPTED = "inline:A", "inline:A|2^20|1:4", "inline:A UNENCRYPTED_SRTP"
SAVP, AVP, VIDEO, REJECTED = (
    "audio 4000 RTP/SAVP 0",
    "audio 4000 RTP/AVP 0",
    "video 4002 RTP/SAVP 96",
    "audio 0 RTP/SAVP 0",
)


def with_keys(*sections: tuple[str, list[str]], end: str = "\r\n") -> SipMessage:
    """An INVITE with these media, each with keys."""
    lines = ["v=0"]
    for media, keys in sections:
        lines += [f"m={media}", *(f"a=crypto:{tag} X {key}" for tag, key in enumerate(keys, 1))]
    return invite(body=end.join([*lines, ""]))


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_which_keys_would_be_misread(end: str) -> None:
    message = with_keys(
        (VIDEO, [WITH_MKI]), (SAVP, [WITH_MKI, PLAIN]), (AVP, [UNENCRYPTED]), (VIDEO, [WITH_MKI]), end=end
    )
    names = [name for section in message.audio_sections for name in section.misleading_keys]
    assert [message.body[name - 6 : name] for name in names] == ["crypto"] * 2
    assert [message.body[name:].split(end)[0] for name in names] == [
        f":1 X {WITH_MKI}",
        f":1 X {UNENCRYPTED}",
    ]


@pytest.mark.parametrize(
    ("sections", "has_no_other"),
    [
        ([(SAVP, [WITH_MKI, UNENCRYPTED])], True),
        ([(SAVP, [WITH_MKI]), (REJECTED, [PLAIN]), (VIDEO, [PLAIN])], True),
        ([(SAVP, [WITH_MKI, PLAIN])], False),
        ([(SAVP, [WITH_MKI]), (SAVP, [PLAIN])], False),
        ([(SAVP, [WITH_MKI]), (AVP, [])], False),
        ([(AVP, [WITH_MKI])], False),
        ([(SAVP, [])], False),
        ([(SAVP, [PLAIN]), (VIDEO, [WITH_MKI])], False),
        ([(REJECTED, [WITH_MKI])], False),
        ([], False),
    ],
)
def test_whether_all_keys_would_be_misread(sections: list[tuple[str, list[str]]], has_no_other: bool) -> None:
    assert with_keys(*sections).has_only_misleading_keys is has_no_other


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_any_line_end(end: str) -> None:
    message = SipMessage.parse(INVITE.format("", ONE_AUDIO).replace("\r\n", end))
    assert message.is_consistent
    assert len(message.audio_sections) == 1
