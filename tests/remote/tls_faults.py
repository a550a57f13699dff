"""What can be wrong with a server's TLS, one thing at a time: contexts for the tests' own servers."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NAME = "sql1.test"
KINDS = (
    "sound",
    "old TLS",
    "SHA-1",
    "short key",
    "expired",
    "not yet valid",
    "self-signed",
    "wrong name",
    "unknown authority",
)
FAULTS = KINDS[1:]
_LOW = "DEFAULT:@SECLEVEL=0"
"""What OpenSSL needs to offer what its clients refuse."""


@dataclass(frozen=True)
class Signer:
    """An authority. Its key is long enough for every client."""

    name: x509.Name
    key: rsa.RSAPrivateKey

    @classmethod
    def named(cls, text: str) -> Signer:
        return cls(_name(text), _key(2048))

    def sign(
        self,
        subject: x509.Name,
        key: rsa.RSAPrivateKey,
        names: list[str],
        *,
        days: tuple[int, int] = (-1, 30),
        digest: Any = hashes.SHA256,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self.key, digest())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@cache
def _key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def trusted() -> Signer:
    return Signer.named("Authority of a test")


@cache
def authority_pem() -> bytes:
    """The authority that clients trust, PEM."""
    signer = trusted()
    certificate = signer.sign(signer.name, signer.key, [], days=(-10, 300), authority=True)
    return certificate.public_bytes(serialization.Encoding.PEM)


def context(folder: Path, kind: str) -> ssl.SSLContext:
    """A server's context with this fault and no other."""
    subject, key = _name(NAME), _key(1024 if kind == "short key" else 2048)
    how: dict[str, Callable[[], x509.Certificate]] = {
        "SHA-1": lambda: trusted().sign(subject, key, [NAME], digest=hashes.SHA1),
        "expired": lambda: trusted().sign(subject, key, [NAME], days=(-9, -1)),
        "not yet valid": lambda: trusted().sign(subject, key, [NAME], days=(1, 9)),
        "self-signed": lambda: Signer(subject, key).sign(subject, key, [NAME]),
        "wrong name": lambda: trusted().sign(_name("other.test"), key, ["other.test"]),
        "unknown authority": lambda: Signer.named("Another authority").sign(subject, key, [NAME]),
    }
    certificate = how.get(kind, lambda: trusted().sign(subject, key, [NAME]))()
    file = folder / f"{kind}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(_LOW)
    made.load_cert_chain(file)
    made.minimum_version = ssl.TLSVersion.TLSv1_1
    made.maximum_version = ssl.TLSVersion.TLSv1_1 if kind == "old TLS" else ssl.TLSVersion.TLSv1_2
    return made
