"""Certificates for tests, made by the command openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from rtmp.aio import ServerTls

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl (apt install openssl)"
)


def make_certificate(directory: Path, name: str = "server", *, passphrase: str = "") -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    secrecy = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", *secrecy,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def make_server_tls(directory: Path) -> ServerTls:
    """The TLS of a server with a certificate of its own."""
    return ServerTls(*make_certificate(directory))


def trusting(certificate: Path) -> ssl.SSLContext:
    """The TLS of a client that trusts this certificate."""
    return ssl.create_default_context(cafile=str(certificate))
