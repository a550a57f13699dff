"""The public certificate is refused before any machine is touched."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.windows import pfx
from remote.secret import Secret
from tests.components.certificates import PASSWORD, Authority, authority, write_pfx

NAME = "portal.hyper-v.nu"


def test_a_good_certificate_gives_its_thumbprint(tmp_path: Path) -> None:
    found = pfx.read(write_pfx(tmp_path / "c.pfx", NAME, "x.example"), Secret(PASSWORD), [NAME])
    assert len(found.thumbprint) == 40
    assert found.thumbprint == found.thumbprint.upper()
    assert found.dns_names == (NAME, "x.example")


def test_a_wildcard_covers_one_label(tmp_path: Path) -> None:
    file = write_pfx(tmp_path / "c.pfx", "*.hyper-v.nu")
    assert pfx.read(file, Secret(PASSWORD), [NAME]).dns_names == ("*.hyper-v.nu",)
    with pytest.raises(pfx.CertificateError, match=r"not for a\.portal\.hyper-v\.nu"):
        pfx.read(file, Secret(PASSWORD), ["a.portal.hyper-v.nu"])


@pytest.mark.parametrize(
    ("names", "options", "password", "message"),
    [
        (["other.example"], {}, PASSWORD, "the certificate is for other.example, not for portal.hyper-v.nu"),
        ([NAME], {}, "wrong", "wrong password or no PFX file"),
        ([NAME], {"key": False}, PASSWORD, "holds no certificate with a private key"),
        ([NAME], {"common_name_only": True}, PASSWORD, "Have it issued with portal.hyper-v.nu as alternative names."),
        ([NAME], {"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, PASSWORD, "lacks server authentication"),
        ([NAME], {"aes": True}, PASSWORD, "Export it again with TripleDES-SHA1"),
    ],
)
def test_a_bad_certificate_is_one_clear_line(
    tmp_path: Path, names: list[str], options: dict[str, object], password: str, message: str
) -> None:
    file = write_pfx(tmp_path / "c.pfx", *names, **options)  # type: ignore[arg-type]
    with pytest.raises(pfx.CertificateError) as caught:
        pfx.read(file, Secret(password), [NAME])
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("days", "concern"), [(-1, "it expired on "), (5, "it expires on "), (29, "it expires on "), (31, "")]
)
def test_its_end_keeps_nothing_from_being_repaired(tmp_path: Path, days: int, concern: str) -> None:
    found = pfx.read(write_pfx(tmp_path / "c.pfx", NAME, days=days), Secret(PASSWORD), [NAME])
    said = found.concern(datetime.now(UTC))
    assert said.startswith(concern)
    assert bool(said) == bool(concern)
    assert found.concern(found.not_before - timedelta(hours=1)).startswith("it is not valid before ")


@pytest.mark.parametrize("usage", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, None])
def test_a_certificate_for_servers(tmp_path: Path, usage: ObjectIdentifier | None) -> None:
    assert pfx.read(write_pfx(tmp_path / "c.pfx", NAME, usage=usage), Secret(PASSWORD), [NAME])


def test_everything_that_is_wrong_with_one_file_is_said_at_once(tmp_path: Path) -> None:
    file = write_pfx(
        tmp_path / "c.pfx",
        "other.example",
        days=-1,
        aes=True,
        usage=ExtendedKeyUsageOID.CLIENT_AUTH,
        issuer=authority("Unknown"),
    )
    with pytest.raises(pfx.CertificateError) as caught:
        pfx.read(file, Secret(PASSWORD), [NAME], roots=[authority("Root").certificate])
    lines = str(caught.value).splitlines()
    assert [line.startswith(f"{file}: ") for line in lines] == [True] * 4
    found = ("TripleDES-SHA1", "not for portal.hyper-v.nu", "server authentication", "CN=Unknown")
    assert [said in line for said, line in zip(found, lines, strict=True)] == [True] * 4


class TestPath:
    root = authority("Root")
    upper = authority("Upper", root)
    lower = authority("Lower", upper)

    def intermediates(self, *others: Authority, file: Path, roots: Sequence[Authority] = (root,)) -> list[str]:
        write_pfx(file, NAME, issuer=self.lower, others=others)
        found = pfx.read(file, Secret(PASSWORD), [NAME], roots=[one.certificate for one in roots])
        contents = [x509.load_der_x509_certificate(base64.b64decode(one.content)) for one in found.intermediates]
        assert [one.thumbprint for one in found.intermediates] == [
            one.fingerprint(hashes.SHA1()).hex().upper() for one in contents
        ]
        return [one.subject.rfc4514_string() for one in contents]

    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
    def test_whatever_the_order_in_the_file(self, tmp_path: Path, order: tuple[int, ...]) -> None:
        """The root is trusted or not, and nothing that a server sends changes that; nor does it send a stranger."""
        others = (self.root, self.upper, self.lower, authority("Stranger"))
        found = self.intermediates(*(others[number] for number in order), file=tmp_path / "c.pfx")
        assert found == ["CN=Lower", "CN=Upper"]

    def test_the_root_may_be_missing(self, tmp_path: Path) -> None:
        assert self.intermediates(self.upper, self.lower, file=tmp_path / "c.pfx") == ["CN=Lower", "CN=Upper"]

    def test_an_intermediate_authority_may_be_what_is_trusted(self, tmp_path: Path) -> None:
        found = self.intermediates(self.lower, file=tmp_path / "c.pfx", roots=[self.upper])
        assert found == ["CN=Lower"]

    def test_without_authorities_it_is_not_known_who_is_trusted(self, tmp_path: Path) -> None:
        assert self.intermediates(self.lower, file=tmp_path / "c.pfx", roots=[]) == ["CN=Lower"]

    @pytest.mark.parametrize(
        ("others", "roots", "said"),
        [
            (["upper"], ["root"], "the authority CN=Lower is neither in it nor in `authorities`"),
            (["lower"], ["root"], "the authority CN=Upper is neither in it nor in `authorities`"),
            (["root", "upper", "lower"], ["other"], "issued by CN=Root, which is not in `authorities`"),
        ],
    )
    def test_a_gap(self, tmp_path: Path, others: list[str], roots: list[str], said: str) -> None:
        known = {"root": self.root, "upper": self.upper, "lower": self.lower, "other": authority("Other")}
        with pytest.raises(pfx.CertificateError, match=said):
            self.intermediates(
                *(known[one] for one in others), file=tmp_path / "c.pfx", roots=[known[one] for one in roots]
            )

    def test_a_self_signed_one(self, tmp_path: Path) -> None:
        file = write_pfx(tmp_path / "c.pfx", NAME)
        with pytest.raises(pfx.CertificateError, match="is issued by itself, which is not in `authorities`"):
            pfx.read(file, Secret(PASSWORD), [NAME], roots=[self.root.certificate])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(pfx.CertificateError, match="No such file"):
        pfx.read(tmp_path / "none.pfx", Secret(PASSWORD), [NAME])
    with pytest.raises(pfx.CertificateError, match=r"a\\x00b: read the certificate: embedded null byte"):
        pfx.read(Path("a\0b"), Secret(PASSWORD), [NAME])


def test_all_certificates_of_a_topology_and_all_their_problems(tmp_path: Path) -> None:
    good = {"file": str(write_pfx(tmp_path / "good.pfx", NAME)), "password": PASSWORD}
    assert list(pfx.read_all({"portal": good}, {"portal": [NAME]})) == ["portal"]
    with pytest.raises(pfx.CertificateError) as caught:
        pfx.read_all({"portal": good}, {"portal": ["other.example"], "api": [NAME], "site": [NAME]})
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "not for other.example" in lines[0]
    assert lines[1].startswith("certificates.api: the stack's configuration names no file")


def test_an_authority_that_cannot_be_parsed_hides_no_other(tmp_path: Path) -> None:
    """A file of many authorities, as an operating system has it, with text between them."""
    one, two = (authority(name).certificate for name in ("one", "two"))
    odd = b"# Old authority\n-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
    file = tmp_path / "authorities.pem"
    file.write_bytes(one.public_bytes(Encoding.PEM) + odd + two.public_bytes(Encoding.PEM))
    assert pfx.roots_of(str(file)) == [one, two]
    assert pfx.roots_of(str(tmp_path / "nowhere")) == pfx.roots_of("") == []
