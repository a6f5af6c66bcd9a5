"""A certificate with its key, read and checked before anything listens."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["tls_context"]


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a service needs to be reached by https: TLS 1.2 or later.

    Parameters
    ----------
    certificate : Path
        The certificate, and after it those that lead to one that clients trust, as PEM.
    key : Path
        Its private key as PEM, without a passphrase.

    Raises
    ------
    ValueError
        If a file cannot be read, or is no PEM, or the key is not that of the certificate; the message names the file.
    """
    texts = {}
    for path in (certificate, key):
        try:
            texts[path] = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
    if b"-----BEGIN CERTIFICATE-----" not in texts[certificate]:
        raise ValueError(f"{certificate}: there is no certificate in it (PEM, -----BEGIN CERTIFICATE-----)")
    if b"PRIVATE KEY-----" not in texts[key]:
        raise ValueError(f"{key}: there is no private key in it (PEM, -----BEGIN PRIVATE KEY-----)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def passphrase() -> bytes:
        # Without this OpenSSL would ask on the terminal, where a service has nobody.
        raise ValueError(f"{key}: the key has a passphrase: give one without, readable by this user alone")

    try:
        context.load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{key} is not the key of the certificate in {certificate}") from error
        reason = (error.reason or "unknown").lower().replace("_", " ")
        raise ValueError(f"{certificate} and {key} are not both whole ({reason})") from error
    return context
