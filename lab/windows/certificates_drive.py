"""The ``Cert:`` drive and the PKI cmdlets on it: what an administrator sees of the machine's certificate stores."""

from __future__ import annotations

from collections.abc import Iterator

from lab.powershell.api import (
    Call,
    Drive,
    NotModelledError,
    PowerShellError,
    PSObject,
    SecureString,
    Session,
    cmdlet,
    drive,
)
from lab.windows import certificates, filesystem

_COMMANDS = "Microsoft.CertificateServices.Commands"


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("/", "\\").split("\\") if part]


def _machine_only(parts: list[str]) -> None:
    if parts and parts[0].lower() == "currentuser":
        raise NotModelledError("the certificate stores of a user (Cert:\\CurrentUser)")


def _container(kind: str, path: str, properties: dict[str, object]) -> PSObject:
    parent, _, child = path.rpartition("\\")
    provider = certificates.PROVIDER
    return PSObject(
        f"System.Security.Cryptography.X509Certificates.{kind}" if kind != "Location" else "System.Object",
        {
            **properties,
            "PSPath": provider + path,
            "PSParentPath": provider + parent,
            "PSChildName": child,
            "PSIsContainer": True,
        },
    )


def _location(name: str) -> PSObject:
    item = _container(
        "X509StoreLocation", name, {"Location": name, "StoreNames": {"CurrentUser": [], "LocalMachine": []}[name]}
    )
    item.type_name = "Microsoft.PowerShell.Commands.X509StoreLocation"
    item.properties["StoreNames"] = list(certificates.STORES)
    return item


@drive("cert")
class CertificateDrive(Drive):
    """``Cert:\\LocalMachine\\<store>\\<thumbprint>``."""

    def item(self, session: Session, path: str) -> PSObject | None:
        parts = _parts(path)
        if not parts:
            return _container("Location", "", {})
        if len(parts) == 1 and parts[0].lower() in ("localmachine", "currentuser"):
            return _location("LocalMachine" if parts[0].lower() == "localmachine" else "CurrentUser")
        _machine_only(parts)
        if parts[0].lower() != "localmachine":
            return None
        store = certificates.store_named(parts[1])
        if store is None:
            return None
        if len(parts) == 2:
            return _container("X509Store", f"LocalMachine\\{store}", {"Name": store})
        return certificates.stored_object(session.machine, store, parts[2]) if len(parts) == 3 else None

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        parts = _parts(path)
        if not parts:
            yield _location("CurrentUser")
            yield _location("LocalMachine")
            return
        _machine_only(parts)
        if len(parts) == 1:
            for name in certificates.STORES:
                yield _container("X509Store", f"LocalMachine\\{name}", {"Name": name})
            return
        store = certificates.store_named(parts[1]) or parts[1]
        for thumbprint, _ in certificates.stored(session.machine, store):
            found = certificates.stored_object(session.machine, store, thumbprint)
            if found is not None:
                yield found

    def remove(self, session: Session, path: str, *, recurse: bool) -> None:
        parts = self._removable(session, path)
        certificates.remove(session.machine, certificates.store_named(parts[1]) or parts[1], parts[2])

    def remove_with_key(self, session: Session, path: str) -> None:
        parts = self._removable(session, path)
        store = certificates.store_named(parts[1]) or parts[1]
        certificates.remove(session.machine, store, parts[2], with_key=True)

    @staticmethod
    def _removable(session: Session, path: str) -> list[str]:
        parts = _parts(path)
        _machine_only(parts)
        if len(parts) != 3:
            raise NotModelledError("removing a certificate store")
        _writable(session)
        return parts


def _writable(session: Session) -> None:
    """The stores of the machine are readable for everybody and writable for administrators."""
    if not session.identity.administrator:
        raise PowerShellError(
            "Access is denied. 0x80070005 (WIN32: 5 ERROR_ACCESS_DENIED)",
            "System.UnauthorizedAccessException",
            category="PermissionDenied",
            exception_type="System.UnauthorizedAccessException",
        )


def _store_of(call: Call) -> str:
    location = str(call.get("CertStoreLocation") or "")
    drive_name, _, path = location.partition(":")
    parts = _parts(path)
    if drive_name.lower() == "cert":
        _machine_only(parts)
        if len(parts) == 2 and parts[0].lower() == "localmachine" and certificates.store_named(parts[1]):
            return certificates.store_named(parts[1]) or parts[1]
    raise PowerShellError(
        f"Cannot find path '{location}' because it does not exist."
        if location
        else "The current location is not a certificate store. Give one with -CertStoreLocation.",
        f"PathNotFound,{_COMMANDS}.{call.name.replace('-', '')}",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.ItemNotFoundException",
        target=location,
    )


def _read(call: Call) -> bytes:
    path = str(call.get("FilePath"))
    if len(path) < 2 or (path[1] != ":" and not path.startswith("\\\\")):
        raise NotModelledError("a -FilePath that is relative to the current location")
    return filesystem.read_bytes(call.session, path)


def _pfx(call: Call) -> list[certificates.Held]:
    password = call.get("Password")
    if password is not None and not isinstance(password, SecureString):
        raise TypeError("the binder hands a SecureString to -Password")
    try:
        return certificates.open_pfx(_read(call), password.text if password else None)
    except certificates.PfxError as error:
        text = (
            "The PFX file you are trying to import requires either a different password or membership in an Active "
            "Directory principal to which it is protected."
            if error.password
            else "Cannot find the requested object. 0x80092009 (-2146885623 CRYPT_E_NO_MATCH)"
        )
        raise PowerShellError(
            text, f"System.Exception,{_COMMANDS}.{call.name.replace('-', '')}", exception_type="System.Exception"
        ) from None


@cmdlet("Import-PfxCertificate")
def import_pfx_certificate(call: Call) -> Iterator[PSObject]:
    """Every certificate of the file goes to the one store that is named; the private key stays with the machine."""
    store = _store_of(call)
    _writable(call.session)
    for held in _pfx(call):
        certificates.add(call.machine, store, held)
        found = certificates.stored_object(call.machine, store, held.thumbprint)
        if found is not None:
            yield found
