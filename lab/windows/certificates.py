"""The certificate stores of a machine (``Cert:\\LocalMachine``), PFX files, and X509Certificate2 objects.

Documents: machine collection ``certificate`` = {"store": "My", "pem", "key_pem" or None, "friendly_name",
"key_lost"}. The document's name is the thumbprint, or ``Store\\THUMBPRINT`` for a second copy in another store.
``key_lost`` marks a certificate that claims a private key which nobody can use (imported without PersistKeySet).

The private key of an imported certificate is a file among the machine's keys. It outlives the certificate unless it is
removed together with it (Remove-Item -DeleteKey). Unproven: the file's name, which on the real machine is another one
for every import; that a certificate which the portal's installer makes has such a file as well (here it has none).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from lab import files
from lab.powershell.api import EnumType, EnumValue, PSObject
from lab.powershell.convert import LOCAL

if TYPE_CHECKING:
    from lab.world import Document, Machine

STORES = (
    "My",
    "Root",
    "CA",
    "WebHosting",
    "TrustedPeople",
    "TrustedPublisher",
    "AuthRoot",
    "Disallowed",
    "Remote Desktop",
    "REQUEST",
    "SmartCardRoot",
    "Trust",
    "TrustedDevices",
)
"""Stores of the local machine on Windows Server 2012 with IIS 8."""

KEYS = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys"

CERTIFICATE = "System.Security.Cryptography.X509Certificates.X509Certificate2"
PROVIDER = "Microsoft.PowerShell.Security\\Certificate::"

# Windows Server 2012 knows only the old PBES1 protection of PFX files (SHA-1 with triple DES or RC2). A file protected
# with PBES2 (AES-256) fails there as if the password were wrong.
_PBES2 = bytes.fromhex("06092a864886f70d01050d")

_SHORT = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.LOCALITY_NAME: "L",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.DOMAIN_COMPONENT: "DC",
}


class PfxError(ValueError):
    """A PFX that cannot be opened: ``password`` is False when it is no PFX at all."""

    def __init__(self, *, password: bool) -> None:
        super().__init__("wrong password or protection" if password else "not a PFX file")
        self.password = password


@dataclass(frozen=True)
class Held:
    """A certificate with what belongs to it outside of its signed content."""

    certificate: x509.Certificate
    key_pem: str | None = None
    friendly_name: str = ""
    key_lost: bool = False

    @property
    def thumbprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - that is what a thumbprint is

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def store_named(name: str) -> str | None:
    """The store's name as Windows writes it, or None when there is no such store."""
    return next((store for store in STORES if store.lower() == name.lower()), None)


def stored(machine: Machine, store: str) -> Iterator[tuple[str, Document]]:
    """(thumbprint, document) of every certificate in a store."""
    for key, document in machine.collection("certificate").items():
        if document["store"].lower() == store.lower():
            yield key.rsplit("\\", 1)[-1].upper(), document


def find(machine: Machine, store: str, thumbprint: str) -> Document | None:
    """The document of a certificate in a store of the machine, or None."""
    wanted = thumbprint.replace(" ", "").upper()
    return next((document for known, document in stored(machine, store) if known == wanted), None)


def add(machine: Machine, store: str, held: Held) -> None:
    """Put a certificate into a store. One that is there keeps its private key when the new copy has none."""
    known = find(machine, store, held.thumbprint)
    machine.collection("certificate")[_key(machine, store, held.thumbprint)] = {
        "store": store,
        "pem": held.pem,
        "key_pem": held.key_pem or (known or {}).get("key_pem"),
        "friendly_name": held.friendly_name or (known or {}).get("friendly_name", ""),
        "key_lost": held.key_lost,
    }
    if held.key_pem:
        kept = key_file(machine, held.key_pem)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("a private key\n", encoding="utf-8")


def remove(machine: Machine, store: str, thumbprint: str, *, with_key: bool = False) -> None:
    """Take a certificate out of a store. What is bound to it in HTTP.sys stays bound, as on the real machine."""
    name = _key(machine, store, thumbprint)
    key = machine.collection("certificate")[name].get("key_pem")
    del machine.collection("certificate")[name]
    if with_key and key:
        key_file(machine, key).unlink(missing_ok=True)


def key_file(machine: Machine, key_pem: str) -> Path:
    """Where a machine keeps a private key (Microsoft: Key Storage and Retrieval, shared private keys)."""
    container = hashlib.sha256(key_pem.encode()).hexdigest()[:32]
    return files.resolve_new(machine, f"{KEYS}\\{container}_{uuid.uuid5(uuid.NAMESPACE_DNS, machine.fqdn)}")


def _key(machine: Machine, store: str, thumbprint: str) -> str:
    plain, qualified = thumbprint.upper(), f"{store}\\{thumbprint.upper()}"
    collection = machine.collection("certificate")
    taken = plain in collection and collection[plain]["store"].lower() != store.lower()
    return qualified if taken or qualified in collection else plain


def sent_along(machine: Machine, pem: str) -> str:
    """The intermediate authorities that a server sends after its own certificate, PEM: those of its path that the
    machine has in its store CA. The root is not sent (Schannel; unproven: that it fetches no missing one itself)."""
    known = [x509.load_pem_x509_certificate(one["pem"].encode()) for _, one in stored(machine, "CA")]
    last, found = x509.load_pem_x509_certificate(pem.encode()), []
    while issuer := next((one for one in known if one.subject == last.issuer and one != last), None):
        known.remove(issuer)
        found.append(issuer)
        last = issuer
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in found)


def held(document: Document) -> Held:
    certificate = x509.load_pem_x509_certificate(document["pem"].encode())
    return Held(
        certificate, document.get("key_pem"), document.get("friendly_name") or "", bool(document.get("key_lost"))
    )


def open_pfx(content: bytes, password: str | None) -> list[Held]:
    """The certificates of a PFX, the one with the private key first. Raises PfxError."""
    if not content.startswith(b"\x30"):
        raise PfxError(password=False)
    if _PBES2 in content:
        raise PfxError(password=True)
    try:
        opened = pkcs12.load_pkcs12(content, password.encode() if password else None)
    except ValueError as error:
        raise PfxError(password="password" in str(error).lower()) from None
    found: list[Held] = []
    if opened.cert is not None:
        key = None
        if opened.key is not None:
            key = opened.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
        found.append(Held(opened.cert.certificate, key, (opened.cert.friendly_name or b"").decode()))
    found += [Held(other.certificate, None, (other.friendly_name or b"").decode()) for other in opened.additional_certs]
    return found


def open_certificate(content: bytes) -> Held | None:
    """A certificate file in DER or PEM form; None when it is neither."""
    try:
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        return Held(load(content))
    except ValueError:
        return None


def distinguished_name(name: x509.Name) -> str:
    """A name as X500DistinguishedName shows it: most specific part first, parts joined by a comma and a space."""
    parts = []
    for attribute in (attribute for part in reversed(name.rdns) for attribute in part):
        value = str(attribute.value)
        if any(character in value for character in ',+"\n<>#;='):
            value = '"' + value.replace('"', '""') + '"'
        parts.append(f"{_SHORT.get(attribute.oid, 'OID.' + attribute.oid.dotted_string)}={value}")
    return ", ".join(parts)


def dns_names(certificate: x509.Certificate) -> list[str]:
    """The names a certificate is good for: its common name and the alternative names, each once."""
    names = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    return list(dict.fromkeys([*names, *alternatives.get_values_for_type(x509.DNSName)]))


class Certificate(PSObject):
    """An X509Certificate2. ``held`` is the certificate behind it, ``flags`` the X509KeyStorageFlags of its import."""

    def __init__(self, found: Held, *, path: str | None = None, flags: int = 0) -> None:
        self.held, self.flags = found, flags
        x = found.certificate
        serial = f"{x.serial_number:X}"
        super().__init__(
            CERTIFICATE,
            {
                "DnsNameList": [
                    PSObject(
                        "Microsoft.PowerShell.Commands.DnsNameRepresentation",
                        {"Punycode": name, "Unicode": name},
                        text=name,
                    )
                    for name in dns_names(x)
                ],
                "FriendlyName": found.friendly_name,
                "HasPrivateKey": found.key_pem is not None or found.key_lost,
                "Issuer": distinguished_name(x.issuer),
                "IssuerName": _x500(x.issuer),
                "NotAfter": x.not_valid_after_utc.astimezone(LOCAL),
                "NotBefore": x.not_valid_before_utc.astimezone(LOCAL),
                "RawData": list(x.public_bytes(serialization.Encoding.DER)),
                "SerialNumber": serial if len(serial) % 2 == 0 else "0" + serial,
                "Subject": distinguished_name(x.subject),
                "SubjectName": _x500(x.subject),
                "Thumbprint": found.thumbprint,
                "Version": x.version.value + 1,
            },
            {
                "GetCertHashString": lambda: found.thumbprint,
                "GetSerialNumberString": lambda: self.get("SerialNumber"),
                "Reset": lambda: None,
            },
            text=f"[Subject]\n  {distinguished_name(x.subject)}\n",
        )
        if path is not None:
            parent, _, child = path.rpartition("\\")
            self.properties |= {
                "PSPath": f"{PROVIDER}{path}",
                "PSParentPath": f"{PROVIDER}{parent}",
                "PSChildName": child,
                "PSIsContainer": False,
            }


def stored_object(machine: Machine, store: str, thumbprint: str) -> Certificate | None:
    """The X509Certificate2 of a certificate in a store of the local machine."""
    document = find(machine, store, thumbprint)
    if document is None:
        return None
    return Certificate(held(document), path=f"LocalMachine\\{store_named(store) or store}\\{thumbprint.upper()}")


def _x500(name: x509.Name) -> PSObject:
    shown = distinguished_name(name)
    return PSObject("System.Security.Cryptography.X509Certificates.X500DistinguishedName", {"Name": shown})


_NAMESPACE = "System.Security.Cryptography.X509Certificates"
STORAGE_FLAGS = EnumType(
    f"{_NAMESPACE}.X509KeyStorageFlags",
    {"DefaultKeySet": 0, "UserKeySet": 1, "MachineKeySet": 2, "Exportable": 4, "UserProtected": 8, "PersistKeySet": 16},
    flags=True,
)
OPEN_FLAGS = EnumType(
    f"{_NAMESPACE}.OpenFlags",
    {"ReadOnly": 0, "ReadWrite": 1, "MaxAllowed": 2, "OpenExistingOnly": 4, "IncludeArchived": 8},
    flags=True,
)


def flag_value(value: object, kind: EnumType) -> int:
    """A flags argument as its number: names, an enumeration value, a list of them or a number.

    Raises ValueError for a name that the enumeration does not have.
    """
    if value is None:
        return 0
    if isinstance(value, int):
        return int(value)
    if isinstance(value, EnumValue):
        return value.number
    if isinstance(value, list | tuple):
        total = 0
        for part in value:
            total |= flag_value(part, kind)
        return total
    found = kind.find(str(value))
    if found is None:
        raise ValueError(value)
    return found.number
