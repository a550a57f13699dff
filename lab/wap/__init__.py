"""Windows Azure Pack, the release before it, and Service Provider Foundation. Importing registers their cmdlets."""

from __future__ import annotations

from lab.powershell import table
from lab.powershell.api import AVAILABLE, Session
from lab.wap.releases import release_of

_ADMINISTRATORS = ("MgmtSvcAdmin", "MgmtSvcMySql", "MgmtSvcSqlServer")
"""Modules that are clients of the administrators' interfaces."""


def _module_installed(session: Session, name: str) -> bool:
    """The modules MgmtSvc… come with the component MgmtSvc-PowerShellAPI, as far as the release has them."""
    lower = name.lower()
    if "-mgmtsvc" not in lower:
        return True
    if not installer.model(session.machine)["cmdlets"]:
        return False
    release, known = release_of(session.machine.world), table.find(name)
    if lower.endswith(release.cmdlets_without) or (
        not release.admin_cmdlets and known is not None and known.module in _ADMINISTRATORS
    ):
        return False
    return "MgmtSvc-PowerShellAPI" in session.machine.collection("wap-component")


AVAILABLE.append(_module_installed)

from lab.wap import (  # noqa: E402 - registration
    cmdlets_admin,  # noqa: F401
    cmdlets_config,  # noqa: F401
    cmdlets_hosting,  # noqa: F401
    cmdlets_settings,  # noqa: F401
    installer,
    msi,  # noqa: F401
    web_request_dotnet,  # noqa: F401
    webpi,  # noqa: F401
)
