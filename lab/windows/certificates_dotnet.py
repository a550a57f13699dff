"""X509Certificate2, X509Store and their enumerations, as scripts use them from System.dll.

Rules that bite on the real machine and therefore here: a private key survives only with PersistKeySet, and a service
can use it only when MachineKeySet put it into the machine's key container. A store opened without ReadWrite refuses.
"""

from __future__ import annotations

from typing import Any

from lab.powershell.api import (
    DotNet,
    EnumType,
    NotModelledError,
    PowerShellError,
    PSObject,
    SecureString,
    Session,
    dotnet,
)
from lab.windows import certificates, filesystem

_NAMESPACE = "System.Security.Cryptography.X509Certificates"
_CRYPTOGRAPHIC = "System.Security.Cryptography.CryptographicException"
PERSISTED_FOR_MACHINE = 2 | 16  # MachineKeySet and PersistKeySet


def _failure(text: str) -> PowerShellError:
    return PowerShellError(f"{text}\r\n", "CryptographicException", exception_type=_CRYPTOGRAPHIC)


def _content(session: Session, source: Any) -> bytes:
    if isinstance(source, bytes | bytearray):
        return bytes(source)
    if isinstance(source, list):
        return bytes(source)
    if isinstance(source, str):
        return filesystem.read_bytes(session, source)
    raise NotModelledError(f"an X509Certificate2 from {type(source).__name__}")


def _load(session: Session, source: Any, password: Any, flags: Any) -> list[tuple[certificates.Held, int]]:
    content = _content(session, source)
    number = _argument(flags, certificates.STORAGE_FLAGS)
    single = certificates.open_certificate(content)
    if single is not None:
        return [(single, number)]
    text = password.text if isinstance(password, SecureString) else password
    try:
        return [(held, number) for held in certificates.open_pfx(content, text or None)]
    except certificates.PfxError as error:
        if error.password:
            raise _failure("The specified network password is not correct.") from None
        raise _failure("Cannot find the requested object.") from None


class _Empty(PSObject):
    """``New-Object X509Certificate2`` without arguments: becomes a certificate by Import."""


@dotnet(f"{_NAMESPACE}.X509Certificate2", "x509certificate2", "X509Certificates.X509Certificate2")
class X509Certificate2(DotNet):
    """A certificate from bytes or a file, with password and key storage flags."""

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        if len(arguments) == 1 and isinstance(arguments[0], certificates.Certificate):
            return certificates.Certificate(arguments[0].held, flags=arguments[0].flags)
        if arguments:
            source, password, flags = (*arguments, None, None)[:3]
            held, number = _load(session, source, password, flags)[0]
            return certificates.Certificate(held, flags=number)
        empty = _Empty(certificates.CERTIFICATE)

        def load(source: Any, password: Any = None, flags: Any = None) -> None:
            held, number = _load(session, source, password, flags)[0]
            filled = certificates.Certificate(held, flags=number)
            empty.properties, empty.methods, empty.text = filled.properties, filled.methods, filled.text
            empty.__dict__["held"], empty.__dict__["flags"] = held, number

        empty.methods["import"] = load
        return empty


def _argument(value: Any, kind: EnumType) -> int:
    try:
        return certificates.flag_value(value, kind)
    except ValueError:
        raise PowerShellError(
            f'Cannot convert value "{value}" to type "{kind.name}". Error: "Unable to match the identifier name '
            f"{value} to a valid enumerator name. Specify one of the following enumerator names and try again: "
            f'{", ".join(kind.members)}"',
            "MethodArgumentConversionInvalidCastArgument",
            exception_type="System.Management.Automation.PSInvalidCastException",
        ) from None


class _Enumeration(DotNet):
    """An enumeration: its members, and a cast from names or a number."""

    kind: EnumType

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        return cls.kind.of(_argument(arguments[0] if arguments else 0, cls.kind))


def _members(kind: EnumType) -> dict[str, Any]:
    return {name: kind.of(number) for name, number in kind.members.items()}


@dotnet(f"{_NAMESPACE}.X509KeyStorageFlags")
class X509KeyStorageFlags(_Enumeration):
    kind = certificates.STORAGE_FLAGS
    statics = _members(certificates.STORAGE_FLAGS)


@dotnet(f"{_NAMESPACE}.OpenFlags")
class OpenFlags(_Enumeration):
    kind = certificates.OPEN_FLAGS
    statics = _members(certificates.OPEN_FLAGS)


@dotnet(f"{_NAMESPACE}.StoreLocation")
class StoreLocation(_Enumeration):
    kind = EnumType(f"{_NAMESPACE}.StoreLocation", {"CurrentUser": 1, "LocalMachine": 2})
    statics = _members(kind)


@dotnet(f"{_NAMESPACE}.StoreName")
class StoreName(_Enumeration):
    kind = EnumType(
        f"{_NAMESPACE}.StoreName",
        {
            "AddressBook": 1,
            "AuthRoot": 2,
            "CertificateAuthority": 3,
            "Disallowed": 4,
            "My": 5,
            "Root": 6,
            "TrustedPeople": 7,
            "TrustedPublisher": 8,
        },
    )
    statics = _members(kind)


@dotnet(f"{_NAMESPACE}.X509Store")
class X509Store(DotNet):
    """A store of the local machine; one that does not exist is made on the real machine, not in the lab."""

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        name = str(arguments[0]) if arguments else "My"
        location = str(arguments[1]) if len(arguments) > 1 else "CurrentUser"
        if location.lower() != "localmachine":
            raise NotModelledError("the certificate stores of a user (StoreLocation CurrentUser)")
        name = "CA" if name.lower() == "certificateauthority" else name
        store = certificates.store_named(name)
        if store is None:
            raise NotModelledError(f"a certificate store named {name}")
        return _Store(session, store)


class _Store(PSObject):
    def __init__(self, session: Session, store: str) -> None:
        super().__init__(
            f"{_NAMESPACE}.X509Store",
            {"Name": store, "Location": StoreLocation.statics["LocalMachine"]},
            {"Open": self._open, "Add": self._add, "Remove": self._remove, "Close": self._close},
        )
        self._session, self._store = session, store
        self._access: int | None = None

    def get(self, name: str, default: Any = None) -> Any:
        return self._listed() if name.lower() == "certificates" else super().get(name, default)

    def name_of(self, name: str) -> str | None:
        return "Certificates" if name.lower() == "certificates" else super().name_of(name)

    def _listed(self) -> list[PSObject]:
        if self._access is None:
            return []  # .NET gives an empty collection for a store that was not opened
        machine = self._session.machine
        found = (
            certificates.stored_object(machine, self._store, thumbprint)
            for thumbprint, _ in certificates.stored(machine, self._store)
        )
        return [one for one in found if one is not None]

    def _open(self, flags: Any) -> None:
        number = _argument(flags, certificates.OPEN_FLAGS)
        if number & 3 and not self._session.identity.administrator:
            raise _failure("Access is denied.")
        self._access = number
        self.properties["Certificates"] = self._listed()

    def _writable(self) -> None:
        if self._access is None:
            raise _failure("The X509 certificate store has not been opened.")
        if not self._access & 3:
            raise _failure("Access is denied.")

    def _add(self, certificate: Any) -> None:
        self._writable()
        held: certificates.Held = certificate.held
        if held.key_pem and certificate.flags & PERSISTED_FOR_MACHINE != PERSISTED_FOR_MACHINE:
            held = certificates.Held(held.certificate, None, held.friendly_name, key_lost=True)
        certificates.add(self._session.machine, self._store, held)
        self.properties["Certificates"] = self._listed()

    def _remove(self, certificate: Any) -> None:
        self._writable()
        held: certificates.Held = certificate.held
        if certificates.find(self._session.machine, self._store, held.thumbprint) is not None:
            certificates.remove(self._session.machine, self._store, held.thumbprint)
        self.properties["Certificates"] = self._listed()

    def _close(self) -> None:
        self._access = None
        self.properties.pop("Certificates", None)
