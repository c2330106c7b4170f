"""The two ways in which encoders prove who they are to a server in `connect`, as both ends compute them.

Adobe's plug-in for publishers ("adobe") and Limelight's ("llnw", after HTTP's digest, RFC 2617) were never
published; this is what FFmpeg and librtmp do. Each connect that the server refuses brings the client one step
further: its `app` and `tcUrl` end with a query, which says which method and user, and then also the answer to
the challenge that was in the refusal. Values are not percent-encoded. The password itself is never sent, but
both are MD5 and only as good as the password is long.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from enum import Enum
from typing import Final

AUTH_MARK: Final = "?authmod="
LLNW_COUNT: Final = "00000001"
_REALM: Final = "live"
_METHOD: Final = "publish"
_QUALITY: Final = "auth"
_DEFAULT_INSTANCE: Final = "/_definst_"


class AuthScheme(Enum):
    """The method; its value is what stands behind `authmod=`."""

    ADOBE = "adobe"
    LLNW = "llnw"


def split_app(app: str) -> tuple[str, dict[str, str]]:
    """Return an `app` or `tcUrl` without what authentication has appended, and the parameters of that."""
    plain, mark, rest = app.partition(AUTH_MARK)
    return plain, parse_parameters(mark[1:] + rest) if mark else {}


def parse_parameters(text: str) -> dict[str, str]:
    """Return the parameters of `a=b&c=d`."""
    pairs = (pair.partition("=") for pair in text.split("&"))
    return {name: value for name, _, value in pairs}


def adobe_response(user: str, password: str, salt: str, challenge: str, client_challenge: str) -> str:
    """Return the answer to a challenge; `challenge` is the server's `opaque` where it has one."""
    secret = _md5_base64(user + salt + password)
    return _md5_base64(secret + challenge + client_challenge)


def llnw_response(user: str, password: str, app: str, nonce: str, client_nonce: str) -> str:
    """Return the answer to a nonce. `app` may have a query; the default instance is added if it has none."""
    path = app.partition("?")[0]
    instance = "" if "/" in path else _DEFAULT_INSTANCE
    secret = _md5_hex(f"{user}:{_REALM}:{password}")
    request = _md5_hex(f"{_METHOD}:/{path}{instance}")
    return _md5_hex(f"{secret}:{nonce}:{LLNW_COUNT}:{client_nonce}:{_QUALITY}:{request}")


def _md5_base64(text: str) -> str:
    return b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()


def _md5_hex(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
