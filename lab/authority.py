"""The lab's own certification authority: the enterprise CA that every machine of the lab trusts.

It is made once and kept, so that a client that trusts ``<lab>/authority/ca.pem`` goes on trusting it after a reset.
It signs what the article's administrator would have got from a public or an enterprise authority: certificates of
WinRM listeners, of SQL Server, of SPF's site. The public certificate of the portal (as a PFX file) comes from an
authority below it, as public authorities do it: a server has to send that one's certificate along.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PFX_PASSWORD = "Lab-Pfx-2013!"  # noqa: S105 - opens only the lab's own files; written in lab/accounts.yaml too
_PRIVATE = 0o600


class Issued(NamedTuple):
    """A certificate and its private key as PEM text."""

    certificate: str
    key: str


class Authority:
    """The authority in a directory: ``ca.pem`` for clients, ``ca.key`` readable by the owner only; the one below it in
    ``issuing.pem`` and ``issuing.key``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()

    @functools.cached_property
    def _pair(self) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        return self._read("ca")

    @functools.cached_property
    def _issuing(self) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        return self._read("issuing")

    def _read(self, name: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        with self._lock:
            if not (self.directory / "issuing.key").exists():
                self._create()
            certificate = x509.load_pem_x509_certificate((self.directory / f"{name}.pem").read_bytes())
            key = serialization.load_pem_private_key((self.directory / f"{name}.key").read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{self.directory / name}.key holds no RSA key; remove the directory to make a new one")
        return certificate, key

    def _create(self) -> None:
        """The key of the issuing authority comes last: only what is complete counts as existing."""
        self.directory.mkdir(parents=True, exist_ok=True)
        root_key, key = _new_key(), _new_key()
        root = _authority("Lab Certification Authority", root_key, None, root_key, below=1)
        issuing = _authority("Lab Issuing Authority", key, root, root_key, below=0)
        for name, certificate, own in (("ca", root, root_key), ("issuing", issuing, key)):
            (self.directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            write_private(self.directory / f"{name}.key", _key_pem(own).encode())

    @property
    def issuing(self) -> str:
        """The certificate of the authority that issues the public certificates, PEM."""
        return self._issuing[0].public_bytes(serialization.Encoding.PEM).decode()

    @property
    def certificate(self) -> str:
        """The authority's own certificate, PEM."""
        return self._pair[0].public_bytes(serialization.Encoding.PEM).decode()

    def server_certificate(
        self,
        names: Sequence[str],
        valid_days: int = 730,
        not_before: datetime | None = None,
    ) -> Issued:
        """A certificate for a server: the first name is the subject, all names are alternative names. No IP address is
        in it, as in what an enterprise authority issues from Windows' own template: a client checks the name.

        Valid for ``valid_days`` from ``not_before`` (yesterday by default; a time long ago gives an expired one).
        """
        certificate, key = self._issue(names, valid_days, not_before, self._pair)
        return Issued(certificate.public_bytes(serialization.Encoding.PEM).decode(), _key_pem(key))

    def pfx(
        self,
        names: Sequence[str],
        password: str,
        valid_days: int = 730,
        not_before: datetime | None = None,
    ) -> bytes:
        """A PFX with a certificate of the issuing authority, its private key, and the certificates of both authorities.

        Protected by SHA-1 and triple DES: the strongest that Windows Server 2012 imports.
        """
        certificate, key = self._issue(names, valid_days, not_before, self._issuing)
        protection = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(2048)  # as `openssl pkcs12 -export` does
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())  # noqa: S303 - see above
            .build(password.encode())
        )
        path = [self._issuing[0], self._pair[0]]
        return pkcs12.serialize_key_and_certificates(names[0].encode(), key, certificate, path, protection)

    @staticmethod
    def _issue(
        names: Sequence[str],
        valid_days: int,
        not_before: datetime | None,
        issuer: tuple[x509.Certificate, rsa.RSAPrivateKey],
    ) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        authority, authority_key = issuer
        key = _new_key()
        start = not_before or datetime.now(UTC) - timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=valid_days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        return certificate, key


def thumbprint(certificate: str) -> str:
    """The thumbprint of a PEM certificate as Windows shows it: SHA-1, upper-case hexadecimal."""
    return x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303


def _authority(
    title: str, key: rsa.RSAPrivateKey, issuer: x509.Certificate | None, issuer_key: rsa.RSAPrivateKey, *, below: int
) -> x509.Certificate:
    """The certificate of an authority with so many levels of authorities below it; without an issuer it is its own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _key_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def write_private(file: Path, content: bytes) -> None:
    """A file that its owner alone may read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=not sign,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
