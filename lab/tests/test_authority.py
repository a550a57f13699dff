"""The lab's certification authority."""

from __future__ import annotations

import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from lab.authority import PFX_PASSWORD, Authority, thumbprint
from lab.tests.worlds import small_world


def test_the_authority_is_kept(tmp_path: Path) -> None:
    first = Authority(tmp_path / "authority").certificate
    assert Authority(tmp_path / "authority").certificate == first
    assert stat.S_IMODE((tmp_path / "authority" / "ca.key").stat().st_mode) == 0o600


def test_openssl_accepts_what_it_signs(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.server_certificate(["portal1.hyper-v.nu", "Portal1"])
    (tmp_path / "server.pem").write_text(issued.certificate)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "portal1.hyper-v.nu"]
    subprocess.run(
        [*command, "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "server.pem")], check=True, capture_output=True
    )
    wrong = [*command[:-1], "portal2.hyper-v.nu", "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "server.pem")]
    assert subprocess.run(wrong, check=False, capture_output=True).returncode != 0


def test_expired_certificates_can_be_made(tmp_path: Path) -> None:
    issued = Authority(tmp_path).server_certificate(["a.b"], valid_days=1, not_before=datetime(2013, 1, 1, tzinfo=UTC))
    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    assert certificate.not_valid_after_utc < datetime.now(UTC) - timedelta(days=365)


def test_public_certificates_and_trust_at_the_beginning(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    bundle = pkcs12.load_pkcs12((tmp_path / "certificates" / "portal.pfx").read_bytes(), PFX_PASSWORD.encode())
    assert bundle.key is not None
    assert bundle.cert is not None
    names = bundle.cert.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["portal.hyper-v.nu"]
    root = world.authority.certificate
    for machine in world.machines.values():
        assert machine.collection("certificate")[thumbprint(root)]["store"] == "Root"
    ssl.create_default_context(cadata=root)
    world.close()
