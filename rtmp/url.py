"""rtmp:// and rtmps:// URLs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from urllib.parse import unquote, urljoin, urlsplit

from rtmp.errors import InvalidUrl

_DEFAULT_PORTS = {"rtmp": 1935, "rtmps": 443}
_MAX_HOST = 253
"""A domain name in text (RFC 1035 §2.3.4: 255 octets with their lengths)."""


@dataclass(frozen=True, slots=True)
class RtmpUrl:
    """`app` is all of path and query, as for NetConnection.connect: which part names a stream is not told.

    `user` and `password`, percent-decoded, are those of rtmp://user:password@host/...; `tc_url` has neither.
    """

    scheme: str
    host: str
    port: int
    app: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> RtmpUrl:
        """Return the parts of a URL. Raise InvalidUrl if it is not an RTMP URL with a host."""
        try:
            parts = urlsplit(text)
            port = parts.port
            host = parts.hostname or ""
            if set(host) & set("[:]"):  # urlsplit looks for the brackets in the user's name too
                IPv6Address(host)
            _check_host(host)
        except ValueError:  # its text may hold a piece of the password
            raise InvalidUrl(f"{_without_password(text)!r}: the host or the port is malformed") from None
        if parts.scheme not in _DEFAULT_PORTS:
            raise InvalidUrl(f"{_without_password(text)!r} does not begin with rtmp:// or rtmps://")
        if not host:
            raise InvalidUrl(f"{_without_password(text)!r} has no host")
        return cls(
            parts.scheme,
            host,
            port or _DEFAULT_PORTS[parts.scheme],
            parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else ""),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @property
    def tc_url(self) -> str:
        """The URL as `connect` carries it."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self._bracketed_host}{port}/{self.app}"

    def split_stream(self, app_segments: int = 1) -> tuple[str, str]:
        """Return application and stream name of a URL that has both, as encoders take it.

        The application is the first segment of the path, or the first two where it has an instance; the query
        belongs to the stream name, unless there is none.
        """
        path, mark, query = self.app.partition("?")
        segments = path.split("/")
        app, name = "/".join(segments[:app_segments]), "/".join(segments[app_segments:])
        return (app, f"{name}{mark}{query}") if name else (f"{app}{mark}{query}", "")

    def resolve(self, reference: str) -> RtmpUrl:
        """Return the URL that an absolute or relative reference means here (RFC 3986 §5). Raise InvalidUrl.

        The reference may come from a server: see `with_credentials_of` for when it keeps the credentials.
        """
        try:
            absolute = bool(urlsplit(reference).scheme)
            # urljoin knows which schemes are hierarchical, and rtmp is not among them
            base = f"http://{self._bracketed_host}:{self.port}/{self.app}"
            joined = (
                reference if absolute else f"{self.scheme}{urljoin(base, reference).removeprefix('http')}"
            )
        except ValueError:
            raise InvalidUrl(f"{_without_password(reference)!r} is malformed") from None
        return RtmpUrl.parse(joined).with_credentials_of(self)

    def with_credentials_of(self, other: RtmpUrl) -> RtmpUrl:
        """Return this URL with the credentials of another, if they may be told there.

        That is on the same host (whatever its port), and not without the encryption that they had. A URL with
        credentials of its own keeps those.
        """
        weaker = other.scheme == "rtmps" and self.scheme != "rtmps"
        if self.user or self.host != other.host or weaker:
            return self
        return replace(self, user=other.user, password=other.password)

    @property
    def _bracketed_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def _check_host(host: str) -> None:
    """Raise ValueError for what no resolver takes: it would say so with errors of many kinds, and late."""
    if len(host) > _MAX_HOST or any(char <= " " or char == "\x7f" for char in host):
        raise ValueError(host)
    host.encode("idna")  # UnicodeError, of which ValueError is the parent: a label is empty or too long


def _without_password(text: str) -> str:
    """Return the text without anything that might be a password, also where a stray slash cuts it.

    What is after the first slash is shown where it cannot be the rest of one: in rtmp://h/sip/alice@h2 no
    colon comes before the @.
    """
    scheme, slashes, rest = text.partition("//")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        return f"{scheme}{slashes}{_masked(authority)}{slash}{_masked(path)}"
    return f"{scheme}{slashes}{_masked(rest) if ':' in rest.rpartition('@')[0] else rest}"


def _masked(text: str) -> str:
    return f"***@{text.rpartition('@')[2]}" if "@" in text else text
