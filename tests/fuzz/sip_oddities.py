"""Parts of SIP messages and descriptions that are odd, or wrong, or dangerous when they meet."""

from __future__ import annotations

from typing import Final

HOST: Final = "127.0.0.1"

METHODS: Final = (
    "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE", "PRACK", "INFO", "REFER", "SUBSCRIBE", "NOTIFY",
    "MESSAGE", "REGISTER", "PUBLISH", "FOO", "invite", "X" * 300,
)  # fmt: skip

URIS: Final = (
    "sip:alice@127.0.0.1", "sips:alice@127.0.0.1", "tel:+12125551234", "tel:", "mailto:a@b.c", "sip:",
    "sip:@", "sip:127.0.0.1", "sip:alice@[::1]:5060", "sip:alice@[fe80::1%25eth0]",
    "sip:alice@127.0.0.1:0", "sip:alice@127.0.0.1:65536", "sip:alice@127.0.0.1:99999999999",
    "sip:alice@no.such.host.invalid", "sip:alice@127.0.0.1;transport=tls",
    "sip:alice@127.0.0.1;transport=sctp", "sip:alice@127.0.0.1;lr;maddr=0",
    "sip:alice@127.0.0.1;maddr=224.0.0.1;ttl=999", "sip:%00@127.0.0.1", "sip:%zz@127.0.0.1", "sip:a@b@c",
    "sip:alice:password@127.0.0.1", "sip:alice@127.0.0.1?Subject=x&Route=%3Csip:x%3E", "urn:service:sos",
    "http://x/", "sip:" + "a" * 600 + "@127.0.0.1", "sip:alice@" + "x." * 200 + "invalid", "*", "<>", "",
    "sip", "sip:\xe4\xff@127.0.0.1", "sip:alice@127.0.0.1;" + ";".join(f"p{n}=v" for n in range(60)),
    "sip:alice@255.255.255.255", "sip:alice@0.0.0.0:5060", "sip:alice@127.0.0.1:1",
)  # fmt: skip

HEADERS: Final = (
    "Require: 100rel", "Require: timer", "Require: replaces", "Require: foo, bar", "Require: precondition",
    "Supported: 100rel, timer, replaces, norefersub, ice, trickle-ice, outbound", "Supported:",
    "Proxy-Require: foo", "Session-Expires: 0", "Session-Expires: 1", "Session-Expires: 89;refresher=uas",
    "Session-Expires: 90;refresher=uac", "Session-Expires: 90;refresher=uas",
    "Session-Expires: 4294967295", "Session-Expires: 99999999999999999999", "Session-Expires: abc",
    "Session-Expires: -1", "Min-SE: 0", "Min-SE: 4294967295", "Min-SE: 1", "Replaces: x",
    "Replaces: x;to-tag=1;from-tag=2;early-only",
    "Replaces: x;to-tag=1;from-tag=2\r\nReplaces: y;to-tag=1;from-tag=2", "Replaces:",
    "Join: x;to-tag=1;from-tag=2", "RAck: 1 1 INVITE", "RAck: 4294967295 4294967295 INVITE", "RAck: x",
    "RSeq: 0", "RSeq: 99999999999", "Expires: 0", "Expires: 4294967296", "Expires: x", "Max-Forwards: 0",
    "Max-Forwards: -1", "Max-Forwards: 999", "Event: presence", "Event: refer;id=1", "Event: dialog",
    "Event:", "Subscription-State: terminated;reason=noresource", "Subscription-State: active;expires=0",
    "Refer-To: <sip:x@127.0.0.1>", "Refer-To: <sip:x@127.0.0.1?Replaces=a%3Bto-tag%3Db>", "Refer-To: x",
    "Refer-Sub: false", "Referred-By: <mailto:x>", "Allow-Events: presence", "Allow: INVITE", "Allow:",
    "Content-Encoding: gzip", "Content-Disposition: session;handling=required", "Accept: text/plain",
    "Content-Type: multipart/mixed;boundary=x", "Content-Type: application/dtmf-relay", "Content-Type: x",
    "Content-Type: application/sdp;" + "a=b;" * 40, "Alert-Info: <http://x>",
    "Call-Info: <x>;purpose=icon", "P-Asserted-Identity: <sip:x@y>", "Privacy: id",
    "Diversion: <sip:x@y>;reason=unconditional", "Reason: SIP;cause=200;text=\"x\"", "Identity: x",
    "Date: never", "Record-Route: <sip:127.0.0.1:1;lr>", "Record-Route: <sip:x.invalid>",
    "Record-Route: <tel:1>", "Route: <sip:127.0.0.1:9;lr>", "Route: <tel:1>",
    "Via: SIP/2.0/UDP x.invalid:1;branch=z9hG4bK1",
    "Via: SIP/2.0/TCP 127.0.0.1;rport;branch=;received=::1", "Contact: *", "Contact: <tel:+1>",
    "Contact: <mailto:x@y>", "Contact: <sip:x@y>;expires=-1;q=9", "Contact: <sips:x@127.0.0.1>",
    "Contact: <sip:x@127.0.0.1:1;transport=tcp>", "Contact:", "Authorization: Digest",
    "Proxy-Authorization: Digest username=\"x\", realm=", "Warning: 399 x", "Retry-After: x",
    "Geolocation: <cid:x>", "X-Long: " + "x" * 900, "To: <sip:second@x>;tag=2",
    "From: <sip:second@x>;tag=2", "CSeq: 0 INVITE", "CSeq: 4294967296 INVITE", "CSeq: 1 FOO", "Call-ID:",
    "Content-Length: 4", "Content-Length: 99999", "Content-Length: -1", "l: 0", "\xff\xfe: \xff",
    "nocolon", "Subject: \xe4\xf6 \x01\x02",
)  # fmt: skip

RTPMAPS: Final = (
    "PCMU/8000", "PCMA/8000", "speex/16000", "speex/8000", "speex/32000", "G722/8000", "G722/16000",
    "GSM/8000", "iLBC/8000", "telephone-event/8000", "telephone-event/16000", "telephone-event/48000",
    "telephone-event/0", "telephone-event/7", "L16/44100/2", "L16/8000/0", "opus/48000/2", "PCMU/0",
    "PCMU/4294967296", "PCMU/-1", "PCMU/16000", "PCMU/8000/9", "x" * 80 + "/8000", "/8000", "PCMU",
    "PCMU/", "", "H264/90000", "CN/8000",
)  # fmt: skip

FMTPS: Final = (
    "mode=20", "mode=99", "mode=", "0-15", "0-255", "0-99999999", "-", "x", "vbr=on;mode=\"1,any\"",
    ";" * 50, "mode=30;mode=20", "bitrate=64000", "a=" + "b" * 400, "annexb=no", "octet-align=1",
    "\xff\xff",
)  # fmt: skip

PORTS: Final = (0, 0, 1, 9, 40000, 40001, 65534, 65535, 65536, 99999999999, -1)
PAYLOADS: Final = (0, 0, 8, 3, 9, 13, 34, 95, 96, 97, 98, 101, 110, 127, 128, 255, 256, -1)
PROTOCOLS: Final = (
    "RTP/AVP", "RTP/AVP", "RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "udp",
    "udptl", "TCP/MSRP", "RTP/AVP/X", "TCP/RTP/AVP",
)  # fmt: skip
MEDIA: Final = (
    "audio",
    "audio",
    "audio",
    "audio",
    "video",
    "image",
    "application",
    "message",
    "text",
    "AUDIO",
)
CONNECTIONS: Final = (
    "IN IP4 127.0.0.1", "IN IP4 127.0.0.1", "IN IP4 0.0.0.0", "IN IP6 ::1", "IN IP6 ::", "IN IP6 fe80::1",
    "IN IP4 224.2.1.1/127/3", "IN IP4 255.255.255.255", "IN IP4 no.such.host.invalid", "IN IP4", "IN", "",
    "IN IP4 ::1", "IN IP6 127.0.0.1", "ATM NSAP x", "IN IP4 999.1.1.1", "IN IP4 " + "x" * 300,
)  # fmt: skip
ATTRIBUTES: Final = (
    "sendrecv", "sendonly", "recvonly", "inactive", "ptime:0", "ptime:1", "ptime:10", "ptime:20",
    "ptime:60", "ptime:1000", "ptime:-20", "ptime:x", "ptime:99999999999", "maxptime:0", "maxptime:10",
    "maxptime:9999", "rtcp:0", "rtcp:1", "rtcp:65536", "rtcp:40003 IN IP4 x", "rtcp:9 IN IP6 ::1",
    "rtcp-mux", "rtcp-xr:rcvr-rtt", "rtcp-fb:* nack",
    "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40, "crypto:1 x inline:", "crypto:",
    "crypto:0 AES_CM_128_HMAC_SHA1_80 inline:" + "B" * 40, "crypto:2 AES_CM_128_HMAC_SHA1_32 inline:",
    "crypto:99999999999 AES_CM_128_HMAC_SHA1_32 inline:" + "C" * 40 + "|2^20|1:4", "crypto:-1 x x:x",
    "crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + "D" * 300, "crypto:4 AES_CM_128_HMAC_SHA1_80 inline:====",
    "setup:actpass", "fingerprint:sha-1 00", "ice-ufrag:x", "ice-pwd:y", "ice-options:trickle",
    "candidate:1 1 UDP 1 127.0.0.1 9 typ host", "candidate:x", "mid:0", "mid:", "group:BUNDLE 0 1",
    "ssrc:1 cname:x", "ssrc:99999999999 cname:x", "msid:a b", "label:1", "T38FaxVersion:0",
    "accept-types:*", "path:msrp://x:1/y;tcp", "curr:qos local none", "des:qos mandatory local sendrecv",
    "silenceSupp:off", "x" * 300, "", ":", "\xff", "rtpmap", "rtpmap:", "fmtp", "fmtp:", "fmtp:0",
    "charset:UTF-16",
)  # fmt: skip

STATUSES: Final = (
    100, 180, 181, 182, 183, 199, 200, 202, 204, 299, 300, 301, 302, 305, 380, 401, 403, 404, 405, 407, 408,
    413, 415, 416, 420, 421, 422, 423, 480, 481, 482, 483, 484, 486, 487, 488, 489, 491, 493, 494, 500, 501,
    503, 504, 513, 600, 603, 604, 606, 699,
)  # fmt: skip

CHALLENGES: Final = (
    'realm="x"', 'realm=""', "realm=x", 'realm="' + "r" * 300 + '"', 'nonce="n"', 'nonce=""', "nonce",
    'nonce="' + "n" * 1500 + '"', "algorithm=MD5", "algorithm=SHA-256", "algorithm=MD5-sess",
    "algorithm=AKAv1-MD5", "algorithm=foo", "algorithm=", 'qop="auth"', 'qop="auth-int"', 'qop="foo"',
    'qop="auth,auth-int"', 'qop=""', "stale=true", "stale=x", 'opaque="' + "o" * 400 + '"', "=", ",,",
    'domain="sip:x"', 'x="\xff"', 'nonce="a\\"b"', "userhash=true",
)  # fmt: skip
