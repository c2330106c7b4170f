"""Odd and broken SIP, SDP, RTP and RTCP, all drawn from a seeded random generator."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

from tests.fuzz.sip_oddities import (
    ATTRIBUTES,
    CHALLENGES,
    CONNECTIONS,
    FMTPS,
    HEADERS,
    HOST,
    MEDIA,
    PAYLOADS,
    PORTS,
    PROTOCOLS,
    RTPMAPS,
    STATUSES,
    URIS,
)


class Mutator:
    """Everything random, from one generator: the same seed makes the same messages."""

    def __init__(self, seed: str | int) -> None:
        self.rng = random.Random(seed)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def some(self, items: Sequence[str], most: int) -> list[str]:
        """Up to `most` of the items, repetition allowed."""
        return [self.rng.choice(items) for _ in range(self.rng.randint(0, most))]

    # -- SIP -----------------------------------------------------------------------------------------------

    def uri(self) -> str:
        """A URI of any scheme, often broken."""
        return self.rng.choice(URIS)

    def headers(self, most: int = 4) -> list[str]:
        """Header lines."""
        return self.some(HEADERS, most)

    def status(self) -> str:
        """A status line's code and reason."""
        code = self.rng.choice(STATUSES)
        return f"{code} {self.rng.choice(('', 'Reason', 'R' * 300, chr(0xE4) * 3, 'a<b>;c'))}"

    def contact(self) -> str:
        """A Contact, Refer-To or similar name-addr."""
        return (
            f"Contact: {self.rng.choice(('', 'x ', chr(34) + 'q' + chr(34)))}<{self.uri()}>"
            + self.rng.choice(
                (
                    "",
                    ";expires=0",
                    ";expires=1",
                    ";expires=4294967296",
                    ";expires=x",
                    ";q=2",
                    ";+sip.instance=x",
                )
            )
        )

    def challenge(self) -> str:
        """A 401's WWW-Authenticate or a 407's Proxy-Authenticate."""
        parts = self.some(CHALLENGES, 7)
        name = self.rng.choice(("WWW-Authenticate", "Proxy-Authenticate"))
        scheme = self.rng.choice(("Digest", "Digest", "Digest", "Basic", "Bearer", "PGP", ""))
        return f"{name}: {scheme} {', '.join(parts)}"

    def damage(self, packet: bytes) -> bytes:
        """Flip, cut, double or insert bytes or lines of a whole message."""
        data = bytearray(packet)
        for _ in range(self.rng.randint(1, 4)):
            if not data:
                break
            at, length = self.rng.randrange(len(data)), self.rng.randint(1, 40)
            kind = self.rng.randrange(6)
            if kind == 0:
                data[at] = self.rng.randrange(256)
            elif kind == 1:
                del data[at : at + length]
            elif kind == 2:
                data[at:at] = data[at : at + length] * self.rng.randint(1, 30)
            elif kind == 3:
                data[at:at] = self.rng.choice(
                    (b"\0", b"\r\n", b"\n", b";", b'"', b"<", b">", b"%", b",", b"\xff")
                )
            elif kind == 4:
                lines = bytes(data).split(b"\r\n")
                self.rng.shuffle(lines)
                data = bytearray(b"\r\n".join(lines))
            else:
                del data[at:]
        return bytes(data)

    # -- SDP -----------------------------------------------------------------------------------------------

    def plain_sdp(self, port: int, direction: str = "sendrecv", version: int = 1) -> bytes:
        """What any phone would send."""
        return (
            f"v=0\r\no=- 1 {version} IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            f"a=fmtp:101 0-15\r\na={direction}\r\n"
        ).encode()

    def sdp(self, port: int) -> bytes:
        """A description: plain, plain with damage, or odd in every line."""
        kind = self.rng.randrange(10)
        if kind == 0:
            return b""
        if kind <= 2:
            return self.plain_sdp(port, self.rng.choice(ATTRIBUTES[:4]), self.rng.randint(0, 9))
        if kind == 3:
            return self.damage(self.plain_sdp(port))
        if kind == 4:
            return self._extended(port)
        return self._odd_sdp(port)

    def _extended(self, port: int) -> bytes:
        """A plain description with more lines: it goes all the way, and the oddity with it."""
        text = self.plain_sdp(port).decode()
        text += "".join(f"a={line}\r\n" for line in self.some(ATTRIBUTES, 6))
        text += "".join(self._media(port) for _ in range(self.rng.choice((0, 1, 2, 19))))
        return text.encode("latin-1")

    def _odd_sdp(self, port: int) -> bytes:
        rng = self.rng
        lines = [
            "v=0",
            f"o={rng.choice(('- 1 1 IN IP4 127.0.0.1', 'x', '- 99999999999999999999 -1 IN IP6 ::1'))}",
        ]
        lines += [f"s={rng.choice(('-', '', 'x' * 500, chr(0xFF)))}"]
        lines += self.some(
            (f"c={rng.choice(CONNECTIONS)}", "b=AS:0", "b=x", "b=AS:99999999999", "t=0 0", "k=x"), 3
        )
        lines += [f"a={line}" for line in self.some(ATTRIBUTES, 3)]
        text = "\r\n".join(lines) + "\r\n"
        text += "".join(self._media(port) for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 17, 20))))
        return text.encode("latin-1")

    def _media(self, port: int) -> str:
        rng = self.rng
        payloads = [rng.choice(PAYLOADS) for _ in range(rng.choice((0, 1, 2, 3, 4, 33, 120)))]
        number = rng.choice((port, port, port, rng.choice(PORTS)))
        lines = [f"m={rng.choice(MEDIA)} {number} {rng.choice(PROTOCOLS)} {' '.join(map(str, payloads))}"]
        if self.chance(0.7):
            lines.append(f"c={rng.choice(CONNECTIONS)}")
        lines += [f"a=rtpmap:{number} {rng.choice(RTPMAPS)}" for number in payloads[:8] if self.chance(0.7)]
        lines += [f"a=fmtp:{number} {rng.choice(FMTPS)}" for number in payloads[:8] if self.chance(0.3)]
        lines += [f"a={line}" for line in self.some(ATTRIBUTES, 4)]
        return "".join(f"{line}\r\n" for line in lines)

    # -- bodies, RTP and RTCP ------------------------------------------------------------------------------

    def body(self, port: int) -> tuple[str, bytes]:
        """Content-Type and body of any request."""
        kinds: tuple[Callable[[], tuple[str, bytes]], ...] = (
            lambda: ("application/sdp", self.sdp(port)),
            lambda: ("application/dtmf-relay", self.rng.choice((b"", b"Signal=5\r\nDuration=160", b"="))),
            lambda: ("application/dtmf", self.rng.choice((b"", b"5", b"x" * 900))),
            lambda: ("application/media_control+xml", b"<media_control><vc_primitive><to_encoder>"),
            lambda: ("message/sipfrag", self.rng.choice((b"SIP/2.0 200 OK", b"SIP/2.0", b""))),
            lambda: ("application/simple-message-summary", b"Messages-Waiting: yes\r\n" * 9),
            lambda: ("application/pidf+xml", b"<presence" + b"<a>" * self.rng.randint(0, 200)),
            lambda: ("application/im-iscomposing+xml", b"<isComposing><state>active"),
            lambda: ("text/plain", bytes(self.rng.randrange(256) for _ in range(self.rng.randint(0, 300)))),
            lambda: (
                "multipart/mixed;boundary=x",
                b"--x\r\nContent-Type: application/sdp\r\n\r\n" + self.sdp(port) + b"\r\n--x",
            ),
            lambda: (self.rng.choice(("x", "", "/", "application/", "a/b;c")), b"x"),
        )  # fmt: skip
        return self.rng.choice(kinds)()

    def rtp(self) -> bytes:
        """A packet for an RTP port: sound, RFC 4733, or noise."""
        rng = self.rng
        first = rng.choice((0x80, 0x80, 0x80, 0x90, 0xA0, 0x8F, 0xBF, 0x00, 0x40, 0xC0))
        second = rng.choice((0, 0x80, 8, 101, 0xE5, 96, 97, 98, 120, 127, 200, 255))
        ssrc = rng.choice((1, 1, 1, rng.getrandbits(32)))
        header = struct.pack(">BBHII", first, second, rng.getrandbits(16), rng.getrandbits(32), ssrc)
        size = rng.choice((0, 1, 3, 4, 5, 20, 160, 160, 160, 320, 1400))
        packet = header + rng.randbytes(size)
        return packet[: rng.choice((len(packet), len(packet), len(packet), 0, 1, 4, 11, 12, 13))]

    def rtcp(self) -> bytes:
        """A packet for an RTCP port: compound packets with lengths that may not be true."""
        rng, packet = self.rng, b""
        for _ in range(rng.choice((1, 1, 2, 5, 40))):
            count, kind = rng.getrandbits(5), rng.choice((200, 201, 202, 203, 204, 205, 206, 207, 0, 255))
            body = rng.randbytes(4 * rng.choice((0, 1, 2, 5, 6, 7, 20)))
            length = rng.choice(
                (len(body) // 4, len(body) // 4, len(body) // 4, 0, 1, 65535, rng.getrandbits(8))
            )
            packet += struct.pack(">BBH", rng.choice((0x80, 0x80, 0xA0, 0x00)) | count, kind, length) + body
        return packet[: rng.choice((1400, 1400, 3, 5, 8, 27))]
