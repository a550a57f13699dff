"""The WebAdministration cmdlets for sites and application pools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab import files
from lab.powershell.api import Call, PowerShellError, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.windows import filesystem, iis, iis_config
from lab.windows.iis_errors import require_administrator
from lab.windows.iis_objects import COMMANDS, ELEMENT, SiteElement, missing_site
from lab.windows.values import matches
from lab.world import Document


def _command(call: Call) -> str:
    return call.name.replace("-", "") + "Command"


def named(call: Call) -> list[str]:
    """The -Name of the call, or the names of the sites that came through the pipeline."""
    if call.get("Name") is not None:
        return [str(call.get("Name"))]
    return [str(item.get("name") if isinstance(item, PSObject) else item) for item in call.input]


def site_of(call: Call, name: str) -> Document:
    collection = call.machine.collection("site")
    if name not in collection:
        raise missing_site(name, _command(call))
    return collection[name]


@cmdlet("Get-Website")
def get_website(call: Call) -> Iterator[PSObject]:
    """Every site, or those with the name; a name that nobody has gives nothing."""
    require_administrator(call.session)
    wanted = named(call)
    for site in iis_config.sites(call.machine):
        if not wanted or any(
            matches(name, site["name"]) if has_wildcard(name) else name.lower() == site["name"].lower()
            for name in wanted
        ):
            yield SiteElement(call.session, site)


@cmdlet("New-Website")
def new_website(call: Call) -> Iterator[PSObject]:
    """Make a site with one binding and start it; when its binding is taken it stays stopped."""
    require_administrator(call.session)
    machine, name = call.machine, str(call.get("Name"))
    collection = machine.collection("site")
    if name in collection and not call.get("Force"):
        raise PowerShellError(
            'Destination element already exists, please use "force" parameter to override.',
            f"System.ArgumentException,{COMMANDS}.NewWebsiteCommand",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    path = str(call.get("PhysicalPath") or "")
    if path and not _directory_exists(call, path):
        raise PowerShellError(
            "Parameter 'PhysicalPath' should point to existing path.",
            f"PhysicalPath,{COMMANDS}.NewWebsiteCommand",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    numbers = [int(site["id"]) for site in iis_config.sites(machine)]
    binding = iis_config.Binding(
        "https" if call.get("Ssl") else "http",
        str(call.get("IPAddress") or "*"),
        int(call.get("Port") or (443 if call.get("Ssl") else 80)),
        str(call.get("HostHeader") or ""),
        int(call.get("SslFlags") or 0),
    )
    collection[name] = {
        "name": name,
        "id": int(call.get("Id") or max(numbers, default=0) + 1),
        "state": "Stopped",
        "path": path,
        "pool": str(call.get("ApplicationPool") or "DefaultAppPool"),
        "auto_start": True,
        "bindings": [binding.document()],
    }
    try:
        iis.start_site(machine, name)
    except PowerShellError:
        collection.change(name, state="Stopped")  # made all the same: the cmdlet reports the site as stopped
    yield SiteElement(call.session, collection[name])


def _directory_exists(call: Call, path: str) -> bool:
    try:
        return filesystem.locate(call.session, path, write=False).is_dir()
    except files.LabFileError as error:
        if error.code in filesystem.NOT_FOUND:
            return False
        raise filesystem.failure(error.code, error.message, path) from None


@cmdlet("Remove-Website")
def remove_website(call: Call) -> None:
    """Remove a site. Its certificate stays in HTTP.sys: only IIS Manager's own interface takes that out too."""
    require_administrator(call.session)
    for name in named(call):
        site_of(call, name)
        del call.machine.collection("site")[name]
        iis.refresh(call.machine.world, call.machine)


@cmdlet("Start-Website")
def start_website(call: Call) -> Iterator[PSObject]:
    yield from _switch(call, iis.start_site)


@cmdlet("Stop-Website")
def stop_website(call: Call) -> Iterator[PSObject]:
    yield from _switch(call, iis.stop_site)


def _switch(call: Call, action: Any) -> Iterator[PSObject]:
    require_administrator(call.session)
    for name in named(call):
        site_of(call, name)
        action(call.machine, name)
        if call.get("Passthru"):
            yield SiteElement(call.session, call.machine.collection("site")[name])


# --- application pools ------------------------------------------------------------------------------------------------


def pool_object(pool: Document) -> PSObject:
    """A pool as IIS:\\AppPools shows it. What the lab does not keep has the value of a new pool."""
    return PSObject(
        ELEMENT,
        {
            "name": pool["name"],
            "state": pool["state"],
            "autoStart": True,
            "managedRuntimeVersion": pool.get("runtime", "v4.0"),
            "managedPipelineMode": pool.get("pipeline", "Integrated"),
            "PSChildName": pool["name"],
            "PSIsContainer": True,
        },
        text=ELEMENT,
    )


def _pool(call: Call, name: str) -> Document:
    pools = call.machine.collection("apppool")
    if name not in pools:
        raise PowerShellError(
            f"Cannot find path 'IIS:\\AppPools\\{name}' because it does not exist.",
            f"PathNotFound,{COMMANDS}.{_command(call)}",
            category="ObjectNotFound",
            exception_type="System.Management.Automation.ItemNotFoundException",
            target=f"IIS:\\AppPools\\{name}",
        )
    return pools[name]


@cmdlet("Get-WebAppPoolState")
def get_web_app_pool_state(call: Call) -> Iterator[PSObject]:
    require_administrator(call.session)
    for name in named(call) or list(call.machine.collection("apppool")):
        yield PSObject(ELEMENT, {"Value": _pool(call, name)["state"]})


@cmdlet("Start-WebAppPool")
def start_web_app_pool(call: Call) -> None:
    _set_pools(call, "Started")


@cmdlet("Stop-WebAppPool")
def stop_web_app_pool(call: Call) -> None:
    _set_pools(call, "Stopped")


def _set_pools(call: Call, state: str) -> None:
    require_administrator(call.session)
    for name in named(call):
        if _pool(call, name)["state"] == state == "Stopped":
            raise PowerShellError(
                "Object on target path is already stopped.",
                f"InvalidOperation,{COMMANDS}.{_command(call)}",
                category="InvalidOperation",
                exception_type="System.InvalidOperationException",
            )
        call.machine.collection("apppool").change(name, state=state)
