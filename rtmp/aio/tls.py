"""TLS for an RTMP server (RTMPS): the certificate, and the words for what goes wrong."""

from __future__ import annotations

import ssl
from pathlib import Path

from rtmp.errors import CertificateError

# Forward secrecy for all; authenticated encryption first, CBC with SHA-2 for clients of the age of Windows 7.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!SHA1:!aNULL"
_FAILURES = {
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS (plain RTMP on the RTMPS port?)",
    "HTTP_REQUEST": "the peer speaks HTTP without TLS",
    "UNSUPPORTED_PROTOCOL": "the peer has no TLS 1.2 or later",
    "NO_SHARED_CIPHER": "the peer has no cipher that is safe",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust the certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer does not accept the certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer does not accept the certificate",
}


class ServerTls:
    """The certificate and the key of a server, which can be renewed while it runs.

    `certificate` is a PEM file with the certificate and those between it and the root, in this order; `key` a
    PEM file with its private key, without a passphrase; both may be one file. Raises CertificateError.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = certificate
        self.key = key
        self._context = _make_context(certificate, key)

    @property
    def context(self) -> ssl.SSLContext:
        """What new connections use."""
        return self._context

    def reload(self) -> None:
        """Read both files again, for new connections; those that exist go on as they are.

        Raises CertificateError, and the old pair stays in force.
        """
        self._context = _make_context(self.certificate, self.key)


def explain_failure(error: BaseException) -> str:
    """Return in words why no TLS came about with a peer."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return _FAILURES.get(error.reason, error.reason.replace("_", " ").lower())
    if isinstance(error, ConnectionResetError | ssl.SSLEOFError):
        return "the peer closed during the TLS handshake"
    return str(error) or type(error).__name__


def _make_context(certificate: Path, key: Path) -> ssl.SSLContext:
    _check_pem(certificate, "certificate", b"-----BEGIN CERTIFICATE-----")
    _check_pem(key, "key", b"PRIVATE KEY-----")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE

    def no_passphrase() -> str:
        # without this, OpenSSL asks on the terminal
        raise CertificateError(f"key {key} has a passphrase; a key without one is needed")

    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(f"key {key} does not belong to certificate {certificate}") from None
        reason = f": {error.reason.replace('_', ' ').lower()}" if error.reason else ""
        raise CertificateError(f"certificate {certificate} and key {key} cannot be used{reason}") from None
    return context


def _check_pem(file: Path, what: str, mark: bytes) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CertificateError(f"cannot read {what} {file}: {error.strerror}") from None
    if mark not in content:
        raise CertificateError(f"{file} holds no {what} in PEM format")
