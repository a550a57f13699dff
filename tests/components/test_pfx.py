"""The public certificate is refused before any machine is touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.windows import pfx
from remote.secret import Secret
from tests.components.certificates import PASSWORD, write_pfx

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


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(pfx.CertificateError, match="No such file"):
        pfx.read(tmp_path / "none.pfx", Secret(PASSWORD), [NAME])


def test_all_certificates_of_a_topology_and_all_their_problems(tmp_path: Path) -> None:
    good = {"file": str(write_pfx(tmp_path / "good.pfx", NAME)), "password": PASSWORD}
    assert list(pfx.read_all({"portal": good}, {"portal": [NAME]})) == ["portal"]
    with pytest.raises(pfx.CertificateError) as caught:
        pfx.read_all({"portal": good}, {"portal": ["other.example"], "api": [NAME], "site": [NAME]})
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "not for other.example" in lines[0]
    assert lines[1].startswith("certificates.api: the stack's configuration names no file")
