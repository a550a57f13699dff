"""Windows Azure Pack v1 and Service Provider Foundation in the lab. Importing registers its cmdlets and programs."""

from __future__ import annotations

from lab.powershell.api import AVAILABLE, Session


def _module_installed(session: Session, name: str) -> bool:
    """The modules MgmtSvc… come with the component MgmtSvc-PowerShellAPI."""
    if "-mgmtsvc" not in name.lower():
        return True
    return "MgmtSvc-PowerShellAPI" in session.machine.collection("wap-component")


AVAILABLE.append(_module_installed)

from lab.wap import (  # noqa: E402 - registration
    cmdlets_admin,  # noqa: F401
    cmdlets_config,  # noqa: F401
    cmdlets_hosting,  # noqa: F401
    cmdlets_settings,  # noqa: F401
    msi,  # noqa: F401
    webpi,  # noqa: F401
)
