"""rtmp:// and rtmps:// URLs."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from rtmp.errors import InvalidUrl

_DEFAULT_PORTS = {"rtmp": 1935, "rtmps": 443}


@dataclass(frozen=True, slots=True)
class RtmpUrl:
    """`app` is all of path and query, as for NetConnection.connect: which part names a stream is not told."""

    scheme: str
    host: str
    port: int
    app: str

    @classmethod
    def parse(cls, text: str) -> RtmpUrl:
        """Return the parts of a URL. Raise InvalidUrl if it is not an RTMP URL with a host."""
        try:
            parts = urlsplit(text)
            port = parts.port
            host = parts.hostname or ""
            if set(host) & set("[:]"):  # urlsplit looks for the brackets in the user's name too
                IPv6Address(host)
        except ValueError as error:
            raise InvalidUrl(f"{text!r}: {error}") from error
        if parts.scheme not in _DEFAULT_PORTS:
            raise InvalidUrl(f"{text!r} does not begin with rtmp:// or rtmps://")
        if not parts.hostname:
            raise InvalidUrl(f"{text!r} has no host")
        app = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], app)

    @property
    def tc_url(self) -> str:
        """The URL as `connect` carries it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}/{self.app}"
