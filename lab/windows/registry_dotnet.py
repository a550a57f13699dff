"""[Microsoft.Win32.Registry]::LocalMachine, as far as it takes to make a key: ``HKLM:`` makes no volatile one.

Rules: the .NET Framework 4 documentation of RegistryKey.CreateSubKey and RegistryOptions.
"""

from __future__ import annotations

from typing import Any

from lab.powershell.api import DotNet, NotModelledError, PSObject, Session, dotnet
from lab.windows import registry
from lab.windows.values import text

ROOT = "HKEY_LOCAL_MACHINE"


def _local_machine(session: Session) -> PSObject:
    def create(path: Any, check: Any = "Default", options: Any = "None", *further: Any) -> PSObject:
        if further or text(check) != "Default" or text(options) not in ("None", "Volatile"):
            raise NotModelledError("RegistryKey.CreateSubKey with rights or other options")
        name = text(path).strip("\\")
        registry.writable(session, name)
        registry.create(session.machine, f"HKLM\\{name}", volatile=text(options) == "Volatile")
        return PSObject(
            "Microsoft.Win32.RegistryKey",
            {"Name": f"{ROOT}\\{name}"},
            {"Close": lambda: None, "Dispose": lambda: None},
            text=f"{ROOT}\\{name}",
        )

    return PSObject("Microsoft.Win32.RegistryKey", {"Name": ROOT}, {"CreateSubKey": create}, text=ROOT)


@dotnet("Microsoft.Win32.Registry")
class Registry(DotNet):
    computed = {"LocalMachine": _local_machine}  # noqa: RUF012 - a constant table
