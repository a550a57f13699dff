"""The two releases of the product, by ``product`` of the topology: what differs between them, once.

``wap`` is Windows Azure Pack v1, ``wa4ws`` the release before it, Windows Azure for Windows Server of January 2013.
Titles of the six products of the latter, its sites and its logins are read off screenshots; its product identifiers
and which of the cmdlets it has are the lab's own choice (docs/lab/wap.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.wap.catalogue import ADMIN_API, COMPONENTS, PRODUCTS, bundle
from lab.world import World

_AUTHENTICATION = ("MgmtSvc-WindowsAuthSite", "MgmtSvc-AuthSite")
_TITLE = "Service Management Portal and Service Management API"
_PORTALS = ("MgmtSvc-AdminSite", "MgmtSvc-TenantSite")
_RTM_ADMIN_API = (*ADMIN_API, "MgmtSvc-SQLServer", "MgmtSvc-MySQL")


@dataclass(frozen=True)
class Release:
    """What one release brings."""

    products: dict[str, tuple[str, tuple[str, ...]]]
    """WebPI product → title and the components it installs, in order."""
    components: tuple[str, ...]
    msi_folder: str
    federated: bool
    """Whether visitors sign in at sites of their own. Else Windows (administrators) and a form (tenants) do it, the
    operators' local group is all that makes an administrator, and the store has no list of them."""
    cmdlets_without: tuple[str, ...] = ()
    """Endings of the product's nouns for which there are no cmdlets."""
    providers_without: tuple[str, ...] = ()
    """Resource providers that its features do not register."""
    admin_cmdlets: bool = True
    """Whether the module MgmtSvcAdmin (the client of the administrators' interface) comes with it."""


_WA4WS: dict[str, tuple[str, tuple[str, ...]]] = {
    "WA4WS_Express": (
        f"{_TITLE} Express",
        bundle(*_RTM_ADMIN_API, "MgmtSvc-TenantAPI", "MgmtSvc-TenantPublicAPI", *_PORTALS),
    ),
    "WA4WS_AdminAPI": (f"{_TITLE} Admin API", bundle(*_RTM_ADMIN_API)),
    "WA4WS_TenantAPI": (f"{_TITLE} Tenant API", bundle("MgmtSvc-TenantAPI")),
    "WA4WS_TenantPublicAPI": (f"{_TITLE} Tenant Public API", bundle("MgmtSvc-TenantPublicAPI")),
    "WA4WS_AdminSite": (f"{_TITLE} Admin Site", bundle("MgmtSvc-AdminSite")),
    "WA4WS_TenantSite": (f"{_TITLE} Tenant Site", bundle("MgmtSvc-TenantSite")),
}

RELEASES = {
    "wap": Release(PRODUCTS, tuple(COMPONENTS), "WindowsAzurePack2013", federated=True),
    "wa4ws": Release(
        _WA4WS,
        tuple(name for name in COMPONENTS if name not in _AUTHENTICATION),
        "WindowsAzureForWindowsServer",
        federated=False,
        cmdlets_without=("adminuser", "fqdn", "relyingpartysettings", "identityprovidersettings"),
        providers_without=("usageservice",),
        admin_cmdlets=False,
    ),
}


def release_of(world: World) -> Release:
    """The release that the topology's ``product`` names."""
    return RELEASES[world.topology.get("product", "wap")]
