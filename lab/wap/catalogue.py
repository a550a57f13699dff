"""What Windows Azure Pack v1 consists of: products, components, features, sites, logins and databases.

``releases`` says what the release before it lacks.
Names, ports and identifiers are those of the product (docs/lab/wap.md gives the source of each table). Which login uses
which database is the lab's own choice: no source says it.
"""

from __future__ import annotations

from dataclasses import dataclass

CONFIG, PORTAL, STORE, USAGE, GALLERY = (
    f"Microsoft.MgmtSvc.{name}" for name in ("Config", "PortalConfigStore", "Store", "Usage", "WebAppGallery")
)
DATABASES = (CONFIG, PORTAL, STORE, USAGE, GALLERY)

NAMESPACES = (
    "MySQL",
    "SQLServer",
    "Monitoring",
    "UsageService",
    "UsageCollector",
    "WebAppGallery",
    "Notification",
    "AdminAPI",
    "TenantAPI",
    "TenantPublicAPI",
    "AdminSite",
    "TenantSite",
    "AuthSite",
    "WindowsAuthSite",
)


@dataclass(frozen=True)
class Login:
    """A SQL Server login of the product, the database and schema it works in, and whether it reads settings there."""

    name: str
    database: str
    schema: str
    settings: bool = False

    @property
    def schemas(self) -> tuple[str, ...]:
        return (self.schema, "Config") if self.settings else (self.schema,)


@dataclass(frozen=True)
class Site:
    """An IIS site (its application pool has the same name)."""

    name: str
    port: int


@dataclass(frozen=True)
class Feature:
    """What Initialize-MgmtSvcFeature configures. The first login is the one the feature's own site uses."""

    name: str
    component: str
    site: Site
    logins: tuple[Login, ...]
    schemas: tuple[tuple[str, str], ...]
    """(schema, database) pairs that must exist, in this order."""
    provider: tuple[str, str] | None = None
    """Name and display name of the resource provider that the feature registers."""


@dataclass(frozen=True)
class Component:
    """One MSI of the product. ``install_seconds`` is how long its installation takes, modelled (the lab's guess)."""

    name: str
    title: str
    install_seconds: float = 12

    @property
    def registry(self) -> str:
        """Where the installed product code is found; the component is named without ``MgmtSvc-``."""
        return "HKLM\\SOFTWARE\\Microsoft\\MgmtSvc\\" + self.name.removeprefix("MgmtSvc-")


COMPONENTS = {
    name: Component(name, f"Windows Azure Pack - {title} - 2013")
    for name, title in {
        "MgmtSvc-PowerShellAPI": "PowerShell API",
        "MgmtSvc-WebAppGallery": "Web App Gallery Extension",
        "MgmtSvc-Monitoring": "Monitoring Extension",
        "MgmtSvc-Usage": "Usage Extension",
        "MgmtSvc-AdminAPI": "Admin API",
        "MgmtSvc-TenantAPI": "Tenant API",
        "MgmtSvc-TenantPublicAPI": "Tenant Public API",
        "MgmtSvc-SQLServer": "SQL Server Extension",
        "MgmtSvc-MySQL": "MySQL Extension",
        "MgmtSvc-AdminSite": "Admin Site",
        "MgmtSvc-WindowsAuthSite": "Admin Authentication Site",
        "MgmtSvc-TenantSite": "Tenant Site",
        "MgmtSvc-AuthSite": "Tenant Authentication Site",
        "MgmtSvc-ConfigSite": "Configuration Site",
    }.items()
}

CONFIG_SITE = Site("MgmtSvc-ConfigSite", 30101)

ADMIN_API = ("MgmtSvc-WebAppGallery", "MgmtSvc-Monitoring", "MgmtSvc-Usage", "MgmtSvc-AdminAPI")


def bundle(*components: str) -> tuple[str, ...]:
    return ("MgmtSvc-PowerShellAPI", *components, "MgmtSvc-ConfigSite")


PRODUCTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "WAP_SingleMachineInstallation": (
        "Windows Azure Pack: Portal and API Express",
        bundle(
            *ADMIN_API,
            "MgmtSvc-TenantAPI",
            "MgmtSvc-TenantPublicAPI",
            "MgmtSvc-SQLServer",
            "MgmtSvc-MySQL",
            "MgmtSvc-AdminSite",
            "MgmtSvc-WindowsAuthSite",
            "MgmtSvc-TenantSite",
            "MgmtSvc-AuthSite",
        ),
    ),
    "WAP_AdminApiAndServiceProviders_Bundle": ("Windows Azure Pack: Admin API", bundle(*ADMIN_API)),
    "WAP_TenantApi_Bundle": ("Windows Azure Pack: Tenant API", bundle("MgmtSvc-TenantAPI")),
    "WAP_TenantPublicApi_Bundle": ("Windows Azure Pack: Tenant Public API", bundle("MgmtSvc-TenantPublicAPI")),
    "WAP_AdminSite_Bundle": ("Windows Azure Pack: Admin Site", bundle("MgmtSvc-AdminSite")),
    "WAP_WindowsAuthSite_Bundle": (
        "Windows Azure Pack: Admin Authentication Site",
        bundle("MgmtSvc-WindowsAuthSite"),
    ),
    "WAP_TenantSite_Bundle": ("Windows Azure Pack: Tenant Site", bundle("MgmtSvc-TenantSite")),
    "WAP_AuthSite_Bundle": ("Windows Azure Pack: Tenant Authentication Site", bundle("MgmtSvc-AuthSite")),
    "WAP_SQLServerExtension_Bundle": ("Windows Azure Pack: SQL Server Extension", bundle("MgmtSvc-SQLServer")),
    "WAP_MySQLExtension_Bundle": ("Windows Azure Pack: MySQL Extension", bundle("MgmtSvc-MySQL")),
    "WAP_PowerShellAPI": ("Windows Azure Pack: PowerShell API", ("MgmtSvc-PowerShellAPI",)),
}
"""WebPI product → title and the components it installs, in order."""

_PORTAL = (("Config", CONFIG), ("Config", PORTAL), ("PortalAspNet", PORTAL), ("PortalNotification", PORTAL))
_STORE = (("Config", CONFIG), ("Config", STORE), ("Management", STORE), ("Notification", STORE))


def _portal_logins(site: str) -> tuple[Login, ...]:
    return (
        Login(f"MgmtSvc-{site}", PORTAL, "PortalAspNet", settings=True),
        Login(f"{site}NotificationServiceUser", PORTAL, "PortalNotification"),
    )


FEATURES = {
    feature.name: feature
    for feature in (
        Feature(
            "AdminAPI",
            "MgmtSvc-AdminAPI",
            Site("MgmtSvc-AdminAPI", 30004),
            (Login("MgmtSvc-AdminAPI", STORE, "Management", settings=True),),
            _STORE,
        ),
        Feature(
            "WebAppGallery",
            "MgmtSvc-WebAppGallery",
            Site("MgmtSvc-WebAppGallery", 30018),
            (Login("MgmtSvc-WebAppGallery", GALLERY, "WebAppGallery"),),
            (*_STORE, ("WebAppGallery", GALLERY)),
            ("marketplace", "Web Application Gallery"),
        ),
        Feature(
            "Monitoring",
            "MgmtSvc-Monitoring",
            Site("MgmtSvc-Monitoring", 30020),
            (Login("MgmtSvc-Monitoring", STORE, "Management"),),
            _STORE,
            ("monitoring", "Monitoring"),
        ),
        Feature(
            "UsageCollector",
            "MgmtSvc-Usage",
            Site("MgmtSvc-UsageCollector", 30024),
            (
                Login("MgmtSvc-UsageCollector", USAGE, "Usage"),
                Login("MgmtSvc-UsageCollector_Management", STORE, "Management"),
            ),
            (*_STORE, ("Usage", USAGE)),
        ),
        Feature(
            "UsageService",
            "MgmtSvc-Usage",
            Site("MgmtSvc-Usage", 30022),
            (Login("MgmtSvc-Usage", USAGE, "Usage"),),
            (*_STORE, ("Usage", USAGE)),
            ("usageservice", "Usage Service"),
        ),
        Feature(
            "TenantAPI",
            "MgmtSvc-TenantAPI",
            Site("MgmtSvc-TenantAPI", 30005),
            (Login("MgmtSvc-TenantAPI", STORE, "Management", settings=True),),
            _STORE,
        ),
        Feature(
            "TenantPublicAPI",
            "MgmtSvc-TenantPublicAPI",
            Site("MgmtSvc-TenantPublicAPI", 30006),
            (Login("MgmtSvc-TenantPublicAPI", STORE, "Management"),),
            _STORE,
        ),
        Feature(
            "SQLServer",
            "MgmtSvc-SQLServer",
            Site("MgmtSvc-SQLServer", 30010),
            (Login("MgmtSvc-SQLServer", STORE, "SQLServer"),),
            (*_STORE, ("SQLServer", STORE)),
            ("sqlservers", "SQL Servers"),
        ),
        Feature(
            "MySQL",
            "MgmtSvc-MySQL",
            Site("MgmtSvc-MySQL", 30012),
            (Login("MgmtSvc-MySQL", STORE, "MySQL"),),
            (*_STORE, ("MySQL", STORE)),
            ("mysqlservers", "MySQL Servers"),
        ),
        Feature(
            "AdminSite", "MgmtSvc-AdminSite", Site("MgmtSvc-AdminSite", 30091), _portal_logins("AdminSite"), _PORTAL
        ),
        Feature(
            "WindowsAuthSite",
            "MgmtSvc-WindowsAuthSite",
            Site("MgmtSvc-WindowsAuthSite", 30072),
            (Login("MgmtSvc-WindowsAuthSite", PORTAL, "PortalAspNet", settings=True),),
            _PORTAL,
        ),
        Feature(
            "TenantSite",
            "MgmtSvc-TenantSite",
            Site("MgmtSvc-TenantSite", 30081),
            _portal_logins("TenantSite"),
            _PORTAL,
        ),
        Feature("AuthSite", "MgmtSvc-AuthSite", Site("MgmtSvc-AuthSite", 30071), _portal_logins("AuthSite"), _PORTAL),
    )
}
"""By name, in the order in which Initialize-MgmtSvcProduct takes them."""


def feature_named(name: str) -> Feature | None:
    return next((feature for key, feature in FEATURES.items() if key.lower() == name.lower()), None)


def sites_of(component: str) -> list[Site]:
    """The sites that a component's MSI makes."""
    if component == "MgmtSvc-ConfigSite":
        return [CONFIG_SITE]
    return [feature.site for feature in FEATURES.values() if feature.component == component]
