"""Certificate files for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, PrivateFormat, pkcs12

PASSWORD = "only-for-tests"


@dataclass(frozen=True)
class Authority:
    """A certificate of an authority with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority(name: str, issuer: Authority | None = None) -> Authority:
    """A root, or an intermediate authority of an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(
        _made(name, key, issuer or name, days=3650).sign((issuer.key if issuer else key), hashes.SHA256()), key
    )


def _made(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: Authority | str, *, days: int, begun: int = 400
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    by = issuer.certificate.subject if isinstance(issuer, Authority) else _name(issuer)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=begun))
        .not_valid_after(now + timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def write_pfx(
    file: Path,
    *names: str,
    days: int = 365,
    begun: int = 400,
    key: bool = True,
    usage: x509.ObjectIdentifier | None = None,
    common_name_only: bool = False,
    aes: bool = False,
    issuer: Authority | None = None,
    others: Sequence[Authority] = (),
) -> Path:
    """A PFX file for DNS names that began so many days ago and runs out after so many from now; self-signed without an
    issuer. ``others`` are the certificates beside it, in this order."""
    private = ec.generate_private_key(ec.SECP256R1())
    made = _made(names[0], private, issuer or names[0], days=days, begun=begun)
    if not common_name_only:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        made = made.add_extension(alternatives, critical=False)
    if usage is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    certificate = made.sign(issuer.key if issuer else private, hashes.SHA256())
    old = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(PASSWORD.encode())
    )
    protection = BestAvailableEncryption(PASSWORD.encode()) if aes else old
    beside = [one.certificate for one in others] or None
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(b"test", private if key else None, certificate, beside, protection)
    )
    return file
