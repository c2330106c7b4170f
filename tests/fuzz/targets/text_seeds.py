"""Inputs to begin with: names, arguments of connect, refusals, policy files, capabilities."""

from __future__ import annotations

from rtmp.amf0 import encode_all
from rtmp.amf_value import EcmaArray
from rtmp.policy_file import REQUEST

_HEAD = "[ AccessManager.Reject ] : [ {}authmod={} ] : "
_SCHEMES = ("adobe", "llnw")


def names() -> list[bytes]:
    """Seeds of `names.run_names`."""
    return [
        name.encode()
        for name in (
            "live\0cam", "live?token=x\0flv:cam.flv?key=a&key=b", "/live/room/\0/cam/", "live/..\0../cam",
            "\0.hidden", "live\0-rf", "live\0a/b@c+d=e,f.g", "live\0caf\u00e9", "live\0c m?a=%20&b", "\0",
        )
    ]  # fmt: skip


def connect_arguments() -> list[bytes]:
    """Seeds of `names.run_connect_arguments`."""
    return [
        b"B:1\0N:-1.5e3\0S:a:b\0Z:", b"O:1\0NS:name:text\0NO:inner:1\0NB:b:0\0NZ:z:\0O:0\0NN:n:.5\0O:0\0S:",
        b"O:1\0NS:a:1\0NS:a:2", b"O:0", b"N:1e999", b"X:1", b"O:1", b"NS:a:b", b"O:1\0O:1\0NO::1\0O:2",
    ]  # fmt: skip


def policy_file() -> list[bytes]:
    """Seeds of `names.run_policy_file`."""
    return [
        b"*\0*", b"*.example.com\x001935-1940", b"www.example.com\x0080", REQUEST, REQUEST + b"\3",
        REQUEST[:9], b"\3", b'a"/><b\x001', b"\x16\3\1", b"GET /",
    ]  # fmt: skip


def refusals() -> list[bytes]:
    """Seeds of `auth.run_refusal`."""
    wanted = [_HEAD.format("code=403 need auth; ", scheme) for scheme in _SCHEMES]
    challenges = [
        _HEAD.format("", "adobe") + "?reason=needauth&user=bob&salt=ab&challenge=cd&opaque=ef",
        _HEAD.format("", "llnw") + "?reason=needauth&user=bob&nonce=cd",
        _HEAD.format("", "llnw") + "?reason=needauth",
    ]
    failures = [_HEAD.format("", "adobe") + f"?reason={reason}" for reason in ("authfailed", "nosuchuser")]
    others = ["", "no such application", "authmod=other", "authmod=adobe"]
    return [text.encode() for text in (*wanted, *challenges, *failures, *others)]


def auth_server() -> list[bytes]:
    """Seeds of `auth.run_server`."""
    clients = [
        "+", "?authmod={0}", "?authmod={0}&user=bob", "?authmod={0}&user=eve", "+-", "+" + 40 * "x", "?k=v",
        "?authmod={0}&user=bob&challenge=1000&response=x&opaque=1000",
        "?authmod={0}&user=bob&nonce=1000&cnonce=a&nc=00000001&response=x",
        "?authmod={0}&user=" + 70 * "y", *3 * ("?authmod={0}&user=bob",), "+",
    ]  # fmt: skip
    return [bytes((at,)) + "\n".join(clients).format(scheme).encode() for at, scheme in enumerate(_SCHEMES)]


def capabilities() -> list[bytes]:
    """Seeds of `amf.run_capabilities`."""
    return [
        encode_all((value,))
        for value in (
            {"fourCcList": ["av01", "hvc1", "*", "toolong"], "capsEx": 15.0},
            {"videoFourCcInfoMap": {"*": 4.0, "vp09": 3.0}, "audioFourCcInfoMap": EcmaArray(Opus=7.0)},
            {"fourCcList": EcmaArray({"0": "av01"}), "videoFourCcInfoMap": {"avc1": "1", "x": 1.0}},
            {"capsEx": 2.0**40, "fourCcList": b"av01", "audioFourCcInfoMap": {"mp4a": float("nan")}},
            {"capsEx": 2.0**31, "videoFourCcInfoMap": {"avc1": 2.0**31, "hvc1": -1.0, "vp08": True}},
            EcmaArray(capsEx=1),
            [1.0],
        )
    ]
