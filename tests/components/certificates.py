"""Certificate files for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

PASSWORD = "only-for-tests"


def write_pfx(file: Path, *names: str, days: int = 365, key: bool = True) -> Path:
    """A self-signed PFX file for DNS names that runs out after so many days from now."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .sign(private, hashes.SHA256())
    )
    encryption = BestAvailableEncryption(PASSWORD.encode())
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(b"test", private if key else None, certificate, None, encryption)
    )
    return file
