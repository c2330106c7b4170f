"""Certificates for tests, made by the command openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from rtmp.aio import ServerTls

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl (apt install openssl)"
)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _new_key(path: Path, passphrase: str = "") -> tuple[str, ...]:
    secrecy = ("-passout", f"pass:{passphrase}") if passphrase else ("-nodes",)
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *secrecy, "-keyout", str(path))


def make_certificate(directory: Path, name: str = "server", *, passphrase: str = "") -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    _openssl(
        "req", "-x509", *_new_key(key, passphrase), "-out", str(certificate), "-days", "2",
        "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
    )  # fmt: skip
    return certificate, key


def make_server_tls(directory: Path) -> ServerTls:
    """The TLS of a server with a certificate of its own."""
    return ServerTls(*make_certificate(directory))


def trusting(certificate: Path) -> ssl.SSLContext:
    """The TLS of a client that trusts this certificate."""
    return ssl.create_default_context(cafile=str(certificate))


@dataclass(frozen=True, slots=True)
class CertifiedServer:
    """An authority, and a server's certificate by it."""

    authority: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))


def certify(directory: Path, name: str) -> CertifiedServer:
    """Make a new authority and a certificate for `name`, such as DNS:localhost or IP:127.0.0.1."""
    authority, authority_key = directory / "authority.pem", directory / "authority.key"
    certificate, key, request = (directory / f"server.{suffix}" for suffix in ("pem", "key", "csr"))
    extensions = directory / "server.ext"
    extensions.write_text(f"subjectAltName={name}\n")
    _openssl(
        "req", "-x509", *_new_key(authority_key), "-out", str(authority), "-days", "2", "-subj", "/CN=test",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    _openssl("req", *_new_key(key), "-out", str(request), "-subj", "/CN=server")
    _openssl(
        "x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(authority_key),
        "-CAcreateserial", "-out", str(certificate), "-days", "2", "-extfile", str(extensions),
    )  # fmt: skip
    return CertifiedServer(authority, certificate, key)
