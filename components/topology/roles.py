"""The roles of a portal server: which features and web sites each one brings, in the order they are set up.

Feature names and their order are those of the xAzurePack DSC module's table of features; sites and ports those of
Microsoft's firewall table for Windows Azure Pack (previous-versions, dn469331). The order of the roles is the one
its deployment guide gives (dn296439), with the site of the administrators before its authentication site, which is
what a machine that carries both needs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A web site of IIS (its application pool has the same name) and the TCP port it is installed on.

    ``port`` is None where no document names it. ``namespace`` is what the stores keep the site's public name under;
    ``provider`` names the resource provider that the site is. Either is empty for a site that has none.
    """

    name: str
    """In IIS; its application pool has the same."""
    port: int | None
    namespace: str = ""
    provider: str = ""


@dataclass(frozen=True)
class Role:
    """What one role of the topology means on a machine. ``required``: a farm without it does not work."""

    name: str
    """As a tier's ``roles`` in the topology have it."""
    features: tuple[str, ...]
    """As ``Get-MgmtSvcFeature`` names them, in the order in which they are configured."""
    sites: tuple[Site, ...]
    """One for each feature, in the same order."""
    parts: tuple[str, ...]
    """Names of its own MSI packages, without ``MgmtSvc-`` and ``.msi``."""
    required: bool = True

    @property
    def ports(self) -> tuple[int, ...]:
        """The documented TCP ports on which the role's sites are installed."""
        return tuple(site.port for site in self.sites if site.port is not None)

    def ports_of(self, feature: str) -> tuple[int, ...]:
        """The documented port of a feature's site: features and sites of a role stand in the same order."""
        site = self.sites[self.features.index(feature)]
        return () if site.port is None else (site.port,)

    @property
    def packages(self) -> tuple[str, ...]:
        """File names of the MSI packages in the order in which xAzurePack installs them."""
        return tuple(f"MgmtSvc-{part}.msi" for part in ("PowerShellAPI", *self.parts, "ConfigSite"))


_IN_ORDER = (
    Role(
        "admin-api",
        ("AdminAPI", "WebAppGallery", "Monitoring", "UsageCollector", "UsageService"),
        (
            Site("MgmtSvc-AdminAPI", 30004, namespace="AdminAPI"),
            Site("MgmtSvc-WebAppGallery", 30018, provider="marketplace"),
            Site("MgmtSvc-Monitoring", 30020, provider="monitoring"),
            Site("MgmtSvc-UsageCollector", None),
            Site("MgmtSvc-Usage", 30022, provider="usageservice"),
        ),
        ("WebAppGallery", "Monitoring", "Usage", "AdminAPI"),
    ),
    Role("tenant-api", ("TenantAPI",), (Site("MgmtSvc-TenantAPI", 30005, namespace="TenantAPI"),), ("TenantAPI",)),
    Role(
        "tenant-public-api",
        ("TenantPublicAPI",),
        (Site("MgmtSvc-TenantPublicAPI", 30006, namespace="TenantPublicAPI"),),
        ("TenantPublicAPI",),
    ),
    Role(
        "sql-extension",
        ("SQLServer",),
        (Site("MgmtSvc-SQLServer", 30010, provider="sqlservers"),),
        ("SQLServer",),
        required=False,
    ),
    Role(
        "mysql-extension",
        ("MySQL",),
        (Site("MgmtSvc-MySQL", 30012, provider="mysqlservers"),),
        ("MySQL",),
        required=False,
    ),
    Role("admin-site", ("AdminSite",), (Site("MgmtSvc-AdminSite", 30091, namespace="AdminSite"),), ("AdminSite",)),
    Role(
        "admin-auth",
        ("WindowsAuthSite",),
        (Site("MgmtSvc-WindowsAuthSite", 30072, namespace="WindowsAuthSite"),),
        ("WindowsAuthSite",),
    ),
    Role("tenant-site", ("TenantSite",), (Site("MgmtSvc-TenantSite", 30081, namespace="TenantSite"),), ("TenantSite",)),
    Role("tenant-auth", ("AuthSite",), (Site("MgmtSvc-AuthSite", 30071, namespace="AuthSite"),), ("AuthSite",)),
)

ROLES: dict[str, Role] = {role.name: role for role in _IN_ORDER}
"""Every role by its name in the topology, in the order in which roles are set up."""

SERVICE_ROLES: dict[str, str] = {"mysqlservers": "mysql-extension", "sqlservers": "sql-extension"}
"""The role that must be there before a plan can contain a service."""
