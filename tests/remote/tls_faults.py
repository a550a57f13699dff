"""What can be wrong with a server's TLS, one thing at a time: contexts for the tests' own servers."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

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
        return builder.sign(self.key, hashes.SHA256())


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


def _signed_with_sha1(folder: Path, subject: x509.Name, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """By the openssl program: ``cryptography`` signs with SHA-1 no more."""
    names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "request.pem").write_bytes(request.sign(key, hashes.SHA256()).public_bytes(pem))
    (folder / "ca.pem").write_bytes(authority_pem())
    (folder / "ca.key").write_bytes(_pem(trusted().key))
    made = folder / "sha1.pem"
    command = ["openssl", "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "1"]
    how = ["-sha1", "-days", "9", "-copy_extensions", "copy", "-out", made.name]
    subprocess.run([*command, *how], cwd=folder, check=True, capture_output=True)
    return x509.load_pem_x509_certificate(made.read_bytes())


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def context(folder: Path, kind: str) -> ssl.SSLContext:
    """A server's context with this fault and no other."""
    subject, key = _name(NAME), _key(1024 if kind == "short key" else 2048)
    how: dict[str, Callable[[], x509.Certificate]] = {
        "SHA-1": lambda: _signed_with_sha1(folder, subject, key),
        "expired": lambda: trusted().sign(subject, key, [NAME], days=(-9, -1)),
        "not yet valid": lambda: trusted().sign(subject, key, [NAME], days=(1, 9)),
        "self-signed": lambda: Signer(subject, key).sign(subject, key, [NAME]),
        "wrong name": lambda: trusted().sign(_name("other.test"), key, ["other.test"]),
        "unknown authority": lambda: Signer.named("Another authority").sign(subject, key, [NAME]),
    }
    certificate = how.get(kind, lambda: trusted().sign(subject, key, [NAME]))()
    file = folder / f"{kind}.pem"
    file.write_bytes(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(_LOW)
    made.load_cert_chain(file)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    if kind == "old TLS":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python's, about what is tested here
            made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    return made
