"""Certificates that tests make for themselves: an authority of their own, and one for loopback that it signed."""

from __future__ import annotations

import datetime
import importlib.util
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import lacking

__all__ = ["Certificate", "certificate"]


@dataclass(frozen=True)
class Certificate:
    """Files of one certificate: itself, its key, and the authority that clients are to trust."""

    cert: Path
    key: Path
    authority: Path
    locked_key: Path  # with a passphrase


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 and localhost."""
    if importlib.util.find_spec("cryptography") is None:
        lacking("cryptography", "pip install -e '.[dev]'")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("test authority", "ward")]

    def builder(i: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(names[i])
            .issuer_name(names[0])
            .public_key(keys[i].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=i == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[i].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )

    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    loopback = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    authority = builder(0).add_extension(usage, critical=True).sign(keys[0], hashes.SHA256())
    own = builder(1).add_extension(x509.SubjectAlternativeName(loopback), critical=False).sign(keys[0], hashes.SHA256())

    def written(name: str, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    def key(encryption: serialization.KeySerializationEncryption) -> bytes:
        return keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption)

    return Certificate(
        written("ward.crt", own.public_bytes(pem)),
        written("ward.key", key(serialization.NoEncryption())),
        written("authority.crt", authority.public_bytes(pem)),
        written("locked.key", key(serialization.BestAvailableEncryption(b"a passphrase"))),
    )
