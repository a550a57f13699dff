"""Certificate stores, PFX files and the X509 types, called as the evaluator calls them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from lab import files
from lab.powershell.api import DRIVES, TYPES, Drive, PowerShellError, SecureString, Session
from lab.tests.windows.iis_world import PFX_PASSWORD, call, certificate, session, world
from lab.windows import certificates, certificates_dotnet, certificates_drive
from lab.world import World

__all__ = ["certificates_dotnet", "certificates_drive", "world"]

STORE = "Cert:\\LocalMachine\\My"


@pytest.fixture
def pfx(world: World) -> bytes:
    return world.authority.pfx(["portal.hyper-v.nu", "wap.hyper-v.nu"], PFX_PASSWORD)


@pytest.fixture
def here(world: World) -> Session:
    return session(world)


def put(world: World, content: bytes, name: str = "portal.pfx") -> str:
    target = files.resolve(world, world.machine("Portal1"), f"C:\\{name}", "HYPERVNU\\installer", True)
    Path(target).write_bytes(content)
    return f"C:\\{name}"


def test_import_puts_the_certificate_with_its_key_into_the_store(world: World, here: Session, pfx: bytes) -> None:
    path = put(world, pfx)
    imported = call(
        here, "Import-PfxCertificate", FilePath=path, CertStoreLocation=STORE, Password=SecureString(PFX_PASSWORD)
    )
    first = imported[0]
    assert first.get("Subject") == "CN=portal.hyper-v.nu"
    assert first.get("HasPrivateKey") is True
    assert [name.get("Unicode") for name in first.get("DnsNameList")] == ["portal.hyper-v.nu", "wap.hyper-v.nu"]
    document = certificates.find(here.machine, "My", first.get("Thumbprint"))
    assert document is not None
    assert "PRIVATE KEY" in document["key_pem"]


@pytest.mark.parametrize("password", [SecureString("wrong"), None])
def test_a_wrong_password_is_refused_and_nothing_is_imported(
    world: World, here: Session, pfx: bytes, password: SecureString | None
) -> None:
    path = put(world, pfx)
    with pytest.raises(PowerShellError, match="requires either a different password or membership"):
        call(here, "Import-PfxCertificate", FilePath=path, CertStoreLocation=STORE, Password=password)
    assert list(certificates.stored(here.machine, "My")) == []


def test_a_pfx_protected_with_aes_looks_like_a_wrong_password(world: World, here: Session) -> None:
    issued = world.authority.server_certificate(["portal.hyper-v.nu"])
    held = certificates.open_certificate(issued.certificate.encode())
    key = serialization.load_pem_private_key(issued.key.encode(), None)
    assert held is not None
    assert isinstance(key, rsa.RSAPrivateKey)
    modern = pkcs12.serialize_key_and_certificates(
        b"x",
        key,
        held.certificate,
        None,
        serialization.BestAvailableEncryption(PFX_PASSWORD.encode()),
    )
    with pytest.raises(PowerShellError, match="requires either a different password"):
        call(here, "Import-PfxCertificate", FilePath=put(world, modern), CertStoreLocation=STORE,
             Password=SecureString(PFX_PASSWORD))  # fmt: skip


def test_a_file_that_is_no_pfx_and_one_that_is_missing(world: World, here: Session) -> None:
    with pytest.raises(PowerShellError, match="0x80092009"):
        call(here, "Import-PfxCertificate", FilePath=put(world, b"hello"), CertStoreLocation=STORE, Password=None)
    with pytest.raises(PowerShellError) as caught:
        call(here, "Import-PfxCertificate", FilePath="C:\\none.pfx", CertStoreLocation=STORE, Password=None)
    assert caught.value.exception_type == "System.IO.FileNotFoundException"


def test_an_unknown_store_is_refused(world: World, here: Session, pfx: bytes) -> None:
    with pytest.raises(PowerShellError, match="Cannot find path"):
        call(here, "Import-PfxCertificate", FilePath=put(world, pfx), CertStoreLocation="Cert:\\LocalMachine\\Nope",
             Password=SecureString(PFX_PASSWORD))  # fmt: skip


def test_only_an_administrator_imports(world: World, pfx: bytes) -> None:
    path = put(world, pfx)
    with pytest.raises(PowerShellError, match="Access is denied"):
        call(session(world, user="HYPERVNU\\operator"), "Import-PfxCertificate", FilePath=path, CertStoreLocation=STORE,
             Password=SecureString(PFX_PASSWORD))  # fmt: skip


def test_the_drive_lists_reads_and_removes(world: World, here: Session) -> None:
    thumbprint = certificate(world, here.machine, "portal.hyper-v.nu")
    drive = DRIVES["cert"]
    listed = list(drive.children(here, "LocalMachine\\My"))
    assert [item.get("Thumbprint") for item in listed] == [thumbprint]
    item = drive.item(here, f"localmachine\\MY\\{thumbprint.lower()}")
    assert item is not None
    assert item.get("PSPath") == f"Microsoft.PowerShell.Security\\Certificate::LocalMachine\\My\\{thumbprint}"
    assert drive.item(here, "LocalMachine\\Root\\" + thumbprint) is None
    drive.remove(here, f"LocalMachine\\My\\{thumbprint}", recurse=False)
    assert list(drive.children(here, "LocalMachine\\My")) == []


def test_one_certificate_in_two_stores(world: World, here: Session) -> None:
    issued = world.authority.server_certificate(["both"])
    held = certificates.open_certificate(issued.certificate.encode())
    assert held is not None
    certificates.add(here.machine, "My", certificates.Held(held.certificate, issued.key))
    certificates.add(here.machine, "Root", held)
    assert (certificates.find(here.machine, "My", held.thumbprint) or {})["key_pem"]
    assert (certificates.find(here.machine, "Root", held.thumbprint) or {})["key_pem"] is None
    certificates.remove(here.machine, "Root", held.thumbprint)
    assert certificates.find(here.machine, "My", held.thumbprint) is not None


@pytest.mark.parametrize(
    ("flags", "usable"),
    [("MachineKeySet, PersistKeySet", True), ("MachineKeySet,PersistKeySet,Exportable", True), ("MachineKeySet", False),
     ("PersistKeySet", False), (None, False), (18, True)],
)  # fmt: skip
def test_a_key_survives_only_when_it_was_persisted_for_the_machine(
    here: Session, pfx: bytes, flags: object, usable: bool
) -> None:
    content = list(base64.b64decode(base64.b64encode(pfx)))
    made = TYPES["system.security.cryptography.x509certificates.x509certificate2"].create(
        here, content, PFX_PASSWORD, flags
    )
    store = TYPES["system.security.cryptography.x509certificates.x509store"].create(here, "My", "LocalMachine")
    store.methods["open"]("ReadWrite")
    store.methods["add"](made)
    store.methods["close"]()
    document = certificates.find(here.machine, "My", made.get("Thumbprint"))
    assert document is not None
    assert bool(document["key_pem"]) is usable
    shown = certificates.stored_object(here.machine, "My", made.get("Thumbprint"))
    assert shown is not None
    assert shown.get("HasPrivateKey") is True


def test_a_store_must_be_open_for_writing(here: Session, pfx: bytes) -> None:
    made = TYPES["system.security.cryptography.x509certificates.x509certificate2"].create(here, pfx, PFX_PASSWORD, 18)
    store = TYPES["system.security.cryptography.x509certificates.x509store"].create(here, "My", "LocalMachine")
    with pytest.raises(PowerShellError, match="has not been opened"):
        store.methods["add"](made)
    store.methods["open"]("ReadOnly")
    with pytest.raises(PowerShellError, match="Access is denied"):
        store.methods["add"](made)


def test_the_dotnet_type_says_that_the_password_is_wrong(here: Session, pfx: bytes) -> None:
    with pytest.raises(PowerShellError, match="The specified network password is not correct") as caught:
        TYPES["system.security.cryptography.x509certificates.x509certificate2"].create(here, pfx, "wrong", 18)
    assert caught.value.exception_type == "System.Security.Cryptography.CryptographicException"


def test_a_key_outlives_its_certificate_unless_it_goes_with_it(world: World, here: Session, pfx: bytes) -> None:
    folder = files.resolve_new(here.machine, certificates.KEYS)

    def imported() -> str:
        options: dict[str, Any] = {
            "FilePath": put(world, pfx),
            "CertStoreLocation": STORE,
            "Password": SecureString(PFX_PASSWORD),
        }
        return f"LocalMachine\\My\\{call(here, 'Import-PfxCertificate', **options)[0].get('Thumbprint')}"

    DRIVES["cert"].remove(here, imported(), recurse=False)
    assert len(list(folder.iterdir())) == 1
    DRIVES["cert"].remove_with_key(here, imported())
    assert list(folder.iterdir()) == []
    with pytest.raises(PowerShellError, match="matches parameter name 'DeleteKey'"):
        Drive().remove_with_key(here, "x")
