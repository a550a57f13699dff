"""Get-, New-, Set- and Remove-WebBinding of the WebAdministration module (IIS 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.powershell.api import Call, PowerShellError, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.windows import iis, iis_config
from lab.windows.iis_config import Binding
from lab.windows.iis_errors import COM_EXCEPTION, require_administrator
from lab.windows.iis_objects import COMMANDS, BindingElement, missing_site
from lab.windows.iis_sites import site_of
from lab.windows.values import matches
from lab.world import Document, Machine


def _write(machine: Machine, site: str, bindings: list[Binding]) -> None:
    machine.collection("site").change(site, bindings=[binding.document() for binding in bindings])
    iis.refresh(machine.world, machine)


def _duplicate(binding: Binding, command: str) -> PowerShellError:
    return PowerShellError(
        "Cannot add duplicate collection entry of type 'binding' with combined key attributes 'protocol, "
        f"bindingInformation' respectively set to '{binding.protocol}, {binding.information}'\r\n",
        f"{COM_EXCEPTION},{COMMANDS}.{command}",
        exception_type=COM_EXCEPTION,
    )


def _chosen(call: Call, binding: Binding) -> bool:
    """Whether a binding is meant by -Protocol, -Port, -IPAddress and -HostHeader; what is not given does not choose."""
    wanted = {
        "Protocol": binding.protocol,
        "Port": str(binding.port),
        "IPAddress": binding.address,
        "HostHeader": binding.host,
    }
    for parameter, value in wanted.items():
        given = call.get(parameter)
        if given is None or given == "":
            continue
        text = str(given)
        if not (matches(text, value) if has_wildcard(text) and text != "*" else text.lower() == value.lower()):
            return False
    return True


def _selected(call: Call) -> list[tuple[Document, list[Binding], list[Binding]]]:
    """(site, the bindings that are meant, the others) for the sites of the call; an unknown -Name gives nothing."""
    name = call.get("Name")
    found = []
    for site in iis_config.sites(call.machine):
        if name and str(name).lower() != site["name"].lower():
            continue
        meant = []
        for binding in iis_config.bindings(site):
            information = call.get("BindingInformation")
            if information is not None and str(information).lower() != binding.information.lower():
                continue
            if _chosen(call, binding):
                meant.append(binding)
        found.append((site, meant, [b for b in iis_config.bindings(site) if b not in meant]))
    return found


@cmdlet("Get-WebBinding")
def get_web_binding(call: Call) -> Iterator[PSObject]:
    require_administrator(call.session)
    for site, meant, _ in _selected(call):
        for binding in meant:
            yield BindingElement(call.session, site, binding)


@cmdlet("New-WebBinding")
def new_web_binding(call: Call) -> None:
    """Add a binding; the defaults are http, port 80, all addresses, any name. The certificate is a step of its own."""
    require_administrator(call.session)
    if not call.get("Name"):
        raise PowerShellError(
            "Parameter 'Name' is required when the current location is not a site.",
            f"Name,{COMMANDS}.NewWebBindingCommand",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    site = site_of(call, str(call.get("Name")))
    binding = Binding(
        str(call.get("Protocol") or "http").lower(),
        str(call.get("IPAddress") or "*"),
        int(call.get("Port") or 80),
        str(call.get("HostHeader") or ""),
        int(call.get("SslFlags") or 0),
    )
    present = iis_config.bindings(site)
    if any(b.protocol == binding.protocol and b.prefix == binding.prefix for b in present):
        raise _duplicate(binding, "NewWebBindingCommand")
    _write(call.machine, site["name"], [*present, binding])


@cmdlet("Set-WebBinding")
def set_web_binding(call: Call) -> None:
    """Change one property of the one binding that is meant.

    A change of address or port leaves the certificate with the old ones: HTTP.sys has none for the new ones.
    """
    require_administrator(call.session)
    name = call.get("Name")
    if name and str(name) not in call.machine.collection("site"):
        raise missing_site(str(name), "SetWebBindingCommand")
    selected = [(site, binding) for site, meant, _ in _selected(call) for binding in meant]
    if len(selected) != 1:
        found = "no binding" if not selected else f"{len(selected)} bindings"
        raise PowerShellError(
            f"The binding to change must be given exactly; {found} found.",
            f"System.ArgumentException,{COMMANDS}.SetWebBindingCommand",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    site, old = selected[0]
    new = _changed(old, str(call.get("PropertyName")), str(call.get("Value")))
    others = iis_config.bindings(site)
    if any(b != old and b.protocol == new.protocol and b.prefix == new.prefix for b in others):
        raise _duplicate(new, "SetWebBindingCommand")
    if not call.get("WhatIf"):
        _write(call.machine, site["name"], [new if b == old else b for b in others])


def _changed(old: Binding, name: str, value: str) -> Binding:
    try:
        match name.lower():
            case "port":
                address, port, host = iis_config.parse_information(f"{old.address}:{value}:{old.host}")
                return replace(old, address=address, port=port, host=host)
            case "ipaddress":
                return replace(old, address=value or "*")
            case "hostheader":
                return replace(old, host=value)
            case "sslflags":
                return replace(old, flags=int(value))
            case "protocol":
                return replace(old, protocol=value.lower())
            case "bindinginformation":
                address, port, host = iis_config.parse_information(value)
                return replace(old, address=address, port=port, host=host)
    except ValueError:
        raise PowerShellError(
            "The data is invalid. (Exception from HRESULT: 0x8007000D)",
            f"{COM_EXCEPTION},{COMMANDS}.SetWebBindingCommand",
            exception_type=COM_EXCEPTION,
        ) from None
    raise PowerShellError(
        f"Property {name} cannot be found on a binding.",
        f"System.ArgumentException,{COMMANDS}.SetWebBindingCommand",
        category="InvalidArgument",
        exception_type="System.ArgumentException",
    )


@cmdlet("Remove-WebBinding")
def remove_web_binding(call: Call) -> None:
    """Remove bindings; what HTTP.sys holds for their address stays. Nothing that matches is no error."""
    require_administrator(call.session)
    given = call.get("InputObject")
    elements = [item for item in ([given] if given is not None else call.input) if isinstance(item, BindingElement)]
    if elements:
        for element in elements:
            site = call.machine.collection("site").get(element.site)
            if site is not None and not call.get("WhatIf"):
                kept = [b for b in iis_config.bindings(site) if b != element.binding]
                _write(call.machine, element.site, kept)
        return
    name = call.get("Name")
    if name and str(name) not in call.machine.collection("site"):
        raise missing_site(str(name), "RemoveWebBindingCommand")
    for site, meant, others in _selected(call):
        if meant and not call.get("WhatIf"):
            _write(call.machine, site["name"], others)
