"""Sites and bindings as the WebAdministration module shows them: configuration elements with methods.

A binding's certificate is no part of the configuration: it is read from HTTP.sys by the binding's address and port, so
it appears and disappears with them (IIS schema: certificateHash is a property that the runtime fills in).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.powershell.api import Int64, PowerShellError, PSObject, Session
from lab.windows import certificates, iis, iis_config
from lab.windows.iis_errors import com_error, require_administrator

if TYPE_CHECKING:
    from lab.world import Document, Machine

ELEMENT = "Microsoft.IIs.PowerShell.Framework.ConfigurationElement"
COMMANDS = "Microsoft.IIs.PowerShell.Provider"


def site_path(site: Document) -> str:
    """The XPath under which a site stands in applicationHost.config."""
    return f"/system.applicationHost/sites/site[@name='{site['name']}' and @id='{site['id']}']"


class BindingElement(PSObject):
    """One binding. ``site`` and ``binding`` tell the cmdlets which one it was when it was read."""

    def __init__(self, session: Session, site: Document, binding: iis_config.Binding) -> None:
        self.session, self.site, self.binding = session, str(site["name"]), binding
        bound = _bound(session.machine, binding)
        super().__init__(
            ELEMENT,
            {
                "protocol": binding.protocol,
                "bindingInformation": binding.information,
                "sslFlags": binding.flags,
                "isDsMapperEnabled": False,
                "certificateHash": str(bound["thumbprint"]) if bound else "",
                "certificateStoreName": str(bound["store"]) if bound else "",
                "ItemXPath": site_path(site),
            },
            {"AddSslCertificate": self._add_certificate, "RemoveSslCertificate": self._remove_certificate},
            text=ELEMENT,
        )

    def _add_certificate(self, thumbprint: Any, store: Any = "My") -> None:
        require_administrator(self.session)
        register(self.session.machine, self.binding.ssl_key, str(thumbprint), str(store), iis_config.IIS_APPLICATION)

    def _remove_certificate(self) -> None:
        require_administrator(self.session)
        held = self.session.machine.collection("sslbinding")
        if self.binding.ssl_key not in held:
            raise com_error(0x80070002)
        del held[self.binding.ssl_key]
        iis.refresh(self.session.machine.world, self.session.machine)


def _bound(machine: Machine, binding: iis_config.Binding) -> Document | None:
    if binding.protocol != "https":
        return None
    return machine.collection("sslbinding").get(binding.ssl_key)


def register(machine: Machine, key: str, thumbprint: str, store: str, application: str) -> None:
    """Give HTTP.sys a certificate for an address. It must be in the machine's store with a key that can be used.

    Raises the COM errors 0x8007000D (no thumbprint at all) and 0x80070520 (no such certificate, or its key is gone).
    """
    wanted = thumbprint.replace(" ", "")
    if len(wanted) % 2 or not wanted or not all(digit in "0123456789abcdefABCDEF" for digit in wanted):
        raise com_error(0x8007000D)
    found = certificates.find(machine, store, wanted)
    if found is None or not found.get("key_pem"):
        raise com_error(0x80070520)
    machine.collection("sslbinding")[key] = {
        "thumbprint": wanted.upper(),
        "store": certificates.store_named(store) or store,
        "application": application,
    }
    iis.refresh(machine.world, machine)


class SiteElement(PSObject):
    """A site as Get-Website and Get-Item IIS:\\Sites give it."""

    def __init__(self, session: Session, site: Document) -> None:
        self.session, self.site = session, str(site["name"])
        elements = [BindingElement(session, site, binding) for binding in iis_config.bindings(site)]
        running = site["state"] == "Started" and iis_config.running_service(session.machine)
        super().__init__(
            ELEMENT,
            {
                "name": site["name"],
                "id": Int64(site["id"]),
                "serverAutoStart": bool(site.get("auto_start", site["state"] == "Started")),
                "state": "Started" if running else "Stopped",
                "physicalPath": site.get("path", ""),
                "applicationPool": site.get("pool", "DefaultAppPool"),
                "enabledProtocols": "http",
                "bindings": PSObject(ELEMENT, {"Collection": elements}, text=ELEMENT),
                "ItemXPath": site_path(site),
                "PSPath": f"WebAdministration::\\\\{session.machine.name.upper()}\\Sites\\{site['name']}",
                "PSChildName": site["name"],
                "PSIsContainer": True,
            },
            {
                "Start": lambda: iis.start_site(session.machine, self.site),
                "Stop": lambda: iis.stop_site(session.machine, self.site),
            },
            text=ELEMENT,
        )


def missing_site(name: str, command: str) -> PowerShellError:
    """The provider's error for a site that does not exist."""
    return PowerShellError(
        f"Cannot find path 'IIS:\\Sites\\{name}' because it does not exist.",
        f"PathNotFound,{COMMANDS}.{command}",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.ItemNotFoundException",
        target=f"IIS:\\Sites\\{name}",
    )
