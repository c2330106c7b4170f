"""Certificates by an authority, made by the command openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
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


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _new_key(path: Path) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path))


def make_certificates(directory: Path, name: str) -> Certificates:
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
    return Certificates(authority, certificate, key)
