"""The ``IIS:`` drive: sites, application pools, and the certificates that HTTP.sys holds (``IIS:\\SslBindings``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import (
    AVAILABLE,
    Drive,
    NotModelledError,
    PowerShellError,
    PSObject,
    Session,
    drive,
)
from lab.windows import certificates, iis, iis_config
from lab.windows.iis_errors import com_error, require_administrator
from lab.windows.iis_objects import ELEMENT, SiteElement, register
from lab.windows.iis_sites import pool_object
from lab.world import Document


def _parts(session: Session, path: str) -> list[str]:
    if not all(available(session, "Get-Website") for available in AVAILABLE):
        raise PowerShellError(
            "Cannot find drive. A drive with the name 'IIS' does not exist.",
            "DriveNotFound",
            category="ObjectNotFound",
            exception_type="System.Management.Automation.DriveNotFoundException",
            target="IIS",
        )
    require_administrator(session)
    return [part for part in path.replace("/", "\\").split("\\") if part]


def _ssl_key(name: str) -> str:
    """``0.0.0.0!443`` (or ``!443!host`` for server name indication) as HTTP.sys knows it."""
    pieces = name.split("!")
    if len(pieces) < 2 or not pieces[1].isdigit():
        raise PowerShellError(
            f"The path '{name}' is no SSL binding: it is written as address!port, such as 0.0.0.0!443.",
            "ArgumentException",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    if len(pieces) == 3 and pieces[2]:
        return f"{pieces[2]}:{pieces[1]}"
    return f"{pieces[0] if pieces[0] not in ('', '*') else '0.0.0.0'}:{pieces[1]}"  # noqa: S104 - a name


def _ssl_object(session: Session, key: str, held: Document) -> PSObject:
    address, _, port = key.rpartition(":")
    named = not address.replace(".", "").isdigit()
    users = [
        site["name"]
        for site in iis_config.sites(session.machine)
        if any(b.protocol == "https" and b.ssl_key == key for b in iis_config.bindings(site))
    ]
    return PSObject(
        "System.Management.Automation.PSCustomObject",
        {
            "IPAddress": PSObject("System.Net.IPAddress", {"IPAddressToString": address}, text=address)
            if not named
            else "",
            "Port": int(port),
            "Host": address if named else "",
            "Store": held["store"],
            "Thumbprint": held["thumbprint"],
            "Sites": users,
            "PSChildName": f"!{port}!{address}" if named else f"{address}!{port}",
        },
    )


@drive("iis")
class IisDrive(Drive):
    """``IIS:\\Sites``, ``IIS:\\AppPools`` and ``IIS:\\SslBindings``; it exists with the WebAdministration module."""

    def item(self, session: Session, path: str) -> PSObject | None:
        parts = _parts(session, path)
        machine = session.machine
        if len(parts) < 2:
            known = ("apppools", "sites", "sslbindings")
            return PSObject(ELEMENT, {"Name": parts[0] if parts else machine.name}) if (
                not parts or parts[0].lower() in known
            ) else None  # fmt: skip
        if len(parts) > 2:
            raise NotModelledError("items below a site or a pool in the IIS: drive")
        match parts[0].lower():
            case "sites":
                site = machine.collection("site").get(parts[1])
                return SiteElement(session, site) if site else None
            case "apppools":
                pool = machine.collection("apppool").get(parts[1])
                return pool_object(pool) if pool else None
            case "sslbindings":
                key = _ssl_key(parts[1])
                held = machine.collection("sslbinding").get(key)
                return _ssl_object(session, key, held) if held else None
        return None

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        parts = _parts(session, path)
        machine = session.machine
        match (parts[0].lower() if parts else "", len(parts)):
            case ("", _):
                yield from (PSObject(ELEMENT, {"Name": name}) for name in ("AppPools", "Sites", "SslBindings"))
            case ("sites", 1):
                yield from (SiteElement(session, site) for site in iis_config.sites(machine))
            case ("apppools", 1):
                yield from (pool_object(pool) for pool in machine.collection("apppool").values())
            case ("sslbindings", 1):
                for key, held in machine.collection("sslbinding").items():
                    yield _ssl_object(session, key, held)
            case _:
                raise NotModelledError("items below a site or a pool in the IIS: drive")

    def properties(self, session: Session, path: str) -> PSObject | None:
        return self.item(session, path)

    def new(self, session: Session, path: str, **options: Any) -> PSObject:
        """A certificate for HTTP.sys: -Value takes one from the Cert: drive, -Thumbprint names one in My."""
        parts = _parts(session, path)
        if len(parts) != 2 or parts[0].lower() != "sslbindings":
            raise NotModelledError("New-Item in the IIS: drive for anything but SslBindings (use New-Website)")
        given = {name.lower(): value for name, value in options.items() if value is not None}
        value = given.get("value")
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        key, held = _ssl_key(parts[1]), session.machine.collection("sslbinding")
        if isinstance(value, certificates.Certificate):
            thumbprint, store = value.held.thumbprint, str(value.get("PSParentPath") or "").rpartition("\\")[2] or "My"
        elif given.get("thumbprint"):
            thumbprint, store = str(given["thumbprint"]), "My"
        else:
            raise NotModelledError("New-Item IIS:\\SslBindings without a certificate")
        if key in held and not given.get("force"):
            raise com_error(0x800700B7)
        register(session.machine, key, thumbprint, store, iis_config.IIS_APPLICATION)
        return _ssl_object(session, key, held[key])

    def remove(self, session: Session, path: str, *, recurse: bool) -> None:
        parts = _parts(session, path)
        if len(parts) != 2:
            raise NotModelledError("removing a container of the IIS: drive")
        machine = session.machine
        match parts[0].lower():
            case "sslbindings":
                del machine.collection("sslbinding")[_ssl_key(parts[1])]
            case "sites":
                del machine.collection("site")[parts[1]]
            case "apppools":
                del machine.collection("apppool")[parts[1]]
            case _:
                raise NotModelledError(f"removing IIS:\\{parts[0]}")
        iis.refresh(machine.world, machine)
